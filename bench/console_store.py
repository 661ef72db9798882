"""The store of the console's benchmark: some items committed, correlated and proved, and their rows copied.

To commit a million items would take minutes; the lists, the counts and the indexes are the same with copies.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

from figures import say
from places import Hub
from sqlalchemy import Connection, Table, insert, select

from registry import tables
from registry.audit_tables import audit
from registry.callers import Actor
from registry.correlation import Correlation
from registry.correlation_tables import finding
from registry.delivery import Delivery
from registry.intake import Intake
from registry.job_tables import job, job_output, job_run
from registry.jobs import Jobs
from registry.proofs import Proofs
from registry.tally import tally
from vedette.clock import MICROSECONDS, SystemClock
from vedette.correlation.policy import CorrelationPolicy
from vedette.evidence.authority.local import LocalAuthority
from vedette.jobs.request import JobRequest, Plan
from vedette.messages.item import ReceivedItem

ENGINE = "filler@localhost"
SENDER = "filler"
PIECE = 10_000
BATCH = 1_000
REAL = 2 * BATCH
TARGETS = 2_000
TYPES = 7
DAYS = 14
BY = Actor(who="user anna", origin="127.0.0.1")


class Filler:
    """Another engine of the hub's store, which fills it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._database = hub.database
        self._clock = SystemClock()
        self._ends_at = self._clock.now()

    async def fill(self, *, items: int, jobs: int, agents: int) -> None:
        """Fill the store up to so many items and jobs that agents of these names did."""
        started = time.monotonic()
        await self._commit()
        await self._jobs()
        say(f"{REAL} items committed and correlated; copying up to {items}")
        await self._database.write(lambda connection: _copy_batches(connection, items // BATCH))
        for first in range(REAL, items, PIECE):
            numbers = range(first, min(items, first + PIECE))
            await self._database.write(lambda connection, numbers=numbers: self._items(connection, numbers, agents))
        say(f"copying up to {jobs} jobs")
        for first in range(0, jobs, PIECE):
            numbers = range(first, min(jobs, first + PIECE))
            await self._database.write(lambda connection, numbers=numbers: self._more_jobs(connection, numbers))
        await self._database.write(lambda connection: self._rest(connection, jobs))
        say(f"filled in {time.monotonic() - started:.0f} s")

    async def _commit(self) -> None:
        intake = Intake(database=self._database, engine=ENGINE, clock=self._clock)
        await intake.open()
        proofs = Proofs(database=self._database, engine=ENGINE, clock=self._clock)
        authority = LocalAuthority.open(self._hub.fleet.paths.tsa, clock=self._clock)
        for run in range(REAL // BATCH):
            items = tuple(_item(number, run) for number in range(BATCH))
            delivery = Delivery(sender=SENDER, signed=None, manifest=None, items=items, received_at=self._clock.now())
            (result,) = await intake.commit([delivery])
            assert len(result.committed) == len(items), result
            batch = await proofs.close_batch(max_items=BATCH)
            assert batch is not None
            token = await authority.stamp(batch.root)
            await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
        correlation = Correlation(
            database=self._database, engine=ENGINE, clock=self._clock, policy=CorrelationPolicy()
        )
        while (await correlation.advance(limit=BATCH)).places:
            pass

    async def _jobs(self) -> None:
        """Request one large job and cancel it: nobody should do it while pages are timed."""
        targets = tuple(f"127.0.{number // 250}.{number % 250}" for number in range(BATCH))
        request = JobRequest(tool="tcp-connect", targets=list(targets))
        plan = Plan(request=request, words=("vedette:tcp-connect", "{target}"), targets=targets, commands=())
        jobs = Jobs(database=self._database, clock=self._clock)
        await jobs.cancel((await jobs.request(plan, by=BY)).uuid, by=BY)

    def _items(self, connection: Connection, numbers: range, agents: int) -> None:
        template = _first(connection, tables.item, tables.item.c.agent == SENDER)
        step = DAYS * 86_400 * MICROSECONDS // 1_000_000
        start = self._ends_at - 1_000_000 * step
        changes = {
            "uuid": "printf('10000000-0000-4000-8000-%012d', n)",
            "log_index": "n",
            "received_at": f"{start} + n * {step}",
            "type": f"'type' || (n % {TYPES})",
            "agent": f"'agent' || (n % {agents}) || '@localhost'",
            "check": f"'check' || (n % {TARGETS})",
            "target": f"'host' || (n % {TARGETS}) || '.example'",
            "verdict": f"CASE n % {BATCH} WHEN 0 THEN 'deviates' ELSE 'as expected' END",
        }
        # In SQL, since Python would take longer to say it than SQLite to do it.
        names = ", ".join(f'"{column.name}"' for column in tables.item.c)
        values = ", ".join(changes.get(column.name, f't."{column.name}"') for column in tables.item.c)
        series = "WITH RECURSIVE numbers(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
        connection.exec_driver_sql(
            f"INSERT INTO item ({names}) {series} SELECT {values} FROM numbers, item t WHERE t.uuid = ?",  # noqa: S608
            (numbers.start, numbers.stop - 1, template["uuid"]),
        )
        connection.exec_driver_sql(
            "INSERT INTO item_payload (received_at, chain_id, log_index, payload)"
            " SELECT i.received_at, i.chain_id, i.log_index, p.payload FROM item i, item t"
            " JOIN item_payload p ON p.received_at = t.received_at AND p.log_index = t.log_index"
            " WHERE t.uuid = ? AND i.log_index BETWEEN ? AND ?",
            (template["uuid"], numbers.start, numbers.stop - 1),
        )
        tally(connection, [_counted(n, start + n * step, agents) for n in numbers], chain_id=template["chain_id"])

    def _more_jobs(self, connection: Connection, numbers: range) -> None:
        template, run = _first(connection, job), _first(connection, job_run)
        done = {"state": "done", "total": 1, "active": 0, "done": 1, "cancelled": 0, "cancelled_at": None}
        first = 1 + connection.execute(select(job.c.id).order_by(job.c.id.desc()).limit(1)).scalar_one()
        new = [
            {"id": first + place, "uuid": str(uuid4()), "requested_at": self._ends_at + number}
            for place, number in enumerate(numbers)
        ]
        _copies(connection, job, template | done, new)
        runs = ({"uuid": str(uuid4()), "job_id": one["id"], "state": "done"} for one in new)
        _copies(connection, job_run, _without(run, "id"), runs)

    def _rest(self, connection: Connection, many: int) -> None:
        """Add output to the newest job, findings, and audit entries."""
        run = connection.execute(select(job_run).order_by(job_run.c.id.desc()).limit(1)).one()
        line = {"job_id": run.job_id, "run_id": run.id, "attempt": 1, "at": self._ends_at}
        lines = ({"line": number, "text": f"line {number} of what a tool says"} for number in range(2_000))
        _copies(connection, job_output, line, lines)
        found, entry = _first(connection, finding), _first(connection, audit)
        copied = ({"identity": str(uuid4()), "subject": f"host{number}.example"} for number in range(many))
        _copies(connection, finding, _without(found, "id"), copied)
        entries = ({"uuid": str(uuid4()), "object": str(number), "log_index": None} for number in range(many))
        _copies(connection, audit, _without(entry, "id") | {"chain_id": None, "statement": None}, entries)


def _item(number: int, run: int) -> ReceivedItem:
    """Return an item that shows something else the second time."""
    shown = {"port 22": "open", "port 443": "open" if run else "closed"}
    meta = {"uuid": str(uuid4()), "ts": int(time.time()), "type": "scan", "agent": SENDER}
    meta |= {"check": f"check{number}", "target": f"host{number}.example", "verdict": "as expected"}
    raw = base64.b64encode(json.dumps(shown).encode()).decode()
    return ReceivedItem({"version": "1", "format": "json", "meta": meta, "payload": {"raw": raw}})


def _counted(number: int, received_at: int, agents: int) -> dict[str, Any]:
    """Return what is counted of a copied item."""
    return {
        "received_at": received_at,
        "agent": f"agent{number % agents}@localhost",
        "type": f"type{number % TYPES}",
        "format": "json",
        "check": f"check{number % TARGETS}",
        "verdict": "as expected" if number % BATCH else "deviates",
    }


def _first(connection: Connection, table: Table, *conditions: Any) -> dict[str, Any]:
    return dict(connection.execute(select(table).where(*conditions).limit(1)).mappings().one())


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _copies(connection: Connection, table: Table, row: dict[str, Any], changes: Iterable[dict[str, Any]]) -> None:
    for piece in _pieces(row | change for change in changes):
        connection.execute(insert(table), piece)


def _pieces(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    piece: list[dict[str, Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _copy_batches(connection: Connection, count: int) -> None:
    chain = connection.execute(
        select(tables.item.c.chain_id).where(tables.item.c.agent == SENDER).limit(1)
    ).scalar_one()
    batch, token = (
        _first(connection, tables.batch, tables.batch.c.chain_id == chain),
        _first(connection, tables.token),
    )
    number = (
        1 + connection.execute(select(tables.batch.c.id).order_by(tables.batch.c.id.desc()).limit(1)).scalar_one()
    )
    places = range(REAL // BATCH, count)
    changes = [
        {
            "id": number + place,
            "number": place + 1,
            "first_index": place * BATCH,
            "last_index": (place + 1) * BATCH - 1,
        }
        for place in places
    ]
    _copies(connection, tables.batch, batch, changes)
    _copies(connection, tables.token, _without(token, "id"), ({"batch_id": one["id"]} for one in changes))
