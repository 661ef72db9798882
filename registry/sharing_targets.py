"""What our tools looked at, read from the store: it is ours, or a victim's, and no reason for an alarm elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, func, literal_column, or_, select

from registry import tables
from registry.admission import MAX_INDEXED
from registry.correlation_tables import check_history
from registry.graph_reading_nodes import chunks
from vedette.messages.card import Role
from vedette.sharing.subjects import Subject

MAX_TARGETS: Final = 200_000
"""Things that tools look at."""


def looked_at(connection: Connection, subjects: Iterable[Subject]) -> list[str]:
    """Return what tools looked at: all that the correlation remembers, and of some subjects what items tell.

    The correlation may be behind, or switched off; then the items know of those that matter.
    """
    names = sorted({name for subject in subjects for name in _names_of(subject)})
    return [*_remembered(connection), *_targets(connection, names)]


def _remembered(connection: Connection) -> list[str]:
    table, agent = check_history, tables.agent
    # What a collector reads is a source of what others say; who comes by the API without a check may be one, too.
    own_name = table.c.check != table.c.family + " of " + table.c.subject
    probes = or_(agent.c.role != Role.COLLECTOR.value, agent.c.role.is_(None) & own_name)
    query = select(table.c.subject).outerjoin(agent, agent.c.jid == table.c.agent).where(table.c.shared, probes)
    return list(connection.execute(query.distinct().order_by(table.c.subject).limit(MAX_TARGETS)).scalars())


def _targets(connection: Connection, names: Iterable[str]) -> list[str]:
    item, found = tables.item, list[str]()
    for some in chunks(names):
        # The words of the partial index must stand in the query.
        short = func.length(item.c.target) <= literal_column(str(MAX_INDEXED))
        query = select(item.c.target).where(item.c.target.in_(some), short, item.c.check.is_not(None)).distinct()
        found += connection.execute(query).scalars()
    return found


def _names_of(subject: Subject) -> Iterator[str]:
    """Yield the names under which a tool may have looked at something."""
    if subject.addresses is not None:
        yield str(subject.addresses.start)
    if subject.host:
        yield subject.host
    yield from (value for value in subject.values if len(value) <= MAX_INDEXED)
