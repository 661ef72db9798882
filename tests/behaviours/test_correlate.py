"""The pace of the correlation: what is committed meanwhile shares a step, and what is missing is found anyway."""

from __future__ import annotations

import asyncio

import pytest

from behaviours import correlate
from behaviours.correlate import PAUSE, TOGETHER, Correlate
from registry.correlation import Correlation, Step
from registry.database import Database
from registry.intake import Intake
from tests.agents.conftest import Until
from tests.registry.conftest import ENGINE, Sender
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.correlation.policy import CorrelationPolicy

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What is about time and not about the store need not be run on both."""


LOOK_EVERY = 2 * PATIENCE
"""Long enough that nothing but the wake-up ends its rest."""


class Slow(Correlation):
    """A correlation whose steps take as long as is wanted; counts them, and the looks for what is missing."""

    def __init__(self, *, database: Database, clock: ManualClock) -> None:
        super().__init__(database=database, engine=ENGINE, clock=clock, policy=CorrelationPolicy())
        self._time = clock
        self.takes = 0.0
        self.steps = 0
        self.looks = 0

    async def advance(self, *, limit: int) -> Step:
        step = await super().advance(limit=limit)
        self._time.advance(self.takes)
        self.steps += 1
        return step

    async def look_for_absent(self, *, since: int, limit: int) -> int:
        self.looks += 1
        return await super().look_for_absent(since=since, limit=limit)


class Paced(Correlate):
    """The behaviour, whose pauses are written down instead of waited for."""

    def __init__(self, *, correlation: Correlation, clock: ManualClock) -> None:
        super().__init__(clock=clock, agent_name="engine", correlation=correlation, found=lambda _: None)
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
async def intake(database: Database, clock: ManualClock) -> Intake:
    """An open intake of the engine whose items are correlated."""
    opened = Intake(database=database, engine=ENGINE, clock=clock)
    await opened.open()
    return opened


@pytest.fixture
def correlation(database: Database, clock: ManualClock) -> Slow:
    """A correlation over a store."""
    return Slow(database=database, clock=clock)


@pytest.fixture
def correlating(correlation: Slow, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Paced:
    """The behaviour over it, run by hand."""
    monkeypatch.setattr(correlate, "LOOK_EVERY", LOOK_EVERY)
    return Paced(correlation=correlation, clock=clock)


async def rest(correlating: Paced, correlation: Slow, until: Until) -> None:
    """Run it where nothing waits, until it is woken."""
    steps, running = correlation.steps, asyncio.create_task(correlating.run())
    await until(lambda: correlation.steps > steps)
    correlating.wake()
    await asyncio.wait_for(running, PATIENCE)


async def test_after_a_step_that_found_few_it_waits_for_more(
    correlating: Paced, correlation: Slow, intake: Intake, sender: Sender, until: Until
) -> None:
    await rest(correlating, correlation, until)
    for _ in range(3):
        await intake.commit([sender.deliver(count=1)])
    await correlating.run()
    assert correlating.counters["items"] == 3
    assert correlating.pauses == [PAUSE]
    assert correlation.looks == 1


async def test_what_is_missing_is_looked_for_though_items_keep_coming(
    correlating: Paced, correlation: Slow, intake: Intake, sender: Sender, clock: ManualClock, until: Until
) -> None:
    await rest(correlating, correlation, until)
    clock.advance(LOOK_EVERY)
    await intake.commit([sender.deliver(count=1)])
    await correlating.run()
    # It goes on at once: behind this one there is nothing, so a look tells the truth.
    assert correlating.pauses == [0.0]
    await rest(correlating, correlation, until)
    assert correlation.looks == 2


@pytest.mark.parametrize(
    ("takes", "pause"),
    [pytest.param(0.03, 0.03, id="as long as a step"), pytest.param(5.0, PAUSE, id="not longer than usual")],
)
async def test_a_backlog_leaves_the_store_to_others_half_of_the_time(
    correlating: Paced,
    correlation: Slow,
    intake: Intake,
    sender: Sender,
    until: Until,
    takes: float,
    pause: float,
) -> None:
    await rest(correlating, correlation, until)
    await intake.commit([sender.deliver(count=TOGETHER + 1)])
    correlation.takes = takes
    await correlating.run()
    assert correlating.pauses == [pytest.approx(pause)]
    await correlating.run()
    assert correlating.counters["items"] == TOGETHER + 1
