"""Each agent's own page on a real fleet: one document for page, JSON and XMPP, and hostile words stay words."""

from __future__ import annotations

from typing import Any

import aiohttp
from spade.message import Message

from agents.base import BaseAgent
from behaviours.exchange import compose
from tests.agents.station import Station, Until, make_item
from tests.timing import PATIENCE
from vedette.messages.envelope import Action, Performative
from vedette.messages.state import EXCERPT, MESSAGES_KEPT, AgentState

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"


async def _get(agent: BaseAgent, path: str = "", **headers: str) -> tuple[int, str, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"{agent.address}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text(), dict(answer.headers)


async def test_page_json_and_xmpp_show_the_same_document(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 1)
    question = compose(to=station.jid("engine"), performative=Performative.REQUEST, action=Action.STATE, value={})

    def fixed(state: AgentState) -> dict[str, Any]:
        return state.model_dump(include={"jid", "role", "fingerprint", "server", "started_at", "notes", "panels"})

    async def is_the_same() -> bool:
        answer = await sender.ask(question, time_limit=PATIENCE)
        assert answer is not None
        over_xmpp = AgentState.model_validate(answer.value())
        _, text, headers = await _get(station.engine, "?format=json")
        assert headers["Content-Type"].startswith("application/json")
        over_http = AgentState.model_validate_json(text)
        return fixed(over_xmpp) == fixed(over_http) == fixed(station.engine.state())

    # The engine goes on between the looks: its panels may change, but not for ever.
    await until(is_the_same)
    status, page, headers = await _get(station.engine)
    assert status == 200
    for words in (station.jid("engine"), "receive", "timestamp", "register", station.jid("sender")):
        assert words in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_contacts_show_presence_and_who_they_are(station: Station, until: Until) -> None:
    await station.start_hub()
    await station.sender()

    def seen() -> bool:
        contacts = {contact.jid: contact for contact in station.registry.state().contacts}
        sender = contacts.get(station.jid("sender"))
        return sender is not None and (sender.show, sender.role) == ("available", "probe")

    await until(seen)
    _, page, _ = await _get(station.registry)
    assert station.jid("sender") in page


async def test_hostile_messages_are_cut_bounded_and_escaped(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    for _ in range(MESSAGES_KEPT + 10):
        sender.send(
            Message(
                to=station.jid("engine"),
                body=HOSTILE * 50,
                metadata={"performative": HOSTILE, "ontology": HOSTILE, "action": HOSTILE},
            )
        )
    await until(lambda: station.engine.counters["refused"] >= MESSAGES_KEPT + 10)
    state = station.engine.state()
    assert len(state.messages) == MESSAGES_KEPT
    assert all(len(message.excerpt) <= EXCERPT for message in state.messages)
    _, page, _ = await _get(station.engine)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


async def test_the_page_answers_only_to_its_own_name_and_serves_nothing_else(station: Station) -> None:
    await station.start_hub()
    assert (await _get(station.engine, Host="evil.example"))[0] == 421
    assert (await _get(station.engine, "spade"))[0] == 404
    assert station.engine.address.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession() as browser, browser.post(station.engine.address) as answer:
        assert answer.status == 405


async def test_no_secret_is_on_a_page(station: Station, until: Until) -> None:
    await station.start_hub()
    _, page, _ = await _get(station.engine)
    _, document, _ = await _get(station.engine, "?format=json")
    for secret in (station.engine.identity.password, station.registry.identity.password):
        assert secret not in page
        assert secret not in document
