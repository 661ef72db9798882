"""Registering: at each new session, again when nobody answers, ever more rarely when refused; then heartbeats."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spade.message import Message
from structlog.testing import capture_logs

from behaviours import register
from behaviours.exchange import Incoming
from behaviours.register import Register
from tests.agents.station import Until
from tests.behaviours.switchboard import Switchboard, incoming, started
from vedette.canonical import parse_json
from vedette.clock import ManualClock, SystemClock
from vedette.messages.batch import Signed, open_signed
from vedette.messages.card import Card, Heartbeat, Role
from vedette.messages.envelope import Action, Performative
from vedette.sealing.keys import REPLACED_AFTER, SealingKeys
from vedette.signing import SigningKey

KEY = SigningKey.generate()
REGISTRY = "registry@localhost"


def _card() -> Card:
    return Card(
        jid="probe1@localhost",
        role=Role.PROBE,
        version="1",
        public_key=KEY.verifying.text,
        started_at=1,
        signed_at=SystemClock().now(),
    )


async def _beat() -> Heartbeat:
    return Heartbeat(show="dnd", status="outbox full", pending=3)


def _agree(_: Message) -> Incoming:
    return incoming(Performative.AGREE, Action.REGISTER, {"registered": "probe1@localhost"}, sender=REGISTRY)


def _refuse(_: Message) -> Incoming:
    return incoming(Performative.REFUSE, Action.REGISTER, {"field": "from", "reason": "revoked"}, sender=REGISTRY)


def _register(board: Switchboard, *, card: Callable[[], Card] = _card) -> Register:
    return Register(
        clock=SystemClock(),
        agent_name="probe1",
        exchange=board,
        registry=REGISTRY,
        key=KEY,
        card=card,
        heartbeat=_beat,
    )


async def test_it_sends_the_signed_card_and_then_signs_of_life(until: Until) -> None:
    board = Switchboard(_agree)
    behaviour = _register(board)
    async with started(behaviour):
        await until(lambda: board.sent)
        assert behaviour.registered
    (asked,) = board.asked
    assert (str(asked.to), asked.get_metadata("action")) == (REGISTRY, "register")
    assert board.shown == [REGISTRY]
    signed = Signed.model_validate(parse_json(asked.body))
    assert open_signed(Card, signed, KEY.verifying).jid == "probe1@localhost"
    beat = Heartbeat.model_validate(parse_json(board.sent[0].body))
    assert (beat.show, beat.status, beat.pending) == ("dnd", "outbox full", 3)
    assert behaviour.counters["registered"] == 1


async def test_a_new_session_is_registered_anew(until: Until) -> None:
    board = Switchboard(_agree)
    behaviour = _register(board)
    async with started(behaviour):
        await until(lambda: behaviour.registered)
        board.online = False
        assert not behaviour.registered
        board.online, board.session = True, 2
        await until(lambda: behaviour.counters["registered"] == 2)
    assert len(board.asked) == 2


async def test_a_new_sealing_key_is_said_in_the_same_session(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "HEARTBEAT_EVERY", 0.05)
    board, clock = Switchboard(_agree), ManualClock()
    keys = SealingKeys(clock=clock)
    behaviour = _register(board, card=lambda: _card().model_copy(update={"sealing_key": keys.current.text}))
    async with started(behaviour):
        await until(lambda: behaviour.counters["heartbeats"])
        assert behaviour.counters["registered"] == 1
        first = keys.current.text
        clock.advance(REPLACED_AFTER)
        await until(lambda: behaviour.counters["registered"] == 2)
    said = [open_signed(Card, Signed.model_validate(parse_json(one.body)), KEY.verifying) for one in board.asked]
    assert [card.sealing_key for card in said] == [first, keys.current.text]
    assert first != keys.current.text


async def test_without_a_connection_it_asks_nobody(until: Until) -> None:
    board = Switchboard(_agree)
    board.online = False
    behaviour = _register(board)
    async with started(behaviour):
        await until(lambda: behaviour.state().runs >= 2)
    assert board.asked == []


async def test_refused_it_comes_back_ever_more_rarely(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Switchboard(_refuse)
    behaviour = _register(board)
    waited: list[float] = []

    clock = ManualClock()
    behaviour.clock = clock

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(seconds)

    monkeypatch.setattr(behaviour, "pause", pause)
    with capture_logs() as lines:
        async with started(behaviour):
            await until(lambda: behaviour.counters["not registered"] >= 8)
    said = [line for line in lines if line["event"] == "not registered"]
    assert {line["reason"] for line in said} == {"revoked"}
    delays = [line["again_in"] for line in said]
    assert delays[0] <= 0.5
    assert delays[-1] > 10
    assert behaviour.state().failures == 0


async def test_a_new_session_does_not_wait_for_the_old_one_s_refusal(until: Until) -> None:
    board = Switchboard(_refuse)
    behaviour = _register(board)
    behaviour._patience.failures = 10
    async with started(behaviour):
        await until(lambda: behaviour.counters["not registered"] == 1)
        board.answer, board.session = _agree, 2
        await until(lambda: behaviour.registered)


async def test_while_nobody_answers_it_asks_soon_again(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "UNANSWERED_PAUSE", 0.01)
    board = Switchboard()
    behaviour = _register(board)
    async with started(behaviour):
        await until(lambda: len(board.asked) >= 4)
        board.answer = _agree
        await until(lambda: behaviour.registered)


async def test_an_answer_that_makes_no_sense_is_no_registration(until: Until) -> None:
    board = Switchboard(lambda _: incoming(Performative.REFUSE, Action.REGISTER, ["what"], sender=REGISTRY))
    behaviour = _register(board)
    async with started(behaviour):
        await until(lambda: behaviour.counters["not registered"] == 1)
    assert not behaviour.registered
    assert behaviour.state().failures == 0
