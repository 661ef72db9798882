"""Queues hold what matches from its commit on, hand it out in order, and forget nothing unacknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from registry.database import Database
from registry.intake import Intake
from registry.queue_bindings import MAX_PATTERNS, Asker
from registry.queue_dead_letters import QueueDeadLetters
from registry.queue_errors import ForeignQueueError, NoSuchDeadLetterError, UnknownQueueError
from registry.queue_leases import ALONE_FROM, Candidate, choose
from registry.queues import HeldItem, Queues
from vedette.clock import MICROSECONDS, ManualClock
from vedette.errors import RefusedError

RT = Asker(jid="rt@localhost", role="rt")
OTHER_RT = Asker(jid="rt2@localhost", role="rt")
MISP = Asker(jid="misp@localhost", role="misp")
NMAP = "vedette.in.structured.nmap.probe1"


class Consumer:
    """A consumer of one queue."""

    def __init__(self, queues: Queues, *, asker: Asker = RT, life: str = "1", queue: str = "rt") -> None:
        self.queues = queues
        self.whose: dict[str, Any] = {"asker": asker, "life": life}
        self.queue = queue

    async def bind(self, *patterns: str, **options: Any) -> Any:
        asker = self.whose["asker"]
        return await self.queues.bind(self.queue, owner="rt", asker=asker, patterns=patterns or ("#",), **options)

    async def lease(self, limit: int = 100, *, held: Any = None, max_bytes: int = 10**6) -> list[HeldItem]:
        return await self.queues.lease(
            self.queue, **self.whose, limit=limit, max_bytes=max_bytes, lease_seconds=60, held=held
        )

    async def acknowledge(self, items: list[HeldItem]) -> int:
        return await self.queues.acknowledge(self.queue, **self.whose, ids=[item.id for item in items])

    async def reject(self, *items: HeldItem, reason: str = "cannot read it") -> list[int]:
        return await self.queues.reject(self.queue, **self.whose, failures=[(item.id, reason) for item in items])


@pytest.fixture
def queues(database: Database, clock: ManualClock) -> Queues:
    return Queues(database=database, clock=clock)


@pytest.fixture
def consumer(queues: Queues) -> Consumer:
    return Consumer(queues)


def uuids(items: Any) -> list[str]:
    return [item.uuid for item in items]


async def test_what_matches_is_held_from_its_commit_on_and_handed_out_in_order(
    intake: Intake, consumer: Consumer, sender: Any
) -> None:
    early = sender.item(source=NMAP)
    await intake.commit([sender.deliver(early)])
    await consumer.bind("*.in.structured.nmap.#")
    wanted = [sender.item(source=NMAP, note=str(number)) for number in range(3)]
    await intake.commit([sender.deliver(wanted[0], sender.item(), sender.item(source="v.in.structured.dns"))])
    await intake.commit([sender.deliver(*wanted[1:])])

    leased = await consumer.lease()

    assert uuids(leased) == uuids(wanted)
    assert [item.data for item in leased] == [item.data for item in wanted]
    assert [item.digest for item in leased] == [item.digest.hex() for item in wanted]
    assert await consumer.lease() == []
    assert await consumer.acknowledge(leased) == 3
    (status,) = await consumer.queues.statuses()
    assert (status.depth, status.leased, status.oldest_queued_at) == (0, 0, None)


@pytest.mark.parametrize("pattern", ["#", "v.in.#"])
async def test_earlier_items_come_on_request_once_and_in_order(
    intake: Intake, consumer: Consumer, sender: Any, pattern: str
) -> None:
    items = [sender.item(source=f"v.in.structured.s{number}") for number in range(5)]
    for item in items:
        await intake.commit([sender.deliver(item)])

    assert (await consumer.bind(pattern, from_start=True)).held == 5
    assert (await consumer.bind(pattern, from_start=True)).patterns == ()

    assert uuids(await consumer.lease()) == uuids(items)


async def test_a_second_pattern_does_not_hold_an_item_twice(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind("v.#", "#")
    await intake.commit([sender.deliver(sender.item(source="v.in.structured.x"))])
    await consumer.bind("*.in.#", from_start=True)
    assert len(await consumer.lease()) == 1


async def test_a_refused_or_duplicate_item_is_not_queued(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind()
    delivery = sender.deliver(count=1)
    await intake.commit([delivery])
    await intake.commit([delivery, sender.deliver(sender.item(agent="somebody@else"))])
    assert len(await consumer.lease()) == 1


async def test_each_queue_holds_its_own(intake: Intake, queues: Queues, sender: Any) -> None:
    first, second = Consumer(queues, queue="one"), Consumer(queues, queue="two")
    await first.bind()
    await second.bind("v.#")
    await intake.commit([sender.deliver(sender.item(), sender.item(source="v.x"))])
    await first.acknowledge(await first.lease())
    assert [len(await one.lease()) for one in (first, second)] == [0, 1]


async def test_consumers_share_a_queue_and_get_nothing_twice(
    intake: Intake, queues: Queues, store_url: str, clock: ManualClock, sender: Any
) -> None:
    with Database(store_url) as second_engine:
        consumers = [
            Consumer(queues),
            Consumer(Queues(database=second_engine, clock=clock), asker=OTHER_RT),
            Consumer(queues, asker=Asker(jid="rt3@localhost", role="rt")),
        ]
        await consumers[0].bind()
        deliveries = [sender.deliver(count=50) for _ in range(4)]
        await intake.commit(deliveries)

        async def drain(consumer: Consumer) -> list[str]:
            seen: list[str] = []
            while items := await consumer.lease(7):
                seen += uuids(items)
                await consumer.acknowledge(items)
            return seen

        seen = await asyncio.gather(*(drain(consumer) for consumer in consumers))

    expected = [item.uuid for delivery in deliveries for item in delivery.items]
    assert sorted(uuid for one in seen for uuid in one) == sorted(expected)
    for one in seen:
        assert one == sorted(one, key=expected.index)


async def test_an_expired_lease_is_handed_out_again_and_a_late_answer_changes_nothing(
    intake: Intake, queues: Queues, consumer: Consumer, clock: ManualClock, sender: Any
) -> None:
    other = Consumer(queues, asker=OTHER_RT)
    await consumer.bind()
    await intake.commit([sender.deliver(count=2)])
    mine = await consumer.lease()
    clock.advance(59)
    assert await other.lease() == []
    clock.advance(2)

    theirs = await other.lease()

    assert uuids(theirs) == uuids(mine)
    assert [item.attempts for item in theirs] == [2, 2]
    assert await consumer.acknowledge(mine) == 0
    assert await other.acknowledge(theirs) == 2


async def test_a_late_answer_counts_while_nobody_else_has_the_item(
    intake: Intake, consumer: Consumer, clock: ManualClock, sender: Any
) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=1)])
    items = await consumer.lease()
    clock.advance(3600)
    assert await consumer.acknowledge(items) == 1


async def test_a_clock_that_is_put_back_holds_nothing_up(
    intake: Intake, consumer: Consumer, clock: ManualClock, sender: Any
) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=1)])
    await consumer.lease()
    clock.jump(-7200)
    assert len(await consumer.lease()) == 1


async def test_queues_and_leases_outlive_the_process(
    intake: Intake, consumer: Consumer, store_url: str, clock: ManualClock, sender: Any
) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=3)])
    first = await consumer.lease(1)
    with Database(store_url) as again:
        later = Consumer(Queues(database=again, clock=clock))
        rest = await later.lease()
        assert len(rest) == 2
        assert await later.acknowledge(first) == 1


async def test_what_never_arrived_comes_again_uncounted(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=3)])
    sent = await consumer.lease()
    kept = sent[0]

    again = await consumer.lease(held=[kept.id])

    assert uuids(again) == uuids(sent[1:])
    assert [item.attempts for item in again] == [1, 1]


async def test_a_restarted_consumer_gets_its_items_at_once_and_counted(
    intake: Intake, queues: Queues, consumer: Consumer, sender: Any
) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=2)])
    before = await consumer.lease()
    reborn = Consumer(queues, life="2")

    again = await reborn.lease(held=[])

    assert uuids(again) == uuids(before)
    assert [item.attempts for item in again] == [2, 2]
    assert await consumer.acknowledge(before) == 0


async def test_a_poisonous_item_dies_and_holds_nothing_up(
    intake: Intake, database: Database, consumer: Consumer, clock: ManualClock, sender: Any
) -> None:
    await consumer.bind()
    poison, good = sender.item(source=NMAP), sender.item()
    await intake.commit([sender.deliver(poison, good)])
    items = await consumer.lease()
    await consumer.acknowledge(items[1:])
    failed = items[0]
    for attempt in range(1, 5):
        assert failed.attempts == attempt
        assert await consumer.reject(failed, reason="no \0 columns") == []
        assert await consumer.lease() == []
        clock.advance(2**attempt)
        (failed,) = await consumer.lease()

    assert await consumer.reject(failed, reason="no columns") == [failed.id]

    letters = QueueDeadLetters(database=database, clock=clock)
    (letter,) = await letters.all()
    assert (letter.queue, letter.uuid, letter.sender) == ("rt", poison.uuid, sender.jid)
    assert (letter.source, letter.attempts, letter.reason) == (NMAP, 5, "no columns")
    clock.advance(10_000)
    assert await consumer.lease() == []
    (status,) = await consumer.queues.statuses()
    assert (status.depth, status.dead_letters) == (0, 1)


async def test_an_item_that_kills_its_consumer_is_found_alone(
    intake: Intake, database: Database, queues: Queues, clock: ManualClock, sender: Any
) -> None:
    await Consumer(queues).bind()
    delivery = sender.deliver(count=4)
    await intake.commit([delivery])
    poison = delivery.items[1].uuid
    handled: list[str] = []
    for life in range(40):
        consumer = Consumer(queues, life=str(life))
        # A life handles what it gets until the poison kills it before it can answer.
        while (items := await consumer.lease(held=[])) and poison not in uuids(items):
            handled += uuids(items)
            await consumer.acknowledge(items)
        if not items:
            break
    (letter,) = await QueueDeadLetters(database=database, clock=clock).all()
    assert letter.uuid == poison
    assert "never answered" in letter.reason
    assert sorted(handled) == sorted(set(uuids(delivery.items)) - {poison})


async def test_released_items_come_again_uncounted(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=2)])
    items = await consumer.lease()
    assert await consumer.queues.release("rt", **consumer.whose, ids=[item.id for item in items]) == 2
    assert [item.attempts for item in await consumer.lease()] == [1, 1]


async def test_bytes_bound_a_lease(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind()
    items = [sender.item(payload=bytes(size)) for size in (100_000, 100_000, 100_000, 10)]
    await intake.commit([sender.deliver(*items)])
    assert [len(await consumer.lease(max_bytes=300_000)) for _ in range(3)] == [2, 2, 0]


async def test_only_the_owner_touches_a_queue(intake: Intake, queues: Queues) -> None:
    await queues.bind("private", owner=RT.jid, asker=RT, patterns=["#"])
    await queues.bind("shared", owner="rt", asker=RT, patterns=["#"])
    await Consumer(queues, queue="shared", asker=OTHER_RT).lease()
    for name, asker in (("private", OTHER_RT), ("shared", MISP)):
        stranger = Consumer(queues, queue=name, asker=asker)
        for attempt in (stranger.lease(), stranger.acknowledge([]), stranger.bind(), stranger.reject()):
            with pytest.raises(ForeignQueueError):
                await attempt
    with pytest.raises(UnknownQueueError):
        await Consumer(queues, queue="none").lease()


@pytest.mark.parametrize(
    ("name", "owner", "patterns"),
    [
        ("No", "rt", ["#"]),
        ("", "rt", ["#"]),
        ("a b", "rt", ["#"]),
        ("rt", "misp", ["#"]),
        ("rt", "else@localhost", ["#"]),
        ("rt", "rt", [""]),
        ("rt", "rt", ["a*"]),
        ("rt", "rt", [f"a{number}" for number in range(MAX_PATTERNS + 1)]),
    ],
)
async def test_wrong_bindings_are_refused(queues: Queues, name: str, owner: str, patterns: list[str]) -> None:
    with pytest.raises(RefusedError):
        await queues.bind(name, owner=owner, asker=RT, patterns=patterns)
    assert await queues.statuses() == []


async def test_unbinding_keeps_what_is_held(intake: Intake, consumer: Consumer, sender: Any) -> None:
    await consumer.bind()
    await intake.commit([sender.deliver(count=1)])
    assert await consumer.queues.unbind("rt", asker=RT, patterns=["#", "other"]) == 1
    await intake.commit([sender.deliver(count=1)])
    assert len(await consumer.lease()) == 1


async def test_depth_and_age_are_visible(intake: Intake, consumer: Consumer, clock: ManualClock, sender: Any) -> None:
    await consumer.bind("#", "v.#")
    assert await consumer.queues.due(["rt"]) == set()
    await intake.commit([sender.deliver(count=3, received_at=clock.now())])
    assert await consumer.queues.due(["rt", "none"]) == {"rt"}
    clock.advance(90)
    await consumer.lease(1)
    (status,) = await consumer.queues.statuses()
    assert (status.name, status.owner, status.patterns) == ("rt", "rt", ("#", "v.#"))
    assert (status.depth, status.leased, status.oldest_age(clock.now())) == (3, 1, 90 * MICROSECONDS)


async def test_dead_letters_are_replayed_or_discarded_with_a_reason(
    intake: Intake, database: Database, clock: ManualClock, sender: Any
) -> None:
    consumer = Consumer(Queues(database=database, clock=clock, max_attempts=1))
    letters = QueueDeadLetters(database=database, clock=clock)
    await consumer.bind()
    await intake.commit([sender.deliver(count=1)])
    (item,) = await consumer.lease()
    await consumer.reject(item)

    await letters.replay("rt", item.uuid)
    (again,) = await consumer.lease()
    assert (again.uuid, again.attempts) == (item.uuid, 1)
    await consumer.reject(again)
    await letters.discard("rt", item.uuid, "a test of ours")

    assert await letters.all() == []
    (tombstone,) = await letters.all(discarded=True)
    assert (tombstone.uuid, tombstone.why, tombstone.discarded_at) == (item.uuid, "a test of ours", clock.now())
    for attempt in (letters.replay("rt", item.uuid), letters.discard("rt", item.uuid, "again")):
        with pytest.raises(NoSuchDeadLetterError):
            await attempt


async def test_no_commit_slips_past_a_binding_from_the_start(
    database: Database, store_url: str, clock: ManualClock, make_sender: Callable[[str], Any]
) -> None:
    with Database(store_url) as other:
        intake = Intake(database=other, engine="other@localhost", clock=clock)
        await intake.open()
        agent = make_sender("a@x")
        deliveries = [agent.deliver(count=3) for _ in range(40)]
        consumer = Consumer(Queues(database=database, clock=clock))

        async def commit_all() -> None:
            for delivery in deliveries:
                await intake.commit([delivery])

        committing = asyncio.create_task(commit_all())
        await asyncio.sleep(0.02)
        await consumer.bind(from_start=True)
        await committing
    assert sorted(uuids(await consumer.lease(1000))) == sorted(i.uuid for d in deliveries for i in d.items)


def test_choosing_is_bounded_and_isolates_suspects() -> None:
    def candidates(*attempts: int) -> list[Candidate]:
        return [Candidate(id=n, uuid=str(n), attempts=count, size=10) for n, count in enumerate(attempts)]

    def chosen(*attempts: int, max_bytes: int = 1000) -> tuple[list[int], list[int]]:
        some, dead = choose(candidates(*attempts), max_bytes=max_bytes, max_attempts=5)
        return [one.id for one in some], [one.id for one in dead]

    assert chosen(0, 1, 0) == ([0, 1, 2], [])
    assert chosen(0, ALONE_FROM, 0) == ([0], [])
    assert chosen(ALONE_FROM, 0) == ([0], [])
    assert chosen(5, 0, 9) == ([1], [0, 2])
    assert chosen(0, 0, 0, max_bytes=25) == ([0, 1], [])
    assert chosen(0, max_bytes=1) == ([0], [])
    assert chosen() == ([], [])
