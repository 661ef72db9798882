"""What the store of a fleet must hold after anything was killed: each item once, and logs without gaps."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from registry import tables
from registry.audit_tables import audit
from registry.database import Database
from vedette.evidence.statement import read_statement


def numbers_of(connection: Connection) -> dict[str, list[int]]:
    """Return the numbers that each agent gave its items, as they are stored."""
    found: dict[str, list[int]] = {}
    for agent, statement in connection.execute(select(tables.item.c.agent, tables.item.c.statement)):
        found.setdefault(agent, []).append(int(json.loads(statement)["meta"]["origin_seq"]))
    return found


def lost(database: Database, newest: dict[str, int]) -> list[tuple[str, int]]:
    """Return the agents and numbers up to their newest ones that are not stored."""
    found = {agent: set(numbers) for agent, numbers in database.read_sync(numbers_of).items()}
    wanted = [(agent, number) for agent, last in newest.items() for number in range(last + 1)]
    return [(agent, number) for agent, number in wanted if number not in found[agent]]


def check_logs(connection: Connection) -> None:
    """Check that each engine's log has an entry at each of its places, and whose it is."""
    for chain in connection.execute(select(tables.chain)).all():
        indexes = sorted(
            index
            for table in (tables.item, audit)
            for index in connection.execute(select(table.c.log_index).where(table.c.chain_id == chain.id)).scalars()
        )
        assert indexes == list(range(chain.next_index))
        mine = select(tables.item.c.statement).where(tables.item.c.chain_id == chain.id)
        for statement in connection.execute(mine).scalars():
            read = read_statement(statement)
            assert (read.engine, read.epoch) == (chain.engine, chain.epoch)
