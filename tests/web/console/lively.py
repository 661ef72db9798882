"""A store like that of a fleet in the middle of its work: something of everything that a page may show."""

from __future__ import annotations

import shlex

from registry.audit import Audit, AuditEntry
from registry.callers import Scope
from registry.database import Database
from registry.directory import Directory, Show
from registry.jobs import Job, Jobs, Report, Taker
from registry.keys import Keys
from registry.roles import UserRole
from registry.schedules import Schedules
from registry.users import Users
from tests.web.api.v1.conftest import PROBE, uuid_of
from tests.web.api.v1.graph_content import ADDRESS, KRAKEN, RANGE, ZEUS, id_of
from tests.web.api.v1.sharing_content import fill_exports
from tests.web.api.whole import BY, CHEAP, PASSWORD
from tests.web.console.page_list import Addresses
from tests.web.console.texts import read_texts
from vedette.clock import SystemClock
from vedette.jobs.request import JobRequest, Plan
from vedette.messages.card import Role
from vedette.scheduling.request import ScheduleRequest
from web.console.graph_addresses import edge_address, picture_address, said_address, vertex_address
from web.console.sharing_addresses import look_address, share_address

PRESENCES: tuple[tuple[str, Role, Show, str], ...] = (
    ("probe-lux@localhost", Role.PROBE, "available", "3 checks scheduled"),
    ("collector@localhost", Role.COLLECTOR, "away", "paused by anna"),
    ("aggregation@localhost", Role.AGGREGATION, "dnd", "queue full: 10,000 items wait for the store"),
    ("rt@localhost", Role.RT, "gone", "connection lost"),
    ("misp@localhost", Role.MISP, "unknown", ""),
)

LINES = (
    "PING 192.0.2.7 (192.0.2.7) 56(84) bytes of data.",
    "64 bytes from 192.0.2.7: icmp_seq=1 ttl=64 time=0.04 ms",
)

TAKER = Taker(jid="job1@localhost", life="first", place="Luxembourg")


async def enliven(database: Database, *, graph: Database | None = None, many: int = 0) -> Addresses:
    """Fill a store that `/v1/`'s tests filled with what the console shows besides; `many` more of each list."""
    texts = {} if graph is None else await read_texts(graph, store=database)
    clock = SystemClock()
    directory = Directory(database=database, clock=clock)
    for jid, role, show, status in PRESENCES:
        await directory.enrol(jid, role=role, public_key=None, unsigned_allowed=True)
        await directory.presence(jid, show="available", status="", cause="presence")
        await directory.presence(jid, show=show, status=status, cause="presence")
    users, keys = Users(database=database, clock=clock), Keys(database=database, clock=clock)
    await users.add(name="bert", role=UserRole.OPERATOR, password_hash=CHEAP.hash(PASSWORD), by=BY)
    await keys.issue(name="prometheus", scopes=[Scope.READ], by=BY)
    jobs = [job.uuid for job in await _jobs(Jobs(database=database, clock=clock))]
    for number in range(many):
        await directory.enrol(f"more{number:03}@localhost", role=Role.PROBE, public_key=None, unsigned_allowed=True)
        await users.add(name=f"more{number:03}", role=UserRole.VIEWER, password_hash="", by=BY)
        await keys.issue(name=f"more{number}", scopes=[Scope.READ], by=BY)
        await Audit(database=database, clock=clock).record(
            AuditEntry(who="user anna", action="test", object=str(number), origin="here", detail="")
        )
        await Jobs(database=database, clock=clock).request(plan_of(["127.0.0.1"]), by=BY)
    return {**addresses_of(jobs), **texts, **await _schedules(database, many=many), **await _sharing(database)}


def addresses_of(jobs: list[str]) -> Addresses:
    """Return addresses of the pages that have parameters, and of those that look different by their query."""
    return {
        "/": ["/?show=gone", "/?text=nobody"],
        "/agents/{jid}": [f"/agents/{PROBE}", "/agents/rt@localhost", "/agents/nobody@localhost"],
        "/items": ["/items?verdict=deviates", "/items?target=nowhere"],
        "/items/{uuid}": [f"/items/{uuid_of(number)}" for number in (3, 28, 29, 999)],
        "/jobs": ["/jobs?state=running", "/jobs?state=failed"],
        "/jobs/new": ["/jobs/new?tool=tcp-connect", f"/jobs/new?from={jobs[0]}"],
        "/jobs/{uuid}": [f"/jobs/{uuid}" for uuid in jobs],
        "/dead-letters": ["/dead-letters?discarded=true"],
        "/dead-letters/decide": ["/dead-letters/decide?do=discard&all=true"],
        "/dead-letters/{place}/{uuid}": [f"/dead-letters/queue:rt/{uuid_of(28)}"],
        "/dead-letters/{place}/{uuid}/edit": [f"/dead-letters/queue:rt/{uuid_of(28)}/edit"],
        **_of_the_graph(),
    }


def _of_the_graph() -> Addresses:
    zeus, address, kraken, range_ = (id_of(name) for name in (ZEUS, ADDRESS, KRAKEN, RANGE))
    return {
        "/graph": ["/graph?text=trojan", "/graph?text=nothing&type=IP"],
        "/graph/vertex/{vertex}": [
            *(vertex_address(one) for one in (zeus, address, kraken)),
            "/graph/vertex/nobody@localhost",
        ],
        "/graph/vertex/{vertex}/mentions": [
            f"{vertex_address(zeus)}/mentions",
            f"{vertex_address(zeus)}/mentions?property=score&value=5",
        ],
        "/graph/edge": [
            edge_address(zeus, address, "Observable"),
            edge_address(address, range_, "Contained_Within"),
        ],
        "/graph/picture": [
            f"{picture_address(zeus)}&depth=2",
            f"{picture_address(zeus)}&limit=2",
            f"{picture_address(zeus)}&goal={range_}",
            picture_address("nowhere"),
        ],
        "/items/{uuid}/said": [
            said_address(uuid_of(3), "row 1 [0-7]"),
            said_address(uuid_of(29), "row 7"),
            said_address(uuid_of(3), "row 1 [70-71]"),
        ],
    }


def plan_of(targets: list[str], *, parallel: int = 4) -> Plan:
    """Return what a request for a job comes to."""
    request = JobRequest(tool="ping", targets=targets, parallel=parallel)
    commands = tuple(("ping", "-c", "3", "--", target) for target in targets)
    return Plan(
        request=request, words=("ping", "-c", "3", "--", "{target}"), targets=tuple(targets), commands=commands
    )


async def _schedules(database: Database, *, many: int) -> Addresses:
    """Make a schedule, a paused one, and `many` more; returns addresses of their pages."""
    schedules = Schedules(database=database, clock=SystemClock())
    job = JobRequest(tool="tcp-connect", arguments={"ports": [22, 443]}, targets=["127.0.0.1", "localhost"])
    names = ("Doors of this machine", "Doors at night", *(f"More of them {number}" for number in range(many)))
    wanted = [ScheduleRequest(name=name, when="0 0 6 ? * MON-FRI", zone="Europe/Prague", job=job) for name in names]
    one, paused, *_ = [await schedules.add(request, by=BY) for request in wanted]
    await schedules.pause(paused.uuid, by=BY)
    return {
        "/schedules": ["/schedules?state=paused", "/schedules?kind=check", "/schedules?agent=rt@localhost"],
        "/schedules/{uuid}": [f"/schedules/{one.uuid}", f"/schedules/{paused.uuid}"],
        "/schedules/{uuid}/edit": [f"/schedules/{one.uuid}/edit"],
    }


async def _sharing(database: Database) -> Addresses:
    """Enter exports in every state; returns addresses of their pages, and of what is looked at."""
    exports = await fill_exports(database)
    return {
        "/sharing": ["/sharing?state=failed", "/sharing?destination=nowhere"],
        "/sharing/new": [
            share_address("localhost", "target"),
            look_address("type=scan", "partners"),
            look_address(f"vertex={shlex.quote(id_of(ZEUS))}"),
        ],
        "/sharing/exports/{uuid}": [f"/sharing/exports/{one.uuid}" for one in exports.values()],
    }


async def _jobs(jobs: Jobs) -> list[Job]:
    """One that is over, one that was cancelled, one at work with output, and one that waits."""
    done = await jobs.request(plan_of(["127.0.0.1", "localhost"]), by=BY)
    for run in await jobs.take(TAKER, held=[], limit=4):
        report = Report(run=run.run, attempt=1, first=0, lines=LINES, dropped=0)
        outcome = "done" if run.target == "localhost" else "failed"
        await jobs.finish(TAKER, run.run, outcome=outcome, exit_code=0, reason="no route to host", report=report)
    cancelled = await jobs.request(plan_of(["192.0.2.1"]), by=BY)
    await jobs.cancel(cancelled.uuid, by=BY)
    running = await jobs.request(plan_of(["192.0.2.7", "192.0.2.8", "192.0.2.9"], parallel=1), by=BY)
    for run in await jobs.take(TAKER, held=[], limit=1):
        await jobs.hear(TAKER, [Report(run=run.run, attempt=1, first=0, lines=LINES, dropped=3)])
    waiting = await jobs.request(plan_of(["192.0.2.10"]), by=BY)
    return [done, cancelled, running, waiting]
