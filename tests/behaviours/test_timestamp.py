"""Closing batches by count, by age, and when the clock was set back; authorities that fail are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from behaviours.timestamp import BatchPolicy, Timestamp
from registry.database import Database
from registry.intake import Intake
from registry.proofs import Proofs
from vedette.clock import ManualClock, SystemClock
from vedette.errors import TimestampError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken

ENGINE = "engine@localhost"


class Moody(TimestampAuthority):
    """An authority that refuses until it is told not to."""

    def __init__(self, real: LocalAuthority, *, failing: bool = False) -> None:
        super().__init__(name="moody", external=False)
        self.failing = failing
        self.asked = 0
        self._real = real

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        self.asked += 1
        if self.failing:
            raise TimestampError("moody: refuses")
        return await self._real.stamp(imprint, digest_algorithm=digest_algorithm)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority.open(tmp_path_factory.mktemp("tsa"), clock=SystemClock(), create=True)


class Bench:
    """An intake, and the behaviour over its store, run by hand."""

    def __init__(self, database: Database, clock: ManualClock, local: LocalAuthority) -> None:
        self.clock = clock
        self.stamped: list[int] = []
        self.authority = Moody(local)
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)

    def timestamp(self, **policy: Any) -> Timestamp:
        return Timestamp(
            clock=self.clock,
            agent_name="engine",
            proofs=self.proofs,
            authorities=[self.authority],
            policy=BatchPolicy(**policy),
            stamped=self.stamped.append,
        )


@pytest.fixture
async def bench(database: Database, clock: ManualClock, local: LocalAuthority) -> Bench:
    bench = Bench(database, clock, local)
    await bench.intake.open()
    return bench


async def test_a_batch_closes_by_count(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=3, seconds=1000.0)
    await bench.intake.commit([sender.deliver(count=2, received_at=bench.clock.now())])
    await behaviour.run()
    assert behaviour.counters["batches closed"] == 0
    await bench.intake.commit([sender.deliver(count=2, received_at=bench.clock.now())])
    await behaviour.run()
    assert behaviour.counters == {"batches closed": 1, "tokens": 1}
    assert bench.stamped == [3]
    await behaviour.run()
    assert bench.stamped == [3]


async def test_a_batch_closes_by_the_age_of_its_oldest_item(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    bench.clock.advance(4.9)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await behaviour.run()
    assert bench.stamped == []
    bench.clock.advance(0.2)
    await behaviour.run()
    assert bench.stamped == [2]


async def test_a_clock_set_back_closes_at_once_rather_than_never(bench: Bench, sender: Any) -> None:
    behaviour = bench.timestamp(items=1000, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    bench.clock.jump(-3600)
    await behaviour.run()
    assert bench.stamped == [1]


async def test_an_authority_that_refuses_is_asked_again_later_and_collection_goes_on(
    bench: Bench, sender: Any
) -> None:
    bench.authority.failing = True
    behaviour = bench.timestamp(items=1, seconds=5.0)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await behaviour.run()
    (state,) = behaviour.authorities
    assert (state.failures, state.last_error, bench.authority.asked) == (1, "moody: refuses", 1)
    await bench.intake.commit([sender.deliver(count=1, received_at=bench.clock.now())])
    await behaviour.run()
    assert bench.authority.asked == 1
    assert behaviour.counters["batches closed"] == 2

    bench.authority.failing = False
    bench.clock.advance(61)
    await behaviour.run()
    assert bench.stamped == [1, 1]
    assert (state.last_error, state.stamped) == ("", 2)


async def test_it_wakes_up_for_new_items(bench: Bench) -> None:
    behaviour = bench.timestamp()
    behaviour.wake()
    await behaviour.run()
    assert behaviour.state().state == "waiting"
