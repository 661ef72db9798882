"""What agents report of their outboxes, so that a list of all of them asks none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, literal, select, update

from registry import tables
from registry.report_tables import agent_report


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxReport:
    """What an agent said of its outbox."""

    reported_at: int
    """Microseconds since 1970 by the registry's clock: when it came."""
    waiting: int
    """Items that were not confirmed."""
    waiting_since: int | None
    """Microseconds since 1970 by the registry's clock: since when the oldest waited; None where there was none."""
    dead_letters: int
    """Items that were given up and wait for a person."""


def store_reports(connection: Connection, reports: Iterable[tuple[str, OutboxReport]]) -> None:
    """Store reports by bare JID, each in place of the one before; those of strangers are not kept."""
    table, agent = agent_report, tables.agent
    for jid, report in reports:
        values = asdict(report)
        if connection.execute(update(table).where(table.c.jid == jid).values(values)).rowcount == 0:
            columns = [literal(values[name], table.c[name].type) for name in values]
            known = select(agent.c.jid, *columns).where(agent.c.jid == jid)
            connection.execute(insert(table).from_select(["jid", *values], known))
