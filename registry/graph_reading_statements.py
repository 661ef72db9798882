"""Who says what in the graph, read from the store: mentions of vertices and edges, when, and what an item says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Select, func, select

from registry.graph_reading_nodes import chunks
from registry.graph_tables import edge_mention, mention, node, origin, said
from vedette.extraction.subgraph import Position, Value
from vedette.graph.port import Mention, Origin

DAY: Final = 86_400_000_000
"""Microseconds."""

MAX_SAID: Final = 20_000
"""Different wordings of one vertex that are looked through for a property's value."""

_ORIGIN: Final = ("item", "sha256", "source", "agent", "extractor", "version", "observed_at", "confidence")


def read_mentions(
    connection: Connection, nodes: Sequence[int], *, property: str, value: str, limit: int, offset: int
) -> tuple[Mention, ...]:
    """Return who mentions nodes, or says that a property of them holds a value; what came last first."""
    wanted = mention.c.node.in_(nodes)
    query = _statements(mention).join(said, said.c.id == mention.c.said).where(wanted)
    if property:
        numbers = _wordings(connection, nodes, property, value)
        query = query.where(mention.c.said.in_(numbers))
    query = query.order_by(mention.c.origin.desc(), mention.c.number).limit(limit).offset(offset)
    return tuple(_mention(row) for row in connection.execute(query))


def read_edge_mentions(
    connection: Connection, out: Sequence[int], into: Sequence[int], relation: int, *, limit: int, offset: int
) -> tuple[Mention, ...]:
    """Return who states an edge; what came last first."""
    table = edge_mention
    query = _statements(table).outerjoin(said, said.c.id == table.c.said)
    query = query.where(table.c.out_node.in_(out), table.c.in_node.in_(into), table.c.relation == relation)
    query = query.order_by(table.c.origin.desc(), table.c.number).limit(limit).offset(offset)
    return tuple(_mention(row) for row in connection.execute(query))


def nodes_of_item(connection: Connection, item: str) -> list[int]:
    """Return the vertices that an item mentions, in the order of its document; what was taken back not among them."""
    origins = select(origin.c.id).where(origin.c.item == item, origin.c.withdrawn_at.is_(None))
    query = (
        select(mention.c.node, node.c.merged_into, func.min(mention.c.number).label("place"))
        .join(node, node.c.id == mention.c.node)
        .where(mention.c.origin.in_(origins))
        .group_by(mention.c.node, node.c.merged_into)
        .order_by("place", mention.c.node)
    )
    rows = connection.execute(query)
    return list(dict.fromkeys(number if merged is None else merged for number, merged, _ in rows))


def read_timeline(connection: Connection, nodes: Sequence[int], *, limit: int) -> tuple[tuple[int, int], ...]:
    """Return the last days on which nodes were mentioned, and how often; oldest first."""
    day = origin.c.observed_at - origin.c.observed_at % DAY
    counted: Counter[int] = Counter()
    for some in chunks(nodes):
        query = (
            select(day.label("day"), func.count())
            .join(mention, mention.c.origin == origin.c.id)
            .where(mention.c.node.in_(some), origin.c.withdrawn_at.is_(None))
            .group_by("day")
        )
        counted.update({start: number for start, number in connection.execute(query)})
    return tuple(sorted(counted.items())[-limit:])


def _statements(table: Any) -> Select[Any]:
    columns = [origin.c[name] for name in _ORIGIN]
    query = select(*columns, origin.c.withdrawn_at, table.c.position, said.c.properties)
    return query.select_from(table).join(origin, origin.c.id == table.c.origin)


def _wordings(connection: Connection, nodes: Sequence[int], property: str, value: str) -> list[int]:
    """Return what mentions of nodes say so that a property holds a value; empty: any value."""
    latest = select(mention.c.said).where(mention.c.node.in_(nodes)).distinct().limit(MAX_SAID)
    query = select(said.c.id, said.c.properties).where(said.c.id.in_(latest))
    return [number for number, text in connection.execute(query) if _holds(orjson.loads(text), property, value)]


def _holds(properties: dict[str, Any], property: str, value: str) -> bool:
    held = properties.get(property)
    if held is None or not value:
        return held is not None
    return value in map(str, held) if isinstance(held, list) else str(held) == value


def _mention(row: Any) -> Mention:
    return Mention(
        origin=Origin(**{name: getattr(row, name) for name in _ORIGIN}),
        position=Position.parse(row.position),
        properties={} if row.properties is None else dict(_values(orjson.loads(row.properties).items())),
        withdrawn=row.withdrawn_at is not None,
    )


def _values(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Value]]:
    return ((name, tuple(value) if isinstance(value, list) else value) for name, value in items)
