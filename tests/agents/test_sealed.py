"""Sealed items from end to end over the real embedded server: what passes it, what arrives, what is refused."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from spade.message import Message

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.consume import Consume, Handler, QueuedItem, QueueWanted
from behaviours.exchange import read
from behaviours.seal import SealItems
from behaviours.supervised import SupervisedBehaviour
from registry.queue_dead_letters import QueueDeadLetters
from registry.queues import Queues
from tests.agents.person import PersonClient, table
from tests.agents.station import Sender, Station, Until, make_item
from vedette.clock import SystemClock
from vedette.delivery.packing import OutgoingItem
from vedette.errors import RefusedError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.batch import Receipt, Signed, open_signed
from vedette.messages.card import Role
from vedette.people.person import Person, PersonRole
from vedette.sealing.envelope import MARK, UNTOLD, new_mark

SECRET = b"the password is correct horse"
TARGET = "192.0.2.77"
COMMAND = ["cat", "/etc/passwort"]
SOURCE = "vedette.in.structured.nmap.p1"


class Reader(BaseAgent):
    """A consumer that keeps what its queue gives it, or does what the test says."""

    def __init__(self, *, identity: Identity, handle: Handler | None = None) -> None:
        super().__init__(identity=identity, clock=SystemClock(), view_port=None)
        self.seen: list[dict[str, Any]] = []
        self.consuming = Consume(
            clock=self.clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            key=identity.key,
            wanted=QueueWanted(name="rt", patterns=("vedette.in.#",), wait=2),
            handle=handle or self.keep,
        )

    async def keep(self, items: Sequence[QueuedItem]) -> None:
        self.seen += [item.item.data for item in items]

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        return [self.consuming, self.registering()]


class Tap:
    """Everything that agents get from the server, unpacked as anybody on the way could."""

    def __init__(self, *agents: BaseAgent) -> None:
        self.heard: list[str] = []
        for agent in agents:
            agent.connection.client.add_event_handler("message", self._hear)

    def _hear(self, stanza: Any) -> None:
        self.heard.append(str(stanza))
        message = Message.from_node(stanza)
        if message.body:
            self.heard.append(str(read(message).value()))

    def has(self, *secrets: str | bytes) -> list[str | bytes]:
        """Return which of the texts passed, as they are or as base64."""
        all_of_it = "\n".join(self.heard)
        texts = [(one, one if isinstance(one, str) else one.decode()) for one in secrets]
        return [
            one for one, text in texts if text in all_of_it or base64.b64encode(text.encode()).decode() in all_of_it
        ]


def secret_item(payload: bytes = SECRET, **meta: Any) -> dict[str, Any]:
    return make_item(payload, target=TARGET, command=COMMAND, source=SOURCE, **({MARK: new_mark()} | meta))


async def reader(station: Station, handle: Handler | None = None) -> Reader:
    agent = Reader(identity=await station.identity("rt", Role.RT), handle=handle)
    await station.start(agent)
    return agent


async def test_only_the_engine_and_the_consumer_can_read_it_and_its_proof_holds(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    rt, sender = await reader(station), await station.sender()
    tap = Tap(rt, sender, station.engine, station.registry)
    await until(lambda: rt.consuming.engine)

    secret, plain = await sender.observe(secret_item(), make_item(b"for everybody", source=SOURCE))
    await until(lambda: len(rt.seen) == 2)

    async def stamped() -> bool:
        return (await station.items.proof(secret["meta"]["uuid"])).state.value == "self-asserted"

    await until(stamped)

    # What is open is seen, so that the tap is no dead wire; of what is sealed, nothing but the uuid.
    assert tap.has(b"for everybody", secret["meta"]["uuid"]) == [b"for everybody", secret["meta"]["uuid"]]
    assert tap.has(SECRET, TARGET, COMMAND[1], secret["meta"][MARK]) == []
    assert rt.seen == [secret, plain]
    assert await station.items.get(secret["meta"]["uuid"]) == secret
    bundle = build_bundle(await station.proofs.bundle_contents(secret["meta"]["uuid"]))
    verdict = verify_bundle(bundle, roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons
    assert station.engine.receiving.counters["sealed"] == 1
    assert sender.delivering.counters["sealed"] == 1


async def test_the_digests_that_everybody_sees_differ_where_the_payloads_are_the_same(
    station: Station, until: Until
) -> None:
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(secret_item(b"open"), secret_item(b"open"))
    await until(lambda: sender.delivering.counters["confirmed"] == 2)
    receipts = await sender.outbox.receipts()
    (committed,) = [
        open_signed(Receipt, receipt, station.engine.identity.key.verifying).committed for receipt in receipts
    ]
    assert len({digest for _, digest, _ in committed}) == 2


async def test_the_engine_refuses_another_items_envelope_and_the_sender_keeps_it_as_a_dead_letter(
    station: Station, until: Until
) -> None:
    await station.start_hub()
    sender = await station.sender()
    first, second = secret_item(), secret_item(b"another")
    sender.delivering._sealing = Swapping(sender.identity.jid)
    sender.outbox._limits = type(sender.outbox._limits)(items=100, size=10**6, attempts=1)
    await sender.observe(first, second)

    await until(lambda: sender.delivering.counters["refused"] == 2)

    dead = await sender.outbox.dead_letters()
    assert {letter.field for letter in dead} == {"sealed.box"}
    assert all("another item" in letter.reason for letter in dead)

    async def recorded() -> bool:
        return [refusal.field for refusal in await station.refusals.last()] == ["sealed.box"] * 2

    await until(recorded)
    assert await station.count() == 0
    sender.delivering._sealing = SealItems(agent=sender.identity.jid)
    for letter in dead:
        await sender.outbox.replay(letter.uuid)
    sender.delivering.look_back()
    await until(lambda: sender.delivering.counters["confirmed"] == 2)
    assert await station.count() == 2


class Swapping(SealItems):
    """Puts each envelope into another item's place, as who has the server could."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent=agent)

    async def ready(self, items: Sequence[OutgoingItem], engine: str, *, refused: Any) -> list[OutgoingItem]:
        ready = await super().ready(items, engine, refused=refused)
        data = [item.data for item in ready]
        return [
            OutgoingItem(seq=item.seq, uuid=item.uuid, digest=item.digest, data=other)
            for item, other in zip(ready, data[1:] + data[:1], strict=True)
        ]


async def test_the_engines_new_key_is_asked_for_after_its_restart(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    await sender.observe(secret_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 1)

    # The sender remembers the key that is gone with the engine's process.
    await station.engine.stop()
    await station.restart_engine()
    (item,) = await sender.observe(secret_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 2)

    assert await station.items.get(item["meta"]["uuid"]) == item
    assert await sender.outbox.dead_letters() == []


async def test_each_engine_gets_what_it_can_open_and_takes_over_from_another(station: Station, until: Until) -> None:
    await station.start_hub()
    second = await station.start_engine("engine2")
    sender = await station.sender()
    items = [secret_item(check=f"check {number}") for number in range(40)]
    await sender.observe(*items[:20])
    await until(lambda: sender.delivering.counters["confirmed"] == 20)
    assert station.engine.receiving.counters["sealed"] + second.receiving.counters["sealed"] == 20

    await station.engine.stop()
    gone = {"event": "presence", "jid": station.engine.identity.jid, "show": "gone"}
    await until(lambda: gone in station.progress)
    # What the registry said is believed for 15 s; the test does not wait for that.
    sender.peers.forget()
    before = second.receiving.counters["items"]
    await sender.observe(*items[20:])
    await until(lambda: sender.delivering.counters["confirmed"] == 40)

    assert second.receiving.counters["items"] == before + 20
    assert await station.count() == 40


async def test_nothing_is_sent_in_the_clear_to_an_engine_without_a_key(station: Station, until: Until) -> None:
    await station.start_hub()
    station.engine.sealing = None
    sender = await station.sender()
    tap = Tap(station.engine)

    class Forgetful(SealItems):
        async def ready(self, items: Sequence[OutgoingItem], engine: str, *, refused: Any) -> list[OutgoingItem]:
            self.receivers = dict.fromkeys(self.receivers)
            return await super().ready(items, engine, refused=refused)

    sender.delivering._sealing = Forgetful(agent=sender.identity.jid)
    sender.outbox._limits = type(sender.outbox._limits)(items=100, size=10**6, attempts=1)
    (secret,) = await sender.observe(secret_item())
    (plain,) = await sender.observe(make_item())

    await until(lambda: sender.delivering.counters["confirmed"] == 1)

    assert tap.has(SECRET, TARGET) == []
    (dead,) = await sender.outbox.dead_letters()
    assert (dead.uuid, dead.field) == (secret["meta"]["uuid"], "sealed")
    assert "no sealing key" in dead.reason
    assert await station.items.get(plain["meta"]["uuid"]) == plain


async def test_why_an_item_is_refused_stays_with_the_engine(station: Station, until: Until) -> None:
    await station.start_hub()
    first, second = await station.sender("one"), await station.sender("two")
    item = secret_item()
    await first.observe(item)
    await until(lambda: first.delivering.counters["confirmed"] == 1)

    await second.observe(item | {"payload": {"raw": "AAAA"}})
    await until(lambda: second.delivering.counters["refused"] == 1)

    (refusal,) = await station.refusals.last()
    assert refusal.reason != UNTOLD
    assert await _reason_of(second) == UNTOLD


async def _reason_of(sender: Sender) -> str:
    rows = await sender.outbox._read(
        lambda connection: connection.execute("SELECT reason FROM item WHERE attempts > 0").fetchall()
    )
    return str(rows[0][0])


async def test_what_a_consumer_says_of_a_sealed_item_does_not_quote_it(station: Station, until: Until) -> None:
    station.queues = Queues(database=station.database, clock=station.clock, max_attempts=1)
    await station.start_hub()

    async def fail(items: Sequence[QueuedItem]) -> None:
        raise ValueError(f"cannot read {items[0].item.payload!r}")

    rt, sender = await reader(station, fail), await station.sender()
    tap = Tap(station.engine)
    await until(lambda: rt.consuming.engine)
    await sender.observe(secret_item())
    await until(lambda: rt.consuming.counters["dead letters"] == 1)

    assert tap.has(SECRET, "correct horse") == []
    (dead,) = await QueueDeadLetters(database=station.database, clock=station.clock).all()
    assert dead.reason == f"ValueError: {UNTOLD}"


class Board:
    """A publish-subscribe service that keeps what is published."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def of(self, node: str) -> list[dict[str, Any]]:
        events = [event for event in self.events if event["event"] == node]
        return [item for event in events for item in event["items"]] if node == "scan" else events

    async def open(self, node: str) -> None:
        """Make nothing."""

    async def allow(self, node: str, affiliations: Mapping[str, Any]) -> None:
        """Allow everybody."""

    async def publish(self, node: str, *, name: str, event: dict[str, Any]) -> None:
        self.events.append(event)


async def test_people_and_events_are_not_told_what_was_sealed(station: Station, until: Until) -> None:
    station.people = [Person(jid=station.jid("ann"), role=PersonRole.READ)]
    await station.start_hub()
    board = Board()
    station.engine.publishing._board = board
    sender = await station.sender()
    (secret,) = await sender.observe(secret_item(verdict="deviates"))
    (plain,) = await sender.observe(make_item(target="192.0.2.8"))
    await until(lambda: sender.delivering.counters["confirmed"] == 2)
    uuids = [item["meta"]["uuid"] for item in (secret, plain)]

    await until(lambda: len(board.of("scan")) == 2 and len(board.of("finding")) == 3)
    hidden, shown = (event for uuid in uuids for event in board.of("scan") if event["uuid"] == uuid)
    assert (hidden["target"], hidden["verdict"], hidden["type"], hidden["format"]) == (None, None, "", "")
    assert (shown["target"], shown["type"]) == ("192.0.2.8", "scan")
    assert TARGET not in str(board.events)
    assert "192.0.2.8" in str(board.of("finding"))

    registry = str(station.registry.client.boundjid)
    client = PersonClient(station.jid("ann"), _account(station, "ann"), ca_file=station.server.ca_file)
    await client.log_in(station.server.port)
    try:
        rows = {row["item"]: row for row in table(await client.call(registry, "last-items"))}
    finally:
        await client.leave()
    assert (rows[uuids[0]]["target"], rows[uuids[0]]["verdict"]) == ("sealed", "sealed")
    assert rows[uuids[1]]["target"] == "192.0.2.8"


def _account(station: Station, name: str) -> str:
    password = "a password of a person"
    station.accounts.create(station.name(name), password)
    return password


async def test_a_card_with_a_key_that_is_none_is_refused(station: Station) -> None:
    await station.start_hub()
    identity = await station.identity("other", Role.AGGREGATION)
    card = station.engine.card().model_copy(
        update={"jid": identity.jid, "public_key": identity.key.verifying.text, "sealing_key": "AAAA"}
    )
    with pytest.raises(RefusedError, match="sealing_key"):
        await station.directory.register(identity.jid, Signed.seal(card, identity.key))
