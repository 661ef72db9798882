"""Jobs in both databases: leases, takeover, cancel, output, and what an agent that is late may still say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import update

from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.intake import Intake
from registry.job_tables import job_run
from registry.jobs import Job, Jobs, Report, Run, Taker, UnknownJobError
from tests.registry.conftest import Sender
from vedette.clock import MICROSECONDS, ManualClock
from vedette.errors import RefusedError
from vedette.jobs.lines import MAX_LINES
from vedette.jobs.request import JobRequest, Plan

BY = Actor(who="user anna", origin="192.0.2.7")
ONE = Taker(jid="one@localhost", life="a")
TWO = Taker(jid="two@localhost", life="b")


@pytest.fixture
def jobs(database: Database, clock: ManualClock) -> Jobs:
    """The jobs of a store; a lease is 15 seconds."""
    return Jobs(database=database, clock=clock)


def plan_of(count: int, **more: Any) -> Plan:
    """A job over so many targets."""
    targets = tuple(f"127.0.0.{number + 1}" for number in range(count))
    request = JobRequest(tool="echo", targets=list(targets), **more)
    return Plan(request=request, words=("echo", "{target}"), targets=targets, commands=())


async def runs(jobs: Jobs, job: Job) -> Sequence[Run]:
    return (await jobs.runs(job.uuid, limit=1000)).rows


def report(run: str, *lines: str, first: int = 0, attempt: int = 1, dropped: int = 0) -> Report:
    return Report(run=run, attempt=attempt, first=first, lines=lines, dropped=dropped)


async def test_a_request_and_a_cancel_are_in_the_audit_log(
    jobs: Jobs, database: Database, clock: ManualClock
) -> None:
    job = await jobs.request(plan_of(2), by=BY)
    await jobs.cancel(job.uuid, by=BY)
    await jobs.cancel(job.uuid, by=BY)
    entries = (await Audit(database=database, clock=clock).page()).entries
    assert [(entry.action, entry.object, entry.who) for entry in entries] == [
        ("job.cancel", job.uuid, "user anna"),
        ("job.request", job.uuid, "user anna"),
    ]
    assert "127.0.0.1, 127.0.0.2" in entries[1].detail


async def test_no_run_is_handed_out_twice_and_no_more_than_parallel(jobs: Jobs) -> None:
    job = await jobs.request(plan_of(5, parallel=3), by=BY)
    first = await jobs.take(ONE, held=[], limit=2)
    second = await jobs.take(TWO, held=[], limit=2)
    assert [len(first), len(second)] == [2, 1]
    assert len({one.run for one in [*first, *second]}) == 3
    assert await jobs.due(TWO) == [0]
    assert await jobs.finish(ONE, first[0].run, outcome="done", exit_code=0)
    assert await jobs.due(TWO, ONE) == [1, 1]
    after = await jobs.get(job.uuid)
    assert (after.state, after.active, after.done) == ("running", 2, 1)


async def test_many_takers_at_once_get_each_run_once(jobs: Jobs) -> None:
    await jobs.request(plan_of(60, parallel=64), by=BY)
    takers = [Taker(jid=f"agent{number}@localhost", life="a") for number in range(12)]
    taken = await asyncio.gather(*(jobs.take(taker, held=[], limit=5) for taker in takers))
    assert len({one.run for some in taken for one in some}) == 60


async def test_two_processes_on_one_store_never_hand_out_the_same(
    jobs: Jobs, store_url: str, clock: ManualClock
) -> None:
    await jobs.request(plan_of(40, parallel=64), by=BY)
    with Database(store_url) as other:
        others = Jobs(database=other, clock=clock)
        taken = await asyncio.gather(
            *(
                side.take(Taker(jid=f"{name}{number}@localhost", life="a"), held=[], limit=4)
                for number in range(5)
                for side, name in ((jobs, "here"), (others, "there"))
            )
        )
        found = [one.run for some in taken for one in some]
        assert len(found) == len(set(found))
        rest = await jobs.take(Taker(jid="last@localhost", life="a"), held=[], limit=40)
        assert sorted(found + [one.run for one in rest]) == sorted({*found, *(one.run for one in rest)})
        assert len(found) + len(rest) == 40


async def test_a_silent_agents_run_is_given_to_another_and_its_late_word_does_not_count(
    jobs: Jobs, clock: ManualClock
) -> None:
    job = await jobs.request(plan_of(1), by=BY)
    (first,) = await jobs.take(ONE, held=[], limit=1)
    clock.advance(14)
    assert await jobs.expire() == 0
    assert await jobs.hear(ONE, [report(first.run, "alive")]) == []
    clock.advance(14)
    assert await jobs.expire() == 0
    clock.advance(2)
    assert await jobs.expire() == 1
    (second,) = await jobs.take(TWO, held=[], limit=1)
    assert (second.run, second.attempt) == (first.run, 2)
    # What the first one still says is answered with "stop", and changes nothing.
    assert await jobs.hear(ONE, [report(first.run, "late", first=1)]) == [first.run]
    assert not await jobs.finish(ONE, first.run, outcome="done", exit_code=0)
    assert await jobs.finish(TWO, first.run, outcome="done", exit_code=3)
    (run,) = await runs(jobs, job)
    assert (run.state, run.agent, run.exit_code, run.attempts) == ("done", TWO.jid, 3, 2)
    assert [line.text for line in await jobs.output(job.uuid)] == ["alive"]


async def test_a_new_life_gives_back_what_the_earlier_one_had(jobs: Jobs) -> None:
    await jobs.request(plan_of(2), by=BY)
    (first,) = await jobs.take(ONE, held=[], limit=1)
    again = await jobs.take(Taker(jid=ONE.jid, life="c"), held=[], limit=2)
    assert [one.attempt for one in again if one.run == first.run] == [2]


async def test_an_assignment_that_was_lost_on_the_way_is_not_counted(jobs: Jobs) -> None:
    await jobs.request(plan_of(1), by=BY)
    for _ in range(6):
        (leased,) = await jobs.take(ONE, held=[], limit=1)
        assert leased.attempt == 1
    assert await jobs.take(ONE, held=[leased.run], limit=1) == []


async def test_a_run_that_kills_every_agent_is_given_up(jobs: Jobs, clock: ManualClock) -> None:
    job = await jobs.request(plan_of(1), by=BY)
    for _ in range(3):
        assert len(await jobs.take(ONE, held=[], limit=1)) == 1
        clock.advance(16)
        await jobs.expire()
    assert await jobs.take(ONE, held=[], limit=1) == []
    after = await jobs.get(job.uuid)
    assert (after.state, after.failed, after.active) == ("failed", 1, 0)
    (run,) = await runs(jobs, job)
    assert "never answered" in run.reason


async def test_what_brought_its_item_is_done_even_if_its_agent_never_said_so(
    jobs: Jobs, clock: ManualClock, intake: Intake, make_sender: Callable[[str], Sender]
) -> None:
    job = await jobs.request(plan_of(1), by=BY)
    (leased,) = await jobs.take(ONE, held=[], limit=1)
    sender = make_sender(ONE.jid)
    await intake.commit([sender.deliver(sender.item(uuid=leased.run))])
    clock.advance(16)
    await jobs.expire()
    assert (await jobs.get(job.uuid)).state == "done"


async def test_cancelling_ends_what_waits_and_stops_what_runs(jobs: Jobs) -> None:
    job = await jobs.request(plan_of(3), by=BY)
    (leased,) = await jobs.take(ONE, held=[], limit=1)
    cancelled = await jobs.cancel(job.uuid, by=BY)
    assert (cancelled.state, cancelled.cancelled, cancelled.active) == ("running", 2, 1)
    assert await jobs.take(TWO, held=[], limit=3) == []
    assert await jobs.hear(ONE, [report(leased.run, "last words")]) == [leased.run]
    assert await jobs.finish(ONE, leased.run, outcome="cancelled")
    assert (await jobs.get(job.uuid)).state == "cancelled"
    assert [line.text for line in await jobs.output(job.uuid)] == ["last words"]


async def test_an_agent_that_dies_of_a_cancelled_run_ends_the_job(jobs: Jobs, clock: ManualClock) -> None:
    job = await jobs.request(plan_of(1), by=BY)
    await jobs.take(ONE, held=[], limit=1)
    await jobs.cancel(job.uuid, by=BY)
    clock.advance(16)
    await jobs.expire()
    assert (await jobs.get(job.uuid)).state == "cancelled"


async def test_output_is_read_on_from_a_position_and_told_twice_kept_once(jobs: Jobs) -> None:
    job = await jobs.request(plan_of(2), by=BY)
    one, other = await jobs.take(ONE, held=[], limit=2)
    await jobs.hear(ONE, [report(one.run, "a", "b"), report(other.run, "x\0")])
    await jobs.hear(ONE, [report(one.run, "a", "b", "c")])
    first = await jobs.output(job.uuid, limit=2)
    assert [line.text for line in first] == ["a", "b"]
    rest = await jobs.output(job.uuid, after=first[-1].position)
    assert [(line.target, line.text) for line in rest] == [("127.0.0.2", "x\ufffd"), ("127.0.0.1", "c")]
    # A gap cannot be: what came before it was never answered.
    await jobs.hear(ONE, [report(one.run, "z", first=9)])
    assert await jobs.output(job.uuid, after=rest[-1].position) == []


async def test_output_is_bounded_whatever_an_agent_sends(jobs: Jobs) -> None:
    job = await jobs.request(plan_of(1), by=BY)
    (leased,) = await jobs.take(ONE, held=[], limit=1)
    for first in range(0, MAX_LINES + 2000, 1000):
        await jobs.hear(ONE, [report(leased.run, *map(str, range(1000)), first=min(first, MAX_LINES))])
    (run,) = await runs(jobs, job)
    assert run.lines == MAX_LINES


async def test_where_a_job_may_be_done(jobs: Jobs) -> None:
    await jobs.request(plan_of(1, agents=["launcher@localhost"], place="Luxembourg"), by=BY)
    for taker in (ONE, Taker(jid="x@localhost", life="a", launcher="launcher@localhost", place="Paris")):
        assert await jobs.take(taker, held=[], limit=1) == []
    right = Taker(jid="x@localhost", life="a", launcher="launcher@localhost", place="Luxembourg")
    assert len(await jobs.take(right, held=[], limit=1)) == 1


async def test_a_job_that_nobody_may_do_holds_up_nobody(jobs: Jobs) -> None:
    await jobs.request(plan_of(1, agents=["elsewhere@localhost"]), by=BY)
    await jobs.request(plan_of(1), by=BY)
    assert len(await jobs.take(ONE, held=[], limit=5)) == 1


@pytest.mark.parametrize("back", [3600, -3600], ids=["forward", "back"])
async def test_a_clock_that_is_set_does_not_keep_a_run_for_ever(
    jobs: Jobs, database: Database, clock: ManualClock, back: int
) -> None:
    await jobs.request(plan_of(1), by=BY)
    await jobs.take(ONE, held=[], limit=1)
    due = clock.now() + back * MICROSECONDS
    await database.write(lambda connection: connection.execute(update(job_run).values(due_at=due)) and None)
    assert await jobs.expire() == 1
    assert len(await jobs.take(TWO, held=[], limit=1)) == 1


async def test_a_hub_that_was_away_lets_leases_begin_anew(jobs: Jobs, clock: ManualClock) -> None:
    await jobs.request(plan_of(1), by=BY)
    (leased,) = await jobs.take(ONE, held=[], limit=1)
    clock.advance(100)
    assert await jobs.extend() == 1
    assert await jobs.expire() == 0
    assert await jobs.hear(ONE, [report(leased.run)]) == []


async def test_lists_are_walked_by_page(jobs: Jobs) -> None:
    made = [await jobs.request(plan_of(3), by=BY) for _ in range(3)]
    page = await jobs.page(limit=2)
    rest = await jobs.page(limit=2, cursor=page.next)
    assert [job.uuid for job in [*page.rows, *rest.rows]] == [job.uuid for job in reversed(made)]
    assert [job.uuid for job in (await jobs.page(state="done")).rows] == []
    targets = await jobs.runs(made[0].uuid, limit=2)
    assert [run.target for run in targets.rows] == ["127.0.0.1", "127.0.0.2"]
    assert targets.next is not None


async def test_what_is_not_there_is_said(jobs: Jobs) -> None:
    for wish in (jobs.get("x\0"), jobs.runs("x"), jobs.output("x"), jobs.cancel("x", by=BY)):
        with pytest.raises(UnknownJobError):
            await wish
    assert not await jobs.finish(ONE, "nothing", outcome="done")
    assert await jobs.hear(ONE, [report("nothing")]) == ["nothing"]


async def test_not_more_may_wait_than_anybody_means(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.job_entry.MAX_WAITING", 5)
    await jobs.request(plan_of(4), by=BY)
    with pytest.raises(RefusedError, match="would wait"):
        await jobs.request(plan_of(2), by=BY)
