"""Where stanzas go, and that nobody speaks for another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slixmpp.exceptions import IqError

from ejabberd.authority import Authority
from tests.timing import PATIENCE


async def test_a_wrong_password_fails_soon(server: Any) -> None:
    client = server.client("a", password="not-the-password-of-this-account")
    client.connect("127.0.0.1", server.embedded.port)
    await asyncio.wait_for(client.failed.wait(), PATIENCE)
    await client.disconnect(wait=0.1)


async def test_a_server_with_another_authority_is_not_trusted(server: Any, tmp_path: Any) -> None:
    other = Authority(tmp_path / "other")
    other.ensure()
    client = server.client("a")
    client.ca_certs = other.ca_file
    refused = asyncio.Event()
    client.add_event_handler("ssl_invalid_chain", lambda _: refused.set())
    client.add_event_handler("connection_failed", lambda _: refused.set())
    client.connect("127.0.0.1", server.embedded.port)
    await asyncio.wait_for(refused.wait(), PATIENCE)
    assert client.session_bind_event.is_set() is False
    client.cancel_connection_attempt()
    client.abort()


async def test_a_large_message_passes_whole(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    body = "<é&\"'\n\t>\U0001f600" * 20_000
    a.send_message("b@localhost", body)
    await until(lambda: b.messages)
    assert b.messages[0]["body"] == body


async def test_messages_keep_their_order_and_none_is_lost(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    for number in range(1000):
        a.send_message("b@localhost", str(number))
    await until(lambda: len(b.messages) == 1000)
    assert [message["body"] for message in b.messages] == [str(number) for number in range(1000)]


async def test_a_forged_sender_is_replaced(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    a.send_raw("<message to='b@localhost' from='c@localhost/main'><body>trust me</body></message>")
    await until(lambda: b.messages)
    assert str(b.messages[0]["from"]) == "a@localhost/main"


async def test_metadata_and_foreign_elements_survive(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    extra = "<x xmlns='jabber:x:data' type='form'><field var='performative'><value>inform</value></field></x>"
    a.send_raw(
        "<message to='b@localhost' xml:lang='de' xmlns:q='urn:q' q:mark='1'>"
        f"<body>hi</body>{extra}<q:e q:f='2'/></message>"
    )
    await until(lambda: b.messages)
    xml = b.messages[0].xml
    assert xml.find("{jabber:x:data}x/{jabber:x:data}field/{jabber:x:data}value").text == "inform"
    assert xml.get("{urn:q}mark") == "1"
    assert xml.find("{urn:q}e").get("{urn:q}f") == "2"
    assert b.messages[0]["lang"] == "de"


async def test_addresses_are_compared_exactly(server: Any, connect: Any, until: Any) -> None:
    for name in ("probe.1", "probex1", "probe.11"):
        server.add(name)
    a = await connect("a")
    dotted, similar, longer = [await connect(name) for name in ("probe.1", "probex1", "probe.11")]
    a.send_message("probe.1@localhost", "for one")
    a.send_message("a@localhost", "marker")
    await until(lambda: a.messages and dotted.messages)
    for other in (similar, longer):
        await other.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
        assert other.messages == []


async def test_upper_case_finds_the_same_account(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    a.send_message("B@LocalHost", "hello")
    await until(lambda: b.messages)


async def test_a_message_to_one_who_is_away_is_not_kept(connect: Any, until: Any) -> None:
    a = await connect("a")
    a.send_message("b@localhost", "lost")
    a.send_message("b@localhost/main", "lost as well")
    await a.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
    b = await connect("b")
    a.send_message("b@localhost", "after")
    await until(lambda: b.messages)
    assert [message["body"] for message in b.messages] == ["after"]
    assert a.messages == []


async def test_the_highest_priority_gets_it(connect: Any, until: Any) -> None:
    a = await connect("a")
    low, high, none = [await connect("b", resource=name) for name in ("low", "high", "none")]
    high.send_presence(ppriority=5)
    none.send_presence(ppriority=-1)
    await high.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
    await none.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
    a.send_message("b@localhost", "one")
    await until(lambda: high.messages)
    assert low.messages == none.messages == []


async def test_a_second_login_with_the_same_resource_replaces_the_first(connect: Any, until: Any) -> None:
    first = await connect("a")
    ended: list[Any] = []
    first.add_event_handler("disconnected", ended.append)
    second = await connect("a")
    await until(lambda: ended)
    b = await connect("b")
    b.send_message("a@localhost/main", "hello")
    await until(lambda: second.messages)


async def test_a_removed_account_is_out_and_a_new_one_in(server: Any, connect: Any, until: Any) -> None:
    a = await connect("a")
    ended: list[Any] = []
    a.add_event_handler("disconnected", ended.append)
    server.accounts.remove("a")
    await until(lambda: ended)
    again = server.client("a")
    again.connect("127.0.0.1", server.embedded.port)
    await asyncio.wait_for(again.failed.wait(), PATIENCE)
    await again.disconnect(wait=0.1)
    server.add("new")
    assert str((await connect("new")).boundjid) == "new@localhost/main"


async def test_a_query_between_clients_is_passed_on(connect: Any) -> None:
    a = await connect("a")
    await connect("b")
    answer = await a.plugin["xep_0030"].get_info("b@localhost/main", timeout=PATIENCE)
    assert answer["type"] == "result"
    assert str(answer["from"]) == "b@localhost/main"


@pytest.mark.parametrize(
    ("to", "condition"),
    [
        ("b@localhost/none", "service-unavailable"),
        ("b@localhost", "service-unavailable"),
        ("a@elsewhere.example", "remote-server-not-found"),
        ("nothing.localhost", "remote-server-not-found"),
    ],
)
async def test_a_query_that_nobody_can_answer_is_refused(connect: Any, to: str, condition: str) -> None:
    a = await connect("a")
    with pytest.raises(IqError) as caught:
        await a.plugin["xep_0030"].get_info(to, timeout=PATIENCE)
    assert caught.value.condition == condition


async def test_a_malformed_address_is_refused_and_the_stream_goes_on(connect: Any, until: Any) -> None:
    a = await connect("a")
    a.send_raw("<message to='@@' id='1'><body>x</body></message>")
    a.send_raw("<presence to='a@b@c/d'/>")
    await until(lambda: a.messages)
    assert a.messages[0]["error"]["condition"] == "jid-malformed"
    await a.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)


async def test_discovery_names_the_service(connect: Any) -> None:
    a = await connect("a")
    items = await a.plugin["xep_0030"].get_items("localhost", timeout=PATIENCE)
    assert ("pubsub.localhost", None, "Publish-subscribe") in items["disco_items"]["items"]


async def test_the_server_knows_of_commands_and_has_none(connect: Any) -> None:
    a = await connect("a")
    disco, node = a.plugin["xep_0030"], "http://jabber.org/protocol/commands"
    assert node in (await disco.get_info("localhost", timeout=PATIENCE))["disco_info"]["features"]
    assert not (await disco.get_items("localhost", node=node, timeout=PATIENCE))["disco_items"]["items"]
    with pytest.raises(IqError) as caught:
        await disco.get_items("localhost", node="nothing", timeout=PATIENCE)
    assert caught.value.condition == "item-not-found"
