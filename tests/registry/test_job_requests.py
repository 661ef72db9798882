"""What was asked for, again; what the scope did not allow, written down; who waits for whom."""

from __future__ import annotations

import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Actor
from registry.database import Database
from registry.directory import Directory
from registry.job_desk import JobDesk
from registry.job_requests import JobRequests
from registry.job_workers import JobWorkers
from registry.jobs import Jobs, Taker, UnknownJobError
from vedette.clock import ManualClock
from vedette.configuration.fleet import FleetConfiguration
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import ScopePolicy, TargetsOutOfScopeError
from vedette.messages.card import Role

BY = Actor(who="user anna", origin="192.0.2.7")
WANTED = JobRequest(
    tool="tcp-connect",
    arguments={"ports": [22]},
    targets=["127.0.0.0/30", "127.0.0.9"],
    agents=["one@localhost"],
    place="here",
    parallel=7,
    time_limit=12.5,
)


@pytest.fixture
def jobs(database: Database, clock: ManualClock) -> Jobs:
    """The jobs of a store."""
    return Jobs(database=database, clock=clock)


@pytest.fixture
def requests(database: Database, clock: ManualClock) -> JobRequests:
    """What was asked for."""
    return JobRequests(database=database, clock=clock)


def desk_of(jobs: Jobs, clock: ManualClock, *allow: str) -> JobDesk:
    return JobDesk(jobs=jobs, policy=ScopePolicy(allow=list(allow)), clock=clock)


async def audited(database: Database, clock: ManualClock) -> list[tuple[str, str, str]]:
    found = await Audit(database=database, clock=clock).page(wanted=AuditFilter(action="job."))
    return [(entry.action, entry.object, entry.detail) for entry in found.entries]


async def test_a_request_is_known_as_it_was_given(jobs: Jobs, requests: JobRequests, clock: ManualClock) -> None:
    job = await desk_of(jobs, clock, "127.0.0.0/8").request(WANTED, by=BY)
    assert job.total == 3
    assert await requests.of(job.uuid) == WANTED
    with pytest.raises(UnknownJobError):
        await requests.of("nothing")


async def test_the_same_again_is_a_job_of_its_own_and_audited(
    jobs: Jobs, database: Database, clock: ManualClock
) -> None:
    desk = desk_of(jobs, clock, "127.0.0.0/8")
    first = await desk.request(WANTED, by=BY)
    second = await desk.request_again(first.uuid, by=BY)
    assert second.uuid != first.uuid
    assert (second.total, second.arguments, second.place) == (3, {"ports": [22]}, "here")
    newest, _ = await audited(database, clock)
    assert newest[:2] == ("job.request", second.uuid)
    assert newest[2].startswith(f"again, as {first.uuid}: ")


async def test_what_is_not_allowed_any_more_is_not_done_again(
    jobs: Jobs, database: Database, clock: ManualClock
) -> None:
    first = await desk_of(jobs, clock, "127.0.0.0/8").request(WANTED, by=BY)
    with pytest.raises(TargetsOutOfScopeError) as refused:
        await desk_of(jobs, clock, "127.0.0.1").request_again(first.uuid, by=BY)
    assert list(refused.value.refusals) == ["127.0.0.2", "127.0.0.9"]
    assert len((await jobs.page()).rows) == 1
    (action, tool, detail), _ = await audited(database, clock)
    assert (action, tool) == ("job.refuse", "tcp-connect")
    assert "127.0.0.2, 127.0.0.9" in detail
    assert "in no allowed network" in detail


async def test_only_a_request_that_the_scope_refuses_is_written_down(
    jobs: Jobs, database: Database, clock: ManualClock
) -> None:
    desk = desk_of(jobs, clock, "127.0.0.0/8")
    outside = WANTED.model_copy(update={"targets": ["192.0.2.1"]})
    with pytest.raises(TargetsOutOfScopeError):
        await desk.preview(outside)
    with pytest.raises(RefusedError):
        await desk.request(WANTED.model_copy(update={"arguments": {}}), by=BY)
    assert await audited(database, clock) == []
    with pytest.raises(RefusedError):
        await desk.request(WANTED.model_copy(update={"tool": "rm"}), by=BY)
    many = WANTED.model_copy(update={"targets": [f"192.0.2.{number}" for number in range(30)]})
    with pytest.raises(TargetsOutOfScopeError, match="29 more targets"):
        await desk.request(many, by=BY)
    (_, _, detail), (_, tool, _) = await audited(database, clock)
    assert tool == "rm"
    assert "and 20 more" in detail


async def test_an_items_job_is_that_of_its_run(jobs: Jobs, requests: JobRequests, clock: ManualClock) -> None:
    job = await desk_of(jobs, clock, "127.0.0.0/8").request(WANTED, by=BY)
    run = (await jobs.runs(job.uuid)).rows[1]
    assert await requests.of_item(run.uuid) == job.uuid
    assert await requests.of_item(job.uuid) is None


async def test_jobs_are_filtered(jobs: Jobs, clock: ManualClock) -> None:
    desk = desk_of(jobs, clock, "127.0.0.0/8")
    first = await desk.request(WANTED, by=BY)
    second = await desk.request(
        JobRequest(tool="dns", targets=["localhost"]), by=Actor(who="user bert", origin="127.0.0.1")
    )
    await jobs.cancel(second.uuid, by=BY)

    async def found(**wanted: str) -> list[str]:
        return [job.uuid for job in (await jobs.page(**wanted)).rows]

    assert await found() == [second.uuid, first.uuid]
    assert await found(state="cancelled") == [second.uuid]
    assert await found(state="running") == []
    assert await found(tool="tcp-connect") == [first.uuid]
    assert await found(requested_by="user bert") == [second.uuid]
    assert await found(requested_by="user bert", tool="tcp-connect") == []


async def test_a_job_that_nobody_can_do_says_so(jobs: Jobs, database: Database, clock: ManualClock) -> None:
    free = WANTED.model_copy(update={"agents": [], "place": ""})
    job = await desk_of(jobs, clock, "127.0.0.0/8").request(free, by=BY)
    alone = FleetConfiguration.model_validate({"jobs": {"agents": 0}})
    nobody = JobWorkers.of_fleet(alone, database=database)
    assert "No job agent or launcher is there" in await nobody.why_waiting(job)
    # A fleet does jobs unless it is told not to.
    assert await JobWorkers.of_fleet(FleetConfiguration(), database=database).why_waiting(job) == ""
    directory = Directory(database=database, clock=clock)
    await directory.enrol("site1@localhost", role=Role.LAUNCHER, public_key=None, unsigned_allowed=True)
    assert "not there: site1@localhost" in await nobody.why_waiting(job)
    await directory.presence("site1@localhost", show="available", status="", cause="test")
    assert await nobody.why_waiting(job) == ""
    named = await jobs.get(job.uuid)
    await jobs.take(Taker(jid="one@localhost", life="a"), held=[], limit=1)
    assert await JobWorkers.of_fleet(alone, database=database).why_waiting(await jobs.get(named.uuid)) == ""
