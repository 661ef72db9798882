"""What a database is asked, and how it finds the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Engine, event, text

_INDEX_SCAN = re.compile(r"(?:Index(?: Only)? Scan(?: Backward)? using|Bitmap Index Scan on) (\w+)")
_FIRST_COLUMNS = text(
    "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true) FROM pg_index"
    " JOIN pg_class ON pg_class.oid = indexrelid WHERE indpred IS NULL AND relnamespace = 'public'::regnamespace"
)


@contextmanager
def watched() -> Iterator[dict[str, Any]]:
    """Give the statements that are run meanwhile, each with parameters that it was run with."""
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if sql.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            seen[sql] = parameters[0] if many else parameters

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plans(connection: Connection, seen: dict[str, Any]) -> dict[str, str]:
    """Return PostgreSQL's plan for each statement."""
    explain = connection.exec_driver_sql
    return {sql: "\n".join(explain(f"EXPLAIN {sql}", given).scalars()) for sql, given in seen.items()}


def first_columns(connection: Connection) -> dict[str, str]:
    """Return the first column of each index over all of a table: one of few rows leads by itself to those."""
    return {name: column.strip('"') for name, column in connection.execute(_FIRST_COLUMNS)}


def unled(plan: str, first: Mapping[str, str]) -> list[str]:
    """Return the scans of a plan that no index leads: of a table, or of an index whose first column is not given."""
    lines = [line.strip() for line in plan.splitlines()]
    found = [line for line in lines if "Seq Scan on" in line]
    for line, following in pairwise([*lines, ""]):
        index = _INDEX_SCAN.search(line)
        column = None if index is None else first.get(index[1])
        if column is not None and not re.search(rf"^Index Cond:.*\b{re.escape(column)}\b", following):
            found.append(f"{line} {following}")
    return found
