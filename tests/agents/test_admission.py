"""Who is let in, what is answered to the malformed, and that the agent is unharmed."""

from __future__ import annotations

import asyncio
from typing import Any

from spade.message import Message

from behaviours.exchange import compose
from tests.agents.station import DOMAIN, Sender, Station, Until, make_item
from tests.timing import PATIENCE
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative


async def _ask(sender: Sender, message: Message) -> Any:
    answer = await sender.ask(message, time_limit=PATIENCE)
    assert answer is not None
    return answer.performative, answer.value()


def _message(station: Station, body: str, **metadata: str) -> Message:
    known = {"performative": "inform", "ontology": "vedette/1", "action": "deliver"}
    return Message(to=station.jid("engine"), body=body, metadata=known | metadata)


async def test_malformed_messages_are_refused_with_the_reason(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    cases = [
        (_message(station, "{"), "not JSON"),
        (_message(station, "[]"), "Input should be"),
        (_message(station, '{"manifest": {"text": "{}", "signature": "AAAA"}, "items": []}'), "64 bytes"),
        (_message(station, "!", encoding="zstd+base64"), "wrong base64"),
        (_message(station, "{}", encoding="rot13"), "not known"),
        (_message(station, "{}", action="dance"), "not known"),
        (_message(station, "{}", performative="propose"), None),
        (_message(station, "{}", action="control"), "may not send"),
    ]
    for message, reason in cases:
        if reason is None:
            sender.send(message)
            continue
        performative, value = await _ask(sender, message)
        assert performative is Performative.REFUSE
        assert reason in value["reason"]
    performative, value = await _ask(sender, _message(station, "{}", ontology="vedette/2"))
    assert performative is Performative.NOT_UNDERSTOOD
    assert "vedette/1" in value["reason"]

    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 1)


async def test_a_bare_scandale_message_needs_an_account_enrolled_for_it(station: Station, until: Until) -> None:
    import json

    await station.start_hub()
    sender = await station.sender("bare")
    item = make_item(b"from a probe of SCANDALE")
    message = Message(
        to=station.jid("engine"),
        body=json.dumps(item),
        metadata={"performative": "inform", "ontology": "probeAgentOntology", "language": "OWL-S"},
    )
    sender.send(message)
    await until(lambda: station.engine.counters["refused"] == 1)
    assert await station.count() == 0

    await station.directory.enrol(
        sender.identity.jid,
        role=Role.PROBE,
        public_key=sender.identity.key.verifying.text,
        unsigned_allowed=True,
    )
    sender.send(message)
    await until(lambda: station.engine.receiving.counters["unsigned"] == 1)
    await until(lambda: any(event["event"] == "committed" for event in station.progress))
    from registry.items import ItemFilter

    (summary,) = (await station.items.page(wanted=ItemFilter())).items
    assert summary.unsigned
    assert summary.agent == sender.identity.jid


async def test_a_strangers_subscription_is_refused_not_approved(station: Station, until: Until) -> None:
    await station.start_hub()
    stranger = await station.sender(enrolled=False)
    seen: list[str] = []
    stranger.connection.on_presence(lambda stanza: seen.append(f"{stanza['type']} {stanza['from'].bare}"))
    stranger.client.send_presence(pto=station.jid("engine"), ptype="subscribe")
    await until(lambda: f"unsubscribed {station.jid('engine')}" in seen)
    assert station.engine.counters["refused"] >= 1
    assert f"available {station.jid('engine')}" not in seen


async def test_the_state_document_is_given_over_xmpp_to_the_enrolled_only(station: Station) -> None:
    await station.start_hub()
    sender = await station.sender()
    question = compose(to=station.jid("engine"), performative=Performative.REQUEST, action=Action.STATE, value={})
    performative, value = await _ask(sender, question)
    assert performative is Performative.INFORM
    assert value["jid"] == station.jid("engine")
    assert {behaviour["name"] for behaviour in value["behaviours"]} >= {"receive", "timestamp", "register"}
    stranger = await station.sender("stranger", enrolled=False)
    performative, value = await _ask(stranger, _state_question(station))
    assert performative is Performative.REFUSE
    assert "not enrolled" in value["reason"]


def _state_question(station: Station) -> Message:
    return compose(to=station.jid("engine"), performative=Performative.REQUEST, action=Action.STATE, value={})


async def test_a_flood_of_nonsense_is_counted_and_the_agent_stays(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    for number in range(500):
        sender.send(_message(station, "x" * (number % 50), encoding="zstd+base64"))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 1)
    refused = station.engine.receiving.counters["refused"] + station.engine.receiving.counters["dropped"]
    assert refused + station.engine.counters["dropped"] >= 500


async def test_a_message_of_another_domain_or_an_unknown_account_reaches_nobody(station: Station) -> None:
    await station.start_hub()
    sender = await station.sender()
    message = compose(to=f"nobody@{DOMAIN}", performative=Performative.REQUEST, action=Action.STATE, value={})
    assert await sender.ask(message, time_limit=0.5) is None
