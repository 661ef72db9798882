"""The output of jobs in both databases: its end, and what is deleted of it when."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from registry.callers import Actor
from registry.database import Database
from registry.job_output import TOGETHER, JobOutput
from registry.job_tables import job_output
from registry.jobs import Job, Jobs, Report, Taker, UnknownJobError
from vedette.clock import ManualClock
from vedette.jobs.lines import MAX_LINES
from vedette.jobs.request import JobRequest, Plan

BY = Actor(who="user anna", origin="192.0.2.7")
ONE = Taker(jid="one@localhost", life="a")
DAY = 86_400.0


@pytest.fixture
def jobs(database: Database, clock: ManualClock) -> Jobs:
    """The jobs of a store."""
    return Jobs(database=database, clock=clock)


@pytest.fixture
def output(database: Database, clock: ManualClock) -> JobOutput:
    """Their output."""
    return JobOutput(database=database, clock=clock)


async def done_job(jobs: Jobs, lines: int, *, name: str = "line") -> Job:
    """A job of one run that put out so many lines."""
    request = JobRequest(tool="echo", targets=["127.0.0.1"])
    plan = Plan(request=request, words=("echo",), targets=("127.0.0.1",), commands=())
    job = await jobs.request(plan, by=BY)
    (leased,) = await jobs.take(ONE, held=[], limit=1)
    assert lines <= MAX_LINES
    for start in range(0, lines, 500):
        texts = [f"{name} {number}" for number in range(start, min(lines, start + 500))]
        await jobs.hear(ONE, [Report(run=leased.run, attempt=1, first=start, lines=texts, dropped=0)])
    await jobs.finish(ONE, leased.run, outcome="done", exit_code=0)
    return job


async def count(database: Database) -> int:
    query = select(func.count()).select_from(job_output)
    return await database.read(lambda connection: connection.execute(query).scalar_one())


async def pruned(output: JobOutput, *, days: float = 30, rows: int = 10**6) -> int:
    total = 0
    while some := await output.prune(days=days, rows=rows):
        total += some
    return total


async def test_the_end_of_an_output_is_read_in_its_order(jobs: Jobs, output: JobOutput) -> None:
    job = await done_job(jobs, 7)
    await done_job(jobs, 3, name="other")
    last = await output.last(job.uuid, limit=3)
    assert [line.text for line in last] == ["line 4", "line 5", "line 6"]
    assert (await output.last(job.uuid, limit=100))[0].text == "line 0"
    # What follows is read from there.
    assert await jobs.output(job.uuid, after=last[-1].position) == []
    with pytest.raises(UnknownJobError):
        await output.last("nothing", limit=3)


async def test_old_lines_go_and_are_counted_and_the_job_stays(
    jobs: Jobs, output: JobOutput, database: Database, clock: ManualClock
) -> None:
    old = await done_job(jobs, 5)
    clock.advance(31 * DAY)
    fresh = await done_job(jobs, 4)
    assert await pruned(output) == 5
    assert await pruned(output) == 0
    after = await jobs.get(old.uuid)
    assert (after.pruned, after.done, after.state) == (5, 1, "done")
    assert (await jobs.get(fresh.uuid)).pruned == 0
    assert await count(database) == 4
    assert await jobs.output(old.uuid) == []
    assert len((await jobs.runs(old.uuid)).rows) == 1


async def test_of_too_many_lines_the_oldest_go(jobs: Jobs, output: JobOutput, database: Database) -> None:
    first = await done_job(jobs, TOGETHER + 500)
    second = await done_job(jobs, 700)
    assert await output.prune(days=30, rows=1_000) <= TOGETHER
    await pruned(output, rows=1_000)
    assert await count(database) == 1_000
    assert (await jobs.get(first.uuid)).pruned == TOGETHER + 500 - 300
    assert (await jobs.get(second.uuid)).pruned == 0
    assert [line.text for line in await output.last(first.uuid, limit=1)] == [f"line {TOGETHER + 499}"]


async def test_nothing_is_nothing_to_delete(output: JobOutput) -> None:
    assert await output.prune(days=0.001, rows=1_000) == 0


async def test_a_clock_that_was_put_back_keeps_what_is_there(
    jobs: Jobs, output: JobOutput, clock: ManualClock
) -> None:
    job = await done_job(jobs, 3)
    clock.jump(-40 * DAY)
    assert await pruned(output) == 0
    assert len(await jobs.output(job.uuid)) == 3
