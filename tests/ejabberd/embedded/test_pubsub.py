"""Publish-subscribe on the embedded server, as slixmpp's XEP-0060 speaks it."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

import pytest
from slixmpp.exceptions import IqError

from tests.timing import PATIENCE

SERVICE = "pubsub.localhost"


def _payload(text: str) -> Element:
    payload = Element("{vedette/1}event")
    payload.text = text
    return payload


def _listen(client: Any) -> list[Any]:
    events: list[Any] = []
    for name in ("publish", "retract", "purge", "delete"):
        client.add_event_handler(f"pubsub_{name}", events.append)
    return events


async def test_subscribers_are_told_what_is_published(connect: Any, until: Any) -> None:
    a, b, c = await connect("a"), await connect("b"), await connect("c")
    heard, unheard = _listen(b), _listen(c)
    await a["xep_0060"].create_node(SERVICE, "scan")
    await b["xep_0060"].subscribe(SERVICE, "scan")
    await a["xep_0060"].publish(SERVICE, "scan", id="1", payload=_payload("first"))
    await until(lambda: heard)
    item = heard[0]["pubsub_event"]["items"]["item"]
    assert (item["id"], item["payload"].text, str(heard[0]["from"])) == ("1", "first", SERVICE)
    await c["xep_0199"].ping("localhost", timeout=PATIENCE)
    assert unheard == []


async def test_nodes_items_and_subscriptions_outlive_the_server(server: Any, connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await a["xep_0060"].create_node(SERVICE, "scan")
    await b["xep_0060"].subscribe(SERVICE, "scan")
    for number in range(120):
        await a["xep_0060"].publish(SERVICE, "scan", id=str(number), payload=_payload(str(number)))
    await server.embedded.stop()
    await server.embedded.start()
    a, b = await connect("a"), await connect("b")
    heard = _listen(b)
    items = (await b["xep_0060"].get_items(SERVICE, "scan"))["pubsub"]["items"]
    assert [item["id"] for item in items] == [str(number) for number in range(20, 120)]
    newest = (await b["xep_0060"].get_items(SERVICE, "scan", max_items=1))["pubsub"]["items"]
    assert [item["payload"].text for item in newest] == ["119"]
    await a["xep_0060"].publish(SERVICE, "scan", payload=_payload("again"))
    await until(lambda: heard)
    listed = (await b["xep_0060"].get_subscriptions(SERVICE))["pubsub"]["subscriptions"]
    assert [(entry["node"], str(entry["jid"])) for entry in listed] == [("scan", "b@localhost")]


async def test_retract_purge_delete_and_unsubscribe(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    heard = _listen(b)
    await a["xep_0060"].create_node(SERVICE, "scan")
    await b["xep_0060"].subscribe(SERVICE, "scan")
    await a["xep_0060"].publish(SERVICE, "scan", id="1", payload=_payload("x"))
    await a["xep_0060"].retract(SERVICE, "scan", "1")
    await a["xep_0060"].purge(SERVICE, "scan")
    await until(lambda: len(heard) == 3)
    await b["xep_0060"].unsubscribe(SERVICE, "scan")
    await a["xep_0060"].publish(SERVICE, "scan", id="2", payload=_payload("x"))
    await a["xep_0060"].delete_node(SERVICE, "scan")
    await b["xep_0199"].ping("localhost", timeout=PATIENCE)
    assert len(heard) == 3
    with pytest.raises(IqError, match="item-not-found"):
        await b["xep_0060"].subscribe(SERVICE, "scan")


async def test_only_those_who_may_publish_do(connect: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await a["xep_0060"].create_node(SERVICE, "scan")
    for attempt in (
        b["xep_0060"].publish(SERVICE, "scan", payload=_payload("forged")),
        b["xep_0060"].delete_node(SERVICE, "scan"),
        b["xep_0060"].purge(SERVICE, "scan"),
        b["xep_0060"].retract(SERVICE, "scan", "1"),
        b["xep_0060"].modify_affiliations(SERVICE, "scan", [("b@localhost", "owner")]),
    ):
        with pytest.raises(IqError, match="forbidden"):
            await attempt
    await a["xep_0060"].modify_affiliations(SERVICE, "scan", [("b@localhost", "publisher")])
    await b["xep_0060"].publish(SERVICE, "scan", payload=_payload("allowed"))


async def test_a_whitelisted_node_is_for_its_members(connect: Any) -> None:
    a, b, c = await connect("a"), await connect("b"), await connect("c")
    form = a["xep_0004"].make_form(ftype="submit")
    form.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/pubsub#node_config")
    form.add_field(var="pubsub#access_model", value="whitelist")
    await a["xep_0060"].create_node(SERVICE, "tst", config=form)
    with pytest.raises(IqError, match="forbidden"):
        await b["xep_0060"].subscribe(SERVICE, "tst")
    await a["xep_0060"].modify_affiliations(SERVICE, "tst", [("b@localhost", "member")])
    await b["xep_0060"].subscribe(SERVICE, "tst")
    with pytest.raises(IqError, match="forbidden"):
        await c["xep_0060"].get_items(SERVICE, "tst")
    await a["xep_0060"].modify_affiliations(SERVICE, "tst", [("b@localhost", "none")])
    assert list((await b["xep_0060"].get_subscriptions(SERVICE))["pubsub"]["subscriptions"]) == []


async def test_bad_requests_are_refused(connect: Any) -> None:
    a = await connect("a")
    await a["xep_0060"].create_node(SERVICE, "scan")
    with pytest.raises(IqError, match="conflict"):
        await a["xep_0060"].create_node(SERVICE, "scan")
    with pytest.raises(IqError, match="item-not-found"):
        await a["xep_0060"].publish(SERVICE, "none", payload=_payload("x"))
    with pytest.raises(IqError, match="bad-request"):
        await a["xep_0060"].subscribe(SERVICE, "scan", subscribee="b@localhost")
    with pytest.raises(IqError, match="feature-not-implemented"):
        await a["xep_0060"].get_node_config(SERVICE, "scan")


async def test_nodes_are_listed(connect: Any) -> None:
    a = await connect("a")
    await a["xep_0060"].create_node(SERVICE, "scan")
    nodes = (await a["xep_0060"].get_nodes(SERVICE))["disco_items"]["items"]
    assert [entry[1] for entry in nodes] == ["scan"]
    info = await a["xep_0030"].get_info(SERVICE)
    assert "http://jabber.org/protocol/pubsub#publish" in info["disco_info"]["features"]
