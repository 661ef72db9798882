"""The output of jobs in the background: deleted by age and number, counted, and not by a clock that jumps."""

from __future__ import annotations

import pytest

from behaviours import prune_output
from behaviours.prune_output import JUMP, PruneOutput
from registry.callers import Actor
from registry.database import Database
from registry.job_output import JobOutput
from registry.jobs import Jobs, Report, Taker
from tests.agents.station import Until
from tests.behaviours.switchboard import started
from vedette.clock import ManualClock
from vedette.jobs.request import JobRequest, Plan

DAY = 86_400.0


async def put_out(database: Database, clock: ManualClock, lines: int) -> Jobs:
    """A job at work that put out so many lines."""
    jobs = Jobs(database=database, clock=clock)
    request = JobRequest(tool="echo", targets=["127.0.0.1"])
    plan = Plan(request=request, words=("echo",), targets=("127.0.0.1",), commands=())
    await jobs.request(plan, by=Actor(who="user anna", origin="192.0.2.7"))
    taker = Taker(jid="one@localhost", life="a")
    (leased,) = await jobs.take(taker, held=[], limit=1)
    texts = [str(number) for number in range(lines)]
    await jobs.hear(taker, [Report(run=leased.run, attempt=1, first=0, lines=texts, dropped=0)])
    return jobs


def pruning(database: Database, clock: ManualClock, *, lines: int = 1_000) -> PruneOutput:
    output = JobOutput(database=database, clock=clock)
    return PruneOutput(clock=clock, agent_name="registry", output=output, days=30, lines=lines)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_is_too_much_goes_and_is_counted(
    database: Database, clock: ManualClock, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune_output, "REST", 0.01)
    jobs = await put_out(database, clock, 1_200)
    behaviour = pruning(database, clock)
    async with started(behaviour):
        await until(lambda: behaviour.counters["lines deleted"] == 200)
    (job,) = (await jobs.page()).rows
    assert (job.pruned, job.state) == (200, "running")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("jump", [31 * DAY, JUMP - 1, -400 * DAY], ids=str)
async def test_a_clock_that_jumps_deletes_nothing_by_age(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    await put_out(database, clock, 5)
    behaviour = pruning(database, clock)

    async def rest(_seconds: float) -> None:
        return

    monkeypatch.setattr(behaviour, "pause", rest)
    clock.jump(jump)
    await behaviour.run()
    assert behaviour.counters["lines deleted"] == 0


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_time_that_passed_makes_lines_old(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_out(database, clock, 5)
    behaviour = pruning(database, clock)

    async def rest(_seconds: float) -> None:
        return

    monkeypatch.setattr(behaviour, "pause", rest)
    clock.advance(31 * DAY)
    await behaviour.run()
    assert behaviour.counters["lines deleted"] == 5
