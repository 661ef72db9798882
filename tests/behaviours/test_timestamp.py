"""Closing batches by count, by age, for urgent items and when the clock was set back; what is told of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from behaviours.timestamp import BatchPolicy, Timestamp
from behaviours.timestamp_panels import timestamp_notes, timestamp_panels
from registry.database import Database
from registry.intake import Intake
from registry.proofs import Proofs
from tests.behaviours.conftest import without_rest
from tests.registry.conftest import RECEIVED_AT
from vedette.clock import MICROSECONDS, ManualClock
from vedette.delivery.circuit_breaker import CircuitState
from vedette.errors import StoreError, TimestampError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken

ENGINE = "engine@localhost"
ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What is about time and not about the store need not be run on both."""


class Moody(TimestampAuthority):
    """An authority that refuses until it is told not to."""

    def __init__(self, real: LocalAuthority, *, name: str = "moody", seconds_between: float = 0.0) -> None:
        super().__init__(name=name, external=False, seconds_between=seconds_between)
        self.failing = False
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.stamped: list[bytes] = []
        self.shift = 0
        self.retry_after: float | None = None
        self._real = real

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        self.asked += 1
        await self.gate.wait()
        if self.failing:
            raise TimestampError(f"{self.name}: refuses", retry_after=self.retry_after)
        self.stamped.append(imprint)
        token = await self._real.stamp(imprint, digest_algorithm=digest_algorithm)
        return replace(token, gen_time=token.gen_time + self.shift)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    """An authority whose clock stands where the tests' clock begins."""
    clock = ManualClock(now=RECEIVED_AT)
    return LocalAuthority.open(tmp_path_factory.mktemp("tsa"), clock=clock, create=True)


class Bench:
    """An intake, and the behaviour over its store, run by hand."""

    def __init__(self, database: Database, clock: ManualClock, local: LocalAuthority) -> None:
        self.clock = clock
        self.stamped: list[int] = []
        self.authority = Moody(local)
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)

    def timestamp(self, *more: TimestampAuthority, **policy: Any) -> Timestamp:
        return Timestamp(
            clock=self.clock,
            agent_name="engine",
            proofs=self.proofs,
            authorities=[self.authority, *more],
            policy=BatchPolicy(**policy),
            stamped=self.stamped.append,
        )


@pytest.fixture
async def bench(database: Database, clock: ManualClock, local: LocalAuthority) -> Bench:
    bench = Bench(database, clock, local)
    await bench.intake.open()
    return bench


async def turn(behaviour: Timestamp) -> None:
    """Close what is due, and let each authority have its turn."""
    await behaviour.run()
    for authority in behaviour.authorities:
        await authority.run()


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests give the turns."""
    without_rest(monkeypatch)


async def test_a_batch_closes_by_count(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=3, seconds=1000.0)
    await bench.intake.commit([sender.deliver(count=2, received_at=bench.clock.now())])
    await turn(behaviour)
    assert behaviour.counters["batches closed"] == 0
    await bench.intake.commit([sender.deliver(count=2, received_at=bench.clock.now())])
    await turn(behaviour)
    assert behaviour.counters == {"batches closed": 1, "tokens": 1}
    assert bench.stamped == [3]
    await turn(behaviour)
    assert bench.stamped == [3]


async def test_a_batch_closes_by_the_age_of_its_oldest_item(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    bench.clock.advance(4.9)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await turn(behaviour)
    assert bench.stamped == []
    bench.clock.advance(0.2)
    await turn(behaviour)
    assert bench.stamped == [2]


async def test_a_clock_set_back_closes_at_once_rather_than_never(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    bench.clock.jump(-3600)
    await turn(behaviour)
    assert bench.stamped == [1]


@ONE_STORE
async def test_an_authority_that_refuses_is_asked_again_later_and_collection_goes_on(
    bench: Bench, sender: Any
) -> None:
    bench.authority.failing = True
    behaviour = bench.timestamp(items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await turn(behaviour)
    (stamp,) = behaviour.authorities
    assert (stamp.counters["failures"], stamp.last_error, bench.authority.asked) == (1, "moody: refuses", 1)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await turn(behaviour)
    assert bench.authority.asked == 1
    assert behaviour.counters["batches closed"] == 2

    bench.authority.failing = False
    bench.clock.advance(16)
    await turn(behaviour)
    assert bench.stamped == [1, 1]
    assert (stamp.last_error, stamp.counters["tokens"]) == ("", 2)


@ONE_STORE
async def test_it_wakes_up_for_new_items(bench: Bench) -> None:
    behaviour = bench.timestamp()
    behaviour.wake()
    await turn(behaviour)
    assert behaviour.state().state == "waiting"


async def test_an_urgent_item_closes_its_batch_at_once(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=60.0)
    plain, urgent = sender.item(priority=4, urgent="yes"), sender.item(priority=5)
    await bench.intake.commit([sender.deliver(plain)])
    await turn(behaviour)
    assert bench.stamped == []
    await bench.intake.commit([sender.deliver(urgent)])
    await turn(behaviour)
    assert bench.stamped == [2]
    assert behaviour.counters["urgent batches"] == 1
    bench.clock.advance(1)
    await bench.intake.commit([sender.deliver(sender.item(urgent=True)), sender.deliver(count=1)])
    await turn(behaviour)
    assert bench.stamped == [2, 2]
    bench.clock.advance(1)
    await bench.intake.commit([sender.deliver(count=1)])
    await turn(behaviour)
    assert bench.stamped == [2, 2]


async def test_an_urgent_item_of_an_engine_that_died_is_stamped_by_the_next(bench: Bench, sender: Any) -> None:
    await bench.intake.commit([sender.deliver(sender.item(priority=9)), sender.deliver(count=3)])
    await turn(bench.timestamp(items=1000, seconds=60.0))
    assert bench.stamped == [4]


@ONE_STORE
async def test_urgent_items_in_a_flood_share_batches_at_most_four_a_second(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=60.0)
    waited: list[float] = []
    for _ in range(100):
        await bench.intake.commit([sender.deliver(sender.item(priority=9), received_at=bench.clock.now())])
        bench.clock.advance(0.02)
        await turn(behaviour)
        waited.append(behaviour.report().oldest_pending)
    bench.clock.advance(0.3)
    await turn(behaviour)
    assert sum(bench.stamped) == 100
    assert behaviour.counters["urgent batches"] <= 2.3 * 4 + 1
    assert max(waited) <= 0.3


@ONE_STORE
async def test_an_urgent_batch_is_stamped_before_a_backlog(bench: Bench, sender: Any) -> None:
    bench.authority.failing = True
    behaviour = bench.timestamp(items=2, seconds=60.0)
    await bench.intake.commit([sender.deliver(count=60)])
    for _ in range(30):
        await behaviour.run()
    bench.clock.advance(20)
    await bench.intake.commit([sender.deliver(sender.item(urgent=True))])
    await behaviour.run()
    bench.authority.failing = False
    await behaviour.authorities[0].run()
    (newest,) = [batch for batch in await bench.proofs.pending_batches(tsa="nobody", limit=100) if batch.number == 31]
    assert bench.authority.stamped[0] == newest.root


@ONE_STORE
async def test_an_authority_that_hangs_delays_neither_the_other_nor_urgent_items(
    bench: Bench, sender: Any, local: LocalAuthority
) -> None:
    slow = Moody(local, name="slow")
    slow.gate.clear()
    behaviour = bench.timestamp(slow, items=1, seconds=60.0)
    quick, hanging = behaviour.authorities
    await bench.intake.commit([sender.deliver(count=3)])
    await behaviour.run()
    task = asyncio.create_task(hanging.run())
    for _ in range(3):
        await behaviour.run()
        await quick.run()
    assert quick.counters["tokens"] == 3
    assert (behaviour.report().pending, hanging.counters["tokens"]) == (0, 0)
    slow.gate.set()
    await task
    await hanging.run()
    assert hanging.counters["tokens"] == 3


@ONE_STORE
async def test_an_open_circuit_is_probed_by_one_request(bench: Bench, sender: Any, until: Any) -> None:
    bench.authority.failing = True
    behaviour = bench.timestamp(items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=20)])
    for _ in range(20):
        await turn(behaviour)
    (stamp,) = behaviour.authorities
    while stamp.circuit.state is CircuitState.CLOSED:
        bench.clock.advance(1)
        await stamp.run()
    before = bench.authority.asked
    bench.authority.gate.clear()
    bench.clock.advance(16)
    task = asyncio.create_task(stamp.run())
    await until(lambda: bench.authority.asked > before)
    report = behaviour.report().authorities[0]
    assert (report.circuit, report.last_error) == (CircuitState.HALF_OPEN, "moody: refuses")
    assert bench.authority.asked == before + 1
    bench.authority.failing = False
    bench.authority.gate.set()
    await task
    await stamp.run()
    assert (stamp.circuit.state, sum(bench.stamped)) == (CircuitState.CLOSED, 20)


@ONE_STORE
async def test_a_pause_that_the_authority_asks_for_is_kept(bench: Bench, sender: Any, local: LocalAuthority) -> None:
    paced = Moody(local, name="paced", seconds_between=15.0)
    behaviour = bench.timestamp(paced, items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=4)])
    for _ in range(46):
        await turn(behaviour)
        bench.clock.advance(1)
    assert (bench.authority.asked, paced.asked) == (4, 4)
    assert behaviour.authorities[1].counters["tokens"] == 4
    *_, warning = timestamp_notes(behaviour.report())
    assert "paced wants 15 s between requests, which is 4 batches a minute, and up to 12 are made" in warning


@ONE_STORE
async def test_the_pace_of_batches_is_measured_over_ten_minutes(
    bench: Bench, sender: Any, local: LocalAuthority
) -> None:
    behaviour = bench.timestamp(Moody(local, name="paced", seconds_between=15.0), items=1, seconds=60.0)
    await bench.intake.commit([sender.deliver(count=41)])
    for count in range(41):
        assert (timestamp_notes(behaviour.report()) != []) is (count > 40)
        await behaviour.run()
    assert behaviour.report().batches_a_minute == 4.1
    assert "4 batches a minute, and 4.1 are made now" in timestamp_notes(behaviour.report())[0]
    bench.clock.advance(601)
    assert (behaviour.report().batches_a_minute, timestamp_notes(behaviour.report())) == (0.0, [])


@ONE_STORE
async def test_a_wait_that_the_authority_asks_for_is_kept_and_shown(bench: Bench, sender: Any) -> None:
    bench.authority.failing, bench.authority.retry_after = True, 100.0
    behaviour = bench.timestamp(items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    for _ in range(99):
        await turn(behaviour)
        bench.clock.advance(1)
    assert bench.authority.asked == 1
    circuit = timestamp_panels(behaviour.report())[0].rows[0][2]
    assert (circuit.text, circuit.kind) == ("left alone for 1 s, as it asked", "warn")
    bench.authority.failing = False
    bench.clock.advance(1)
    await turn(behaviour)
    assert bench.stamped == [1]
    assert timestamp_panels(behaviour.report())[0].rows[0][2].text == "closed: asked"


@ONE_STORE
async def test_a_store_that_fails_leaves_the_circuit_and_the_next_turn_alone(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=6)])
    for _ in range(6):
        await behaviour.run()
    (stamp,) = behaviour.authorities
    real, bench.proofs._database = bench.proofs._database, Unwritable(bench.proofs._database)  # type: ignore[assignment]
    with pytest.raises(StoreError):
        await stamp.run()
    assert stamp.circuit.ready_in() == 0
    bench.proofs._database = real
    await stamp.run()
    await stamp.run()
    assert stamp.counters["tokens"] == 6


class Unwritable:
    """A store whose disk is full."""

    def __init__(self, real: Database) -> None:
        self.read = real.read

    async def write(self, _work: object) -> None:
        raise StoreError("database or disk is full")


async def test_what_is_told(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=5.0)
    empty = behaviour.report()
    assert (empty.pending, empty.oldest_pending, empty.delay_p50, empty.authorities[0].latency) == (
        0,
        0.0,
        None,
        None,
    )
    items = [sender.item(collected_at=RECEIVED_AT - second * MICROSECONDS) for second in range(1, 11)]
    await bench.intake.commit([sender.deliver(*items, sender.item(), sender.item(collected_at=1))])
    bench.clock.advance(4)
    await behaviour.run()
    waiting = behaviour.report()
    assert (waiting.pending, waiting.oldest_pending, waiting.looked_at) == (12, 4.0, bench.clock.now())
    bench.clock.advance(1.5)
    await turn(behaviour)
    await behaviour.run()
    told = behaviour.report()
    assert (told.pending, told.batches, told.urgent_batches, told.oldest_pending) == (0, 1, 0, 0.0)
    # The authority's clock stands at RECEIVED_AT; an item without or with a wrong time does not count.
    assert (told.delays, told.delay_p50, told.delay_p99) == (10, 5.0, 10.0)
    (report,) = told.authorities
    assert (report.tokens, report.failures, report.last_token_at) == (1, 0, bench.clock.now())


@ONE_STORE
async def test_a_clock_that_is_off_is_told_and_its_token_kept(
    bench: Bench, sender: Any, local: LocalAuthority
) -> None:
    ahead = Moody(local, name="ahead")
    ahead.shift = 30 * MICROSECONDS
    behaviour = bench.timestamp(ahead, items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=2)])
    await turn(behaviour)
    await turn(behaviour)
    told = behaviour.report()
    right, wrong = told.authorities
    assert (right.clock_off, wrong.clock_off, wrong.tokens) == (0, 2, 2)
    assert wrong.clock is not None
    assert 28 < wrong.clock.offset / MICROSECONDS < 32
    assert told.clock_blamed == "theirs"
    bench.authority.shift = 30 * MICROSECONDS
    await bench.intake.commit([sender.deliver(count=1)])
    await turn(behaviour)
    assert behaviour.report().clock_blamed == "ours"
    assert "check the clock of this machine" in timestamp_notes(behaviour.report())[0]
    assert [panel.title for panel in timestamp_panels(behaviour.report())] == [
        "Time-stamping authorities",
        "Time-stamping",
    ]


async def test_two_authorities_that_stamp_a_batch_count_its_delays_once(
    bench: Bench, sender: Any, local: LocalAuthority
) -> None:
    behaviour = bench.timestamp(Moody(local, name="second"), items=1000, seconds=0.0)
    await bench.intake.commit([sender.deliver(sender.item(collected_at=RECEIVED_AT))])
    await behaviour.run()
    await asyncio.gather(*(authority.run() for authority in behaviour.authorities))
    assert (behaviour.counters["tokens"], behaviour.report().delays) == (2, 1)
