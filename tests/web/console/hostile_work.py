"""The hostile texts in what people and jobs write: jobs, their output, schedules, repairs, people and keys."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, Update, update

from registry.callers import Actor, Scope
from registry.database import Database
from registry.job_tables import job
from registry.jobs import Jobs, Report, Taker
from registry.key_tables import api_key
from registry.keys import Keys
from registry.repairs import Repairs
from registry.roles import UserRole
from registry.schedule_tables import schedule
from registry.schedules import Schedules
from registry.user_tables import user_account
from registry.users import Users
from tests.web.api.whole import BY
from tests.web.console.page_list import Addresses
from vedette.canonical import canonical_json
from vedette.clock import SystemClock
from vedette.jobs.request import JobRequest, Plan
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.rules import CHECKS, Checked, Judgement
from vedette.scheduling.request import ScheduleRequest
from vedette.storable import storable

LONGEST = 4_000


async def poison_jobs(database: Database, texts: list[str]) -> list[str]:
    """Request a job with each text, and let it say the same; returns their uuids."""
    jobs = Jobs(database=database, clock=SystemClock())
    uuids: list[str] = []
    for text in texts:
        hostile = storable(text[:LONGEST])
        request = JobRequest(tool="ping", targets=["127.0.0.1"])
        plan = Plan(request=request, words=("ping", hostile, "{target}"), targets=(hostile,), commands=())
        made = await jobs.request(plan, by=Actor(who=hostile, origin=hostile))
        taker = Taker(jid=hostile, life="first", place=hostile)
        (run,) = await jobs.take(taker, held=[], limit=1)
        said = Report(run=run.run, attempt=1, first=0, lines=[hostile, hostile], dropped=1)
        await jobs.hear(taker, [said])
        if len(uuids) % 2:
            await jobs.finish(taker, run.run, outcome="failed", reason=hostile)
        arguments = canonical_json({hostile[:100]: hostile}).decode()
        changed = {
            "tool": hostile,
            "arguments": arguments,
            "place": hostile,
            "agents": canonical_json([hostile]).decode(),
        }
        if text is not texts[5]:
            # Nothing of it is checked again when it is shown, and no request could write it.
            await database.write(partial(_execute, update(job).where(job.c.uuid == made.uuid).values(**changed)))
        uuids.append(made.uuid)
    return uuids


async def poison_schedules(database: Database, texts: list[str]) -> Addresses:
    """Make a schedule with each text; returns addresses of some."""
    schedules = Schedules(database=database, clock=SystemClock())
    uuids: list[str] = []
    for number, text in enumerate(texts):
        wanted = JobRequest(tool="tcp-connect", arguments={"ports": [22]}, targets=["127.0.0.1"])
        made = await schedules.add(ScheduleRequest(name=f"s{number}", when="@daily", job=wanted), by=BY)
        hostile = storable(text[:LONGEST])
        changed = {
            "name": hostile,
            "responsible": hostile,
            "last_outcome": hostile,
            "last_reason": hostile,
            "last_at": 1,
        }
        changed |= {"timetable": hostile, "zone": hostile} if number % 2 else {"paused_by": hostile, "paused_at": 1}
        change = update(schedule).where(schedule.c.uuid == made.uuid).values(**changed)
        await database.write(partial(_execute, change))
        uuids.append(made.uuid)
    return {
        "/schedules": ["/schedules?kind=job"],
        "/schedules/{uuid}": [f"/schedules/{uuids[number]}" for number in (0, 3, 6, 15)],
        "/schedules/{uuid}/edit": [f"/schedules/{uuids[number]}/edit" for number in (0, 3)],
    }


def _execute(change: Update, connection: Connection) -> None:
    connection.execute(change)


async def poison_repairs(database: Database, texts: list[str]) -> None:
    """Find something wrong with each text."""
    checks = tuple(Checked(name=check.name, found=1, problem="") for check in CHECKS)
    found = tuple(
        Repair(kind=RepairKind.EVIDENCE, place=text, severity=Severity.CRITICAL, what=text, cause=text, remedy=text)
        for text in (storable(text[:LONGEST]) for text in texts)
    )
    await Repairs(database=database, clock=SystemClock()).note(
        Judgement(repairs=found, checks=checks), observer="hub", kept=10**9
    )


async def poison_access(database: Database, texts: list[str]) -> None:
    """Give people and keys these names, which nobody could."""
    users, keys = Users(database=database, clock=SystemClock()), Keys(database=database, clock=SystemClock())
    for number, text in enumerate(texts):
        await users.add(name=f"hostile{number}", role=UserRole.VIEWER, password_hash="", by=BY)
        await keys.issue(name=f"hostile{number}", scopes=[Scope.READ], by=BY)
        hostile = storable(text[:LONGEST])

        def work(connection: Connection, old: str = f"hostile{number}", hostile: str = hostile) -> None:
            connection.execute(update(user_account).where(user_account.c.name == old).values(name=hostile))
            connection.execute(update(api_key).where(api_key.c.name == old).values(name=hostile, agent=hostile))

        await database.write(work)
