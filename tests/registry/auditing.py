"""Audit entries, and what the log must be with them in it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry import tables
from registry.audit import AuditEntry
from registry.audit_tables import audit
from registry.chain import GENESIS, next_head
from registry.database import Database
from registry.log import read_statements
from tests.registry.conftest import ENGINE
from vedette.evidence.statement import leaf, read_statement

ANNA = "user anna"


def entry(action: str = "agent.enroll", **changes: str) -> AuditEntry:
    values = {"who": ANNA, "object": "probe@localhost", "origin": "192.0.2.1", "detail": "because"}
    return AuditEntry(action=action, **values | changes)


async def logged(database: Database) -> list[tuple[int, str, int]]:
    """Each entry with its engine and its place, in order of the entries; all must be logged."""
    query = select(audit.c.id, tables.chain.c.engine, audit.c.log_index)
    query = query.join(tables.chain, tables.chain.c.id == audit.c.chain_id).order_by(audit.c.id)
    rows = await database.read(lambda connection: connection.execute(query).all())
    return [(row.id, row.engine, row.log_index) for row in rows]


async def assert_gapless(database: Database, engine: str = ENGINE) -> int:
    """Recompute the head over items and audit entries; return how many there are."""
    table = tables.chain

    def work(connection: Connection) -> int:
        row = connection.execute(select(table).where(table.c.engine == engine)).mappings().one()
        statements = read_statements(connection, row["id"], 0, row["next_index"] + 10)
        assert [index for index, _ in statements] == list(range(row["next_index"]))
        head = GENESIS
        for index, statement in statements:
            assert read_statement(statement).log_index == index
            head = next_head(head, leaf(statement))
        assert head == row["head"]
        return len(statements)

    return await database.read(work)
