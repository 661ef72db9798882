"""Schedules in both databases: exact counts over two weeks, kills, clocks that jump, and who answers for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from registry.audit import Audit
from registry.callers import Actor, Scope
from registry.database import Database
from registry.job_desk import JobDesk
from registry.job_tables import job
from registry.jobs import Jobs
from registry.keys import Keys
from registry.roles import UserRole
from registry.schedule_desk import ScheduleDesk, StillRunningError
from registry.schedule_rows import Schedule, ScheduleRun, UnknownScheduleError
from registry.schedule_tables import schedule
from registry.users import Users
from vedette.clock import MICROSECONDS, ManualClock, from_datetime, to_datetime
from vedette.errors import RefusedError, StoreError
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import OutOfScopeError, ScopePolicy
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.request import ScheduleRequest
from vedette.scheduling.timetable import Timetable

BY = Actor(who="command line root", origin="command line")
ANNA = Actor(who="user anna", origin="192.0.2.7")
SCOPE = ScopePolicy(allow=["127.0.0.0/8"], commands={"look": ["true", "{target}"]})
DAY = 86_400
JOB = JobRequest(tool="look", targets=["127.0.0.1"])


def asked(name: str = "daily look", when: str = "0 0 12 * * ?", **more: Any) -> ScheduleRequest:
    """What somebody asks for."""
    return ScheduleRequest(**{"name": name, "when": when, "job": JOB, **more})


class Station:
    """A store with everything that schedules need."""

    def __init__(self, database: Database, clock: ManualClock, *, scope: ScopePolicy = SCOPE) -> None:
        self.database, self.clock = database, clock
        self.jobs = Jobs(database=database, clock=clock)
        self.desk = ScheduleDesk(
            database=database,
            desk=JobDesk(jobs=self.jobs, policy=scope, clock=clock),
            clock=clock,
            randomness=Random(1),
        )
        self.schedules = self.desk.schedules

    async def until(self, end: int, *, step: float = 30.0) -> None:
        """Let time pass and do what is due, until `end` (microseconds since 1970); jobs end at once."""
        while self.clock.now() < end:
            self.clock.advance(step)
            await self.desk.run_due()
            await self.end_jobs()

    async def end_jobs(self) -> None:
        """Let all jobs be done."""
        ended = update(job).where(job.c.ended_at.is_(None)).values(ended_at=self.clock.now(), state="done")
        await self.database.write(lambda connection: connection.execute(ended))

    async def entered(self) -> int:
        """Return how many jobs there are."""
        return await self.database.read(
            lambda connection: connection.execute(select(func.count()).select_from(job)).scalar_one()
        )

    async def history(self, one: Schedule) -> list[ScheduleRun]:
        """Return what became of a schedule's planned times, newest first."""
        return (await self.schedules.runs(one.uuid)).rows

    async def actions(self) -> list[str]:
        """Return what the audit log has, oldest first."""
        entries = (await Audit(database=self.database, clock=self.clock).page()).entries
        return [entry.action for entry in reversed(entries)]


@pytest.fixture
def station(database: Database, clock: ManualClock) -> Station:
    """A store with everything that schedules need."""
    return Station(database, clock)


async def test_two_weeks_bring_exactly_what_the_timetables_say(station: Station) -> None:
    """Given four schedules, when two weeks pass, then each has as many jobs as its timetable has times."""
    start, end = station.clock.now(), station.clock.now() + 14 * DAY * MICROSECONDS
    wanted = {
        "noon": ("0 0 12 * * ?", "Europe/Prague", 14),
        "workdays": ("0 30 8 ? * MON-FRI", "America/New_York", 10),
        "six hours": ("every 6h", "UTC", 56),
        "last day": ("0 0 0 L * ?", "UTC", 1),
    }
    for name, (when, zone, _) in wanted.items():
        await station.desk.add(asked(name, when, zone=zone), by=BY)
    await station.until(end, step=3600.0)
    for name, (when, zone, count) in wanted.items():
        found = await station.schedules.get(name)
        timetable = Timetable.parse(when, zone=zone, anchor=start)
        planned = [at for at in timetable.next_runs(start, count=200) if at <= end]
        assert (name, found.entered) == (name, len(planned)) == (name, count)
        assert [run.planned_at for run in reversed(await station.history(found))] == planned
        assert (found.missed, found.skipped, found.refused) == (0, 0, 0)
    assert await station.entered() == sum(count for _, _, count in wanted.values())


async def test_jobs_are_requested_in_the_name_of_who_answers_for_the_schedule(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"entered": 1}
    found = await station.jobs.get((await station.schedules.get(made.uuid)).last_job)
    assert (found.requested_by, found.tool, found.state) == (BY.who, "look", "requested")
    entries = (await Audit(database=station.database, clock=station.clock).page()).entries
    assert (entries[0].action, entries[0].object, entries[0].origin) == (
        "job.request",
        found.uuid,
        "schedule daily look",
    )


async def test_two_processes_that_find_it_due_enter_one_job(station: Station) -> None:
    await station.desk.add(asked(when="every 1h"), by=BY)
    other = Station(station.database, station.clock)
    station.clock.advance(3600)
    await asyncio.gather(*(one.desk.run_due() for one in (station, other, station, other)))
    assert await station.entered() == 1


async def test_what_is_killed_before_its_end_is_done_once_by_the_next(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a transaction that is lost after the job was entered, when it is tried again, then there is one job."""
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    station.clock.advance(3600)

    def killed(connection: Connection, *_: object, **__: object) -> None:
        raise StoreError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("registry.schedule_work._go_on", killed)
        with pytest.raises(StoreError, match="killed"):
            await station.desk.run_due()
    assert await station.entered() == 0
    assert await Station(station.database, station.clock).desk.run_due() == {"entered": 1}
    assert await station.desk.run_due() == {}
    assert (await station.entered(), (await station.schedules.get(made.uuid)).entered) == (1, 1)


@pytest.mark.parametrize(("misfire", "jobs", "missed"), [("run-once", 1, 23), ("skip", 0, 24)])
async def test_a_day_of_standstill_is_one_run_or_none_by_its_policy(
    station: Station, misfire: str, jobs: int, missed: int
) -> None:
    made = await station.desk.add(asked(when="0 0 * * * ?", misfire=misfire), by=BY)
    station.clock.advance(DAY + 600)
    await station.desk.run_due()
    found = await station.schedules.get(made.uuid)
    assert (found.entered, found.missed) == (jobs, missed)
    assert found.next_runs[0] > station.clock.now()


async def test_a_late_look_is_no_misfire(station: Station) -> None:
    made = await station.desk.add(asked(when="0 0 12 * * ?", misfire="skip"), by=BY)
    station.clock.advance((made.next_runs[0] - station.clock.now()) / MICROSECONDS + 50)
    assert await station.desk.run_due() == {"entered": 1}


async def test_a_run_is_left_out_while_the_job_before_goes_on(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h", overlap="skip"), by=BY)
    for _ in range(3):
        station.clock.advance(3600)
        await station.desk.run_due()
    found = await station.schedules.get(made.uuid)
    assert (found.entered, found.skipped, found.state) == (1, 2, "scheduled")
    await station.end_jobs()
    station.clock.advance(3600)
    await station.desk.run_due()
    assert (await station.schedules.get(made.uuid)).entered == 2


async def test_a_run_waits_for_the_job_before_and_what_came_meanwhile_is_left_out(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h", overlap="wait", misfire="skip"), by=BY)
    for _ in range(4):
        station.clock.advance(3600)
        await station.desk.run_due()
    found = await station.schedules.get(made.uuid)
    assert (found.entered, found.state) == (1, "waiting")
    await station.end_jobs()
    assert await station.desk.run_due() == {"entered": 1}
    found = await station.schedules.get(made.uuid)
    # Three were due behind the first: one of them ran when it could.
    assert (found.entered, found.skipped, found.missed, found.state) == (2, 2, 0, "scheduled")


async def test_a_paused_schedule_brings_nothing_and_goes_on_where_it_is_then(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    paused = await station.schedules.pause(made.uuid, by=ANNA)
    assert (paused.state, paused.paused_by, paused.next_runs) == ("paused", "user anna", [])
    await station.schedules.pause(made.uuid, by=BY)
    station.clock.advance(10 * 3600)
    assert await station.desk.run_due() == {}
    resumed = await Station(station.database, station.clock).schedules.resume(made.uuid, by=BY)
    assert (resumed.state, resumed.missed) == ("scheduled", 0)
    assert resumed.next_runs[0] > station.clock.now()
    assert await station.actions() == ["schedule.create", "schedule.pause", "schedule.resume"]


async def test_run_now_is_besides_the_plan_and_never_at_the_same_time(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    uuid = await station.desk.run_now(made.uuid, by=ANNA)
    assert (await station.jobs.get(uuid)).requested_by == "user anna"
    with pytest.raises(StillRunningError, match="not ended"):
        await station.desk.run_now(made.uuid, by=ANNA)
    found = await station.schedules.get(made.uuid)
    assert (found.next_runs, found.entered, found.last_job) == (made.next_runs, 1, uuid)
    assert "schedule.run" in await station.actions()


async def test_a_clock_that_is_put_back_does_not_stop_it_and_repeats_nothing(station: Station) -> None:
    made = await station.desk.add(asked(when="0 0 12 * * ?"), by=BY)
    await station.until(station.clock.now() + 3 * DAY * MICROSECONDS, step=3600.0)
    assert (await station.schedules.get(made.uuid)).entered == 3
    station.clock.jump(-6 * DAY)
    assert await station.desk.replan() == 1
    before = await station.schedules.get(made.uuid)
    assert before.next_runs[0] < station.clock.now() + DAY * MICROSECONDS
    await station.until(station.clock.now() + 7 * DAY * MICROSECONDS, step=3600.0)
    planned = [run.planned_at for run in await station.history(made) if run.outcome == "entered"]
    assert len(planned) == len(set(planned)) == await station.entered()


async def test_a_clock_that_jumps_ahead_brings_one_run(station: Station) -> None:
    made = await station.desk.add(asked(when="* * * * * ?"), by=BY)
    station.clock.jump(400 * DAY)
    await station.desk.run_due()
    found = await station.schedules.get(made.uuid)
    assert found.entered == 1
    assert found.missed >= 9_999
    assert found.next_runs[0] > station.clock.now()


async def test_jitter_puts_runs_off_and_never_moves_the_plan(station: Station) -> None:
    made = await station.desk.add(asked(when="0 0 * * * ?", jitter=3000), by=BY)
    await station.until(station.clock.now() + 13 * 3600 * MICROSECONDS, step=60.0)
    history = await station.history(made)
    assert len(history) in (12, 13)
    late = [(run.at - run.planned_at) / MICROSECONDS for run in history]
    assert all(0 <= one <= 3060 for one in late)
    assert max(late) - min(late) > 600
    assert all(to_datetime(run.planned_at).minute == 0 for run in history)


# Who answers for it -----------------------------------------------------------------


async def test_who_may_not_run_jobs_any_more_runs_none_by_schedule(station: Station) -> None:
    users = Users(database=station.database, clock=station.clock)
    await users.add(name="anna", role=UserRole.OPERATOR, password_hash="x", by=BY)
    made = await station.desk.add(asked(when="every 1h"), by=ANNA)
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"entered": 1}
    await station.end_jobs()
    await users.set_role("anna", UserRole.VIEWER, by=BY)
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"refused": 1}
    found = await station.schedules.get(made.uuid)
    assert "user anna may not run jobs any more" in found.last_reason
    await station.desk.change(made.uuid, asked(when="every 1h"), by=BY)
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"entered": 1}


async def revoked(keys: Keys) -> None:
    (key,) = await keys.all()
    await keys.revoke(key.id)


async def test_a_key_answers_for_its_schedules_until_it_is_revoked(station: Station) -> None:
    keys = Keys(database=station.database, clock=station.clock)
    await keys.issue(name="feeds", scopes=[Scope.OPERATE])
    made = await station.desk.add(asked(when="every 1h"), by=Actor(who="key feeds", origin="192.0.2.7"))
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"entered": 1}
    await station.end_jobs()
    await revoked(keys)
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"refused": 1}
    assert "no key" in (await station.schedules.get(made.uuid)).last_reason


async def test_the_scope_is_checked_each_time(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    narrow = Station(
        station.database, station.clock, scope=ScopePolicy(allow=["192.0.2.0/24"], commands=SCOPE.commands)
    )
    station.clock.advance(3600)
    assert await narrow.desk.run_due() == {"refused": 1}
    found = await station.schedules.get(made.uuid)
    assert (found.refused, found.entered, await station.entered()) == (1, 0, 0)
    assert "127.0.0.1" in found.last_reason
    with pytest.raises(OutOfScopeError):
        await narrow.desk.run_now(made.uuid, by=BY)


# Making, changing, removing ---------------------------------------------------------


async def test_it_shows_what_was_asked_for_in_english_with_the_next_runs(station: Station) -> None:
    made = await station.desk.add(asked(when="0 15 10 ? * mon-fri", zone="Europe/Prague"), by=BY)
    assert (made.when, made.english) == ("0 15 10 ? * MON-FRI", "At 10:15, Monday through Friday")
    assert len(made.next_runs) == 5
    assert made.job["targets"] == ["127.0.0.1"]
    assert await station.schedules.get("daily look") == await station.schedules.get(made.uuid) == made


REFUSALS: list[tuple[dict[str, Any], type[RefusedError], str]] = [
    ({"when": "0 0 12 * * *"}, TimetableError, "day of week"),
    ({"zone": "Mars/Olympus"}, TimetableError, "time zone"),
    ({"when": "0 0 0 30 2 ?"}, TimetableError, "never comes"),
    ({"when": "0 0 0 1 1 ? 1999"}, TimetableError, "never comes"),
    ({"when": "every 1m", "jitter": 60}, TimetableError, "jitter"),
    ({"job": JobRequest(tool="look", targets=["192.0.2.1"])}, OutOfScopeError, "192.0.2.1"),
    ({"job": JobRequest(tool="none", targets=["127.0.0.1"])}, OutOfScopeError, "none"),
]


@pytest.mark.parametrize(("values", "kind", "said"), REFUSALS, ids=[said for _, _, said in REFUSALS])
async def test_what_cannot_be_done_is_not_scheduled(
    station: Station, values: dict[str, Any], kind: type[RefusedError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        await station.desk.add(asked(**values), by=BY)
    assert (await station.schedules.page()).rows == []


async def test_a_name_is_given_once(station: Station) -> None:
    first = await station.desk.add(asked("one"), by=BY)
    second = await station.desk.add(asked("two"), by=BY)
    for attempt in (station.desk.add(asked("one"), by=BY), station.desk.change(second.uuid, asked("one"), by=BY)):
        with pytest.raises(RefusedError, match="taken"):
            await attempt
    await station.desk.change(first.uuid, asked("one", "every 5m"), by=BY)


async def test_a_change_is_planned_anew_and_stays_paused(station: Station) -> None:
    made = await station.desk.add(asked(), by=BY)
    await station.schedules.pause(made.uuid, by=BY)
    changed = await station.desk.change(made.uuid, asked(when="every 5m"), by=ANNA)
    assert (changed.state, changed.responsible, changed.next_runs) == ("paused", "user anna", [])
    resumed = await station.schedules.resume(made.uuid, by=BY)
    assert resumed.next_runs[0] - station.clock.now() <= 300 * MICROSECONDS


async def test_the_last_time_is_the_end(station: Station) -> None:
    last = from_datetime(to_datetime(station.clock.now()).replace(month=12, day=31, hour=0, minute=0, second=0))
    made = await station.desk.add(asked(when=f"0 0 0 31 12 ? {to_datetime(last).year}"), by=BY)
    assert made.next_runs == [last]
    station.clock.advance((last - station.clock.now()) / MICROSECONDS)
    assert await station.desk.run_due() == {"entered": 1}
    found = await station.schedules.get(made.uuid)
    assert (found.state, found.next_runs) == ("ended", [])


async def test_what_is_removed_is_gone_and_its_jobs_stay(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1h"), by=BY)
    station.clock.advance(3600)
    await station.desk.run_due()
    await station.schedules.remove(made.uuid, by=BY)
    assert await station.entered() == 1
    gone: list[Callable[[], Any]] = [
        lambda: station.schedules.get(made.uuid),
        lambda: station.schedules.runs(made.uuid),
        lambda: station.schedules.remove(made.uuid, by=BY),
        lambda: station.schedules.pause(made.uuid, by=BY),
        lambda: station.desk.run_now(made.uuid, by=BY),
    ]
    for attempt in gone:
        with pytest.raises(UnknownScheduleError, match="no such schedule"):
            await attempt()


async def test_a_timetable_that_cannot_be_read_any_more_is_told_and_stops_nothing_else(station: Station) -> None:
    broken = await station.desk.add(asked("broken", "every 1h"), by=BY)
    await station.desk.add(asked("good", "every 1h"), by=BY)
    change = update(schedule).where(schedule.c.uuid == broken.uuid).values(zone="Atlantis/Capital")
    await station.database.write(lambda connection: connection.execute(change))
    station.clock.advance(3600)
    assert await station.desk.run_due() == {"refused": 1, "entered": 1}
    found = await station.schedules.get(broken.uuid)
    assert "Atlantis" in found.english
    assert "Atlantis" in found.last_reason


async def test_lists_are_filtered_by_state_and_paged(station: Station) -> None:
    made = [await station.desk.add(asked(f"look {number}"), by=BY) for number in range(5)]
    await station.schedules.pause(made[0].uuid, by=BY)
    assert [one.name for one in (await station.schedules.page(state="paused")).rows] == ["look 0"]
    first = await station.schedules.page(state="scheduled", limit=3)
    rest = await station.schedules.page(state="scheduled", limit=3, cursor=first.next)
    assert [one.name for one in first.rows + rest.rows] == ["look 4", "look 3", "look 2", "look 1"]
    assert (await station.schedules.page(tool="nothing")).rows == []


async def test_only_the_last_hundred_are_remembered(station: Station) -> None:
    made = await station.desk.add(asked(when="every 1m"), by=BY)
    await station.until(station.clock.now() + 105 * 60 * MICROSECONDS, step=60.0)
    assert (await station.schedules.get(made.uuid)).entered == 105
    assert len((await station.schedules.runs(made.uuid, limit=1000)).rows) == 100
