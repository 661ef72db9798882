"""Hostile peers on both servers: refused, logged once for each reason, and the service is unharmed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, cast

import orjson
import pytest
from spade.message import Message

from agents.identity import Identity
from behaviours.exchange import Incoming, compose, compose_encoded
from registry.outbox import Outbox
from tests.faults.checker import check, count_lines
from tests.faults.harness import START, Rig, SenderPart, Server, seeded
from tests.faults.processes import resident, until
from tests.faults.sender import Sender, make_item
from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.delivery.packing import OutgoingItem, pack
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.item import ReceivedItem
from vedette.signing import SigningKey

ENGINE = "aggregation@localhost"
AGAIN = 20
"""How often a refused message is said again."""

MEGABYTE = 1024 * 1024
MAY_GROW = 40 * MEGABYTE
"""What a process may keep after being shouted at: buffers and fragments, not what was shouted."""

REFUSED = Performative.REFUSE
METADATA = {"performative": "inform", "ontology": "vedette/1", "action": "deliver", "encoding": "zstd+base64"}

_numbers = count(1)
_items = count(1)


@pytest.fixture(scope="module", params=["ejabberd", "embedded"])
def any_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A fleet on each of the two servers, with a good sender."""
    server: Server = request.param
    if server == "ejabberd":
        rig: Rig = request.getfixturevalue("shared_rig")
        rig.heal()
        rig.hub.start(wait=START)
        yield from _with_good_sender(rig)
    else:
        with Rig(tmp_path_factory.mktemp("embedded"), server="embedded") as own:
            yield from _with_good_sender(own)


def _with_good_sender(rig: Rig) -> Iterator[Rig]:
    rig.sender("good")
    yield rig
    rig.retire()


@pytest.fixture
def rig(any_rig: Rig) -> Iterator[Rig]:
    """The fleet; after each test a good item must still pass, and everything must still be right."""
    yield any_rig
    (good,) = any_rig.senders
    assert isinstance(good, SenderPart)
    good.offer(1)
    until(lambda: good.done, seconds=20, what="a good item passes")
    any_rig.settle(seconds=20)
    check(any_rig)


@asynccontextmanager
async def playing(
    rig: Rig, *, role: Role = Role.PROBE, enrolled: bool = True, **changes: Any
) -> AsyncIterator[Sender]:
    """Log in as an agent of our own, in this process."""
    identity = replace(rig.identity(f"hostile{next(_numbers)}", role, enrolled=enrolled), **changes)
    # Never opened: what is sent is made by hand.
    outbox = Outbox(rig.folder / "none.db", agent=identity.jid, clock=SystemClock(), limit_items=1, limit_bytes=1)
    agent = Sender(identity=identity, clock=SystemClock(), outbox=outbox)
    agent.compose_behaviours = list  # type: ignore[method-assign]
    await agent.start()
    try:
        if enrolled:
            await known_to_the_hub(agent)
        yield agent
    finally:
        await agent.stop()


async def known_to_the_hub(agent: Sender) -> None:
    """Wait until the hub has noticed the enrolment, which another process made: within a second."""
    question = compose(to=ENGINE, performative=Performative.REQUEST, action=Action.STATE, value={})
    async with asyncio.timeout(PATIENCE):
        for _ in count():
            answer = await agent.ask(question, time_limit=5.0)
            if answer is not None and answer.performative is not REFUSED:
                return
            await asyncio.sleep(0.05)


def batch(identity: Identity, *, to: str = ENGINE) -> Message:
    """Return a delivery of one new item, signed with the identity's key."""
    item = make_item(identity.jid, next(_items), size=1500, clock=SystemClock())
    item["meta"] |= {"agent": identity.jid, "origin_seq": 0}
    digest = ReceivedItem(item).digest.hex()
    outgoing = OutgoingItem(seq=0, uuid=item["meta"]["uuid"], digest=digest, data=orjson.dumps(item))
    packed = pack([outgoing], agent=identity.jid, epoch="00", key=identity.key)
    return compose_encoded(
        to=to,
        performative=Performative.INFORM,
        action=Action.DELIVER,
        text=packed.text,
        encoding=packed.encoding,
        conversation=packed.manifest_sha256,
    )


async def say_again(agent: Sender, message: Message) -> Incoming:
    """Say the same thing many times and return the last answer."""
    answer = None
    for _ in range(AGAIN):
        answer = await agent.ask(message, time_limit=PATIENCE)
        assert answer is not None, "an answer comes to each"
    return cast(Incoming, answer)


def assert_logged_once(rig: Rig, jid: str) -> None:
    """Assert that the hub's log says each refusal of an agent once."""
    lines = count_lines(rig.hub.log, "refused", jid)
    assert lines, "it is logged"
    assert max(lines.values()) == 1, f"each reason once: {lines.most_common(3)}"


async def test_a_stranger_is_refused(rig: Rig) -> None:
    before = rig.stored()
    async with playing(rig, enrolled=False) as stranger:
        answer = await say_again(stranger, batch(stranger.identity))
        assert answer.performative is REFUSED
        assert "not enrolled" in answer.value()["reason"]
        assert_logged_once(rig, stranger.identity.jid)
    assert rig.stored() == before


async def test_the_right_account_with_the_wrong_key_is_refused(rig: Rig) -> None:
    before = rig.stored()
    async with playing(rig, key=SigningKey.generate()) as thief:
        answer = await say_again(thief, batch(thief.identity))
        assert answer.performative is REFUSED
        assert "enrolled key" in answer.value()["reason"]
        assert_logged_once(rig, thief.identity.jid)
    assert rig.stored() == before


@pytest.mark.parametrize("role", [Role.MISP, Role.CONSOLE, Role.LAUNCHER, Role.REGISTRY])
async def test_a_known_agent_outside_its_role_is_refused(rig: Rig, role: Role) -> None:
    before = rig.stored()
    async with playing(rig, role=role) as agent:
        answer = await say_again(agent, batch(agent.identity))
        assert answer.performative is REFUSED
        assert f"role {role} may not send deliver" in answer.value()["reason"]
        assert_logged_once(rig, agent.identity.jid)
    assert rig.stored() == before


async def test_a_probe_may_not_control_others(rig: Rig) -> None:
    async with playing(rig) as probe:
        message = compose(to=ENGINE, performative=Performative.REQUEST, action=Action.CONTROL, value={})
        answer = await say_again(probe, message)
        assert answer.performative is REFUSED
        assert_logged_once(rig, probe.identity.jid)


async def test_a_replayed_batch_is_confirmed_again_to_its_sender_and_refused_to_others(rig: Rig) -> None:
    async with playing(rig) as sender, playing(rig) as thief:
        captured = batch(sender.identity)
        before = rig.stored()
        receipts = []
        for _ in range(3):
            answer = await sender.ask(captured, time_limit=PATIENCE)
            assert answer is not None
            assert answer.performative is Performative.CONFIRM
            receipts.append(orjson.loads(answer.value()["text"]))
        assert len({str(receipt["committed"]) for receipt in receipts}) == 1
        assert rig.stored() == before + 1
        refused = await say_again(thief, captured)
        assert refused.performative is REFUSED
        assert_logged_once(rig, thief.identity.jid)
        assert rig.stored() == before + 1


async def test_a_forged_from_is_not_believed(rig: Rig) -> None:
    (good,) = rig.senders
    async with playing(rig) as forger:
        victim = good.jid
        message = compose(
            to="registry@localhost",
            performative=Performative.INFORM,
            action=Action.HEARTBEAT,
            value={"show": "dnd", "status": "forged"},
        )
        message.sender = victim
        stanza = message.prepare(forger.client)
        sessions = forger.session
        stanza.send()
        # ejabberd ends the stream (RFC 6120 section 8.1.2.1), the embedded server does not pass it on.
        await eventually(lambda: forger.session > sessions or rig.server == "embedded")
        await eventually(partial(_is_online, forger))
        await known_to_the_hub(forger)
        assert rig.show(victim) == "available"
        assert rig.query("SELECT 1 FROM presence_change WHERE jid = ? AND status = 'forged'", victim) == []


@pytest.mark.parametrize("stanzas", [600, pytest.param(10_000, marks=pytest.mark.long)])
async def test_malformed_stanzas_are_refused_and_change_nothing(rig: Rig, stanzas: int) -> None:
    chance = seeded(f"malformed {rig.server}")
    hub, before = rig.hub.pid, rig.stored()
    memory = resident(hub)
    async with playing(rig) as known, playing(rig, enrolled=False) as stranger:
        for number in range(stanzas):
            agent = known if number % 4 else stranger
            await eventually(partial(_is_online, agent))
            agent.send(malformed(chance, agent.identity))
            if number % 20 == 0:
                await asyncio.sleep(0.01)
        # Messages of one sender are handled in order: once this is answered, all before are done with.
        question = compose(to=ENGINE, performative=Performative.REQUEST, action=Action.STATE, value={})
        for _ in range(60):
            if (answer := await known.ask(question, time_limit=5.0)) is not None:
                break
        assert answer is not None
        counters = answer.value()["counters"]
        assert counters["refused"] + counters.get("dropped", 0) > stanzas // 10
        for agent in (known, stranger):
            assert_logged_once(rig, agent.identity.jid)
        assert len(count_lines(rig.hub.log, "refused", known.identity.jid)) <= 1100
    assert rig.hub.pid == hub, "the hub never died"
    assert rig.stored() == before
    assert resident(hub) - memory < MAY_GROW


def malformed(chance: random.Random, identity: Identity) -> Message:
    """Return a message that is wrong in some way, seeded."""
    good = batch(identity)
    metadata = dict(METADATA)
    body = good.body
    wrong: list[Callable[[], None]] = [
        lambda: metadata.update(encoding=chance.choice(["rot13", "gzip", "", "zstd"])),
        lambda: metadata.update(performative=chance.choice(["propose", "INFORM", "\u202e"])),
        lambda: metadata.update(action=chance.choice(["dance", "", "deliver ", "x" * 500])),
        lambda: metadata.update(ontology=chance.choice(["vedette/2", "vedette/", "other", "vedette/1/1"])),
    ]
    bodies: list[Callable[[], str]] = [
        lambda: body[: chance.randrange(len(body))],
        lambda: body[:50] + chance.choice("!$ä\u0000 ").replace("\u0000", "?") + body[51:],
        lambda: chance.choice(["", "{}", "[]", "null", "NaN", "{" * 2000, "[" * 5000, '"' + "\\u0000" * 50 + '"']),
        lambda: '{"manifest": {"text": "{}", "signature": "AAAA"}, "items": []}',
        lambda: '{"manifest": 1, "items": {"a": 1}}',
        lambda: "".join(chr(chance.randrange(32, 0xD7FF)) for _ in range(chance.randrange(400))),
    ]
    if chance.random() < 0.5:
        chance.choice(wrong)()
    else:
        metadata.pop("encoding", None) if chance.random() < 0.5 else None
        body = chance.choice(bodies)()
    return Message(to=ENGINE, body=body, metadata={key: value for key, value in metadata.items() if value})


async def test_a_stanza_of_ten_megabytes_is_not_taken(rig: Rig) -> None:
    hub, xmpp = rig.hub.pid, rig.xmpp.pid
    before = {pid: resident(pid) for pid in (hub, xmpp)}
    async with playing(rig) as giant:
        session = giant.session
        giant.send(Message(to=ENGINE, body="x" * (10 * MEGABYTE), metadata=METADATA))
        await eventually(lambda: giant.session > session)
    assert (rig.hub.pid, rig.xmpp.pid) == (hub, xmpp)
    assert resident(hub) - before[hub] < MAY_GROW
    assert resident(xmpp) - before[xmpp] < MAY_GROW


def _is_online(agent: Sender) -> bool:
    return agent.online


async def eventually(condition: Callable[[], Any], *, seconds: float = PATIENCE) -> None:
    """Wait for a condition while our own agents go on."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition never held"
        await asyncio.sleep(0.01)
