"""How PostgreSQL finds what a collection holds: by the objects' ids, whatever it knows of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from registry.database import Database
from registry.taxii import TaxiiCollections
from registry.taxii_rows import CollectionRows, read_held
from tests.registry.pool import DatabasePool
from vedette.clock import ManualClock

NAME = "feed"


def _malware(number: int) -> dict[str, Any]:
    seen = "2026-11-20T10:00:00.000Z"
    id = f"malware--00000000-0000-4000-8000-{number:012x}"
    return {
        "type": "malware",
        "spec_version": "2.1",
        "id": id,
        "created": seen,
        "modified": seen,
        "name": str(number),
    }


@contextmanager
def _watched(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if "WHERE" in sql and not sql.startswith("INSERT"):
            seen.append((sql, parameters[0] if many else parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def _work(connection: Connection, ids: list[str]) -> list[str]:
    """Do all that is done with ids, and return the plans of the statements."""
    with _watched(connection) as seen:
        held = read_held(connection, NAME, ids)
        rows = CollectionRows(connection, NAME, now=1)
        rows.last_bodies(ids)
        rows.outdate(ids)
        for id in ids[:2]:
            rows.add(id, _malware(int(id[-12:], 16)), first=False)
        rows.finish()
        rows.forget(ids)
        rows.hold(held, dict.fromkeys(held))
    explained = [connection.exec_driver_sql(f"EXPLAIN {sql}", given).scalars().all() for sql, given in seen]
    return ["\n".join(lines) for lines in explained if any(" on taxii_" in line for line in lines)]


@pytest.mark.parametrize("analyzed", [False, True], ids=["never analyzed", "analyzed when it was small"])
async def test_each_object_is_looked_up_by_its_id(postgres_stores: DatabasePool, analyzed: bool) -> None:
    objects = [_malware(number) for number in range(60)]
    with postgres_stores.lend() as url, Database(url) as database:
        await TaxiiCollections(database=database, clock=ManualClock()).replace(NAME, "a", objects)
        if analyzed:
            await database.write(lambda connection: connection.execute(text("ANALYZE taxii_held, taxii_said")))
        plans = await database.write(lambda connection: _work(connection, [one["id"] for one in objects]))

    about_objects = [plan for plan in plans if " on taxii_collection" not in plan]
    assert len(about_objects) >= 7
    for plan in about_objects:
        conditions = [line for line in plan.splitlines() if "Index Cond:" in line]
        assert "Seq Scan on taxii_" not in plan, plan
        assert conditions, plan
        assert all("source_id" in line or "object_id" in line for line in conditions), plan
