"""How much there is in the graph, counted in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select

from registry.graph_tables import decision, edge, mention, node, origin
from vedette.graph.port import GraphCounts
from vedette.storable import storable


def count_all(connection: Connection, *, since: int) -> GraphCounts:
    """Return how much there is, or how much was seen since an instant; 0: all."""
    valid = origin.c.withdrawn_at.is_(None)
    seen = and_(valid, origin.c.observed_at >= since) if since else valid
    said = select(func.count()).select_from(mention)
    if since or connection.execute(select(origin.c.id).where(~valid).limit(1)).first():
        said = said.join(origin, origin.c.id == mention.c.origin).where(seen)
    edges = select(func.count()).select_from(edge)
    if since:
        edges = edges.where(edge.c.last_seen >= since)
    queries = {
        "edges": edges,
        "mentions": said,
        "origins": select(func.count()).select_from(origin).where(seen),
        "reviews": select(func.count()).select_from(decision).where(decision.c.state == "review"),
    }
    counted = {name: int(connection.execute(query).scalar_one()) for name, query in queries.items()}
    return GraphCounts(vertices=count_vertices(connection, since=since), **counted)


def unled(type: str, observable_type: str, *, since: int, table: Any = node) -> list[ColumnElement[bool]]:
    """Return the conditions that nodes that are known already are of a kind, and were seen since an instant.

    As expressions, so that no index of types leads: it would read all of that type.
    """
    wanted = [func.coalesce(table.c.last_seen, 0) >= max(1, since)]
    if type:
        wanted.append(func.coalesce(table.c.type, "") == storable(type))
    if observable_type:
        wanted.append(func.coalesce(table.c.observable_type, "") == storable(observable_type))
    return wanted


def count_vertices(connection: Connection, type: str = "", observable_type: str = "", *, since: int) -> int:
    """Return how many vertices there are of a kind that were seen since an instant.

    Nodes are counted in an index; of those that were merged, which are few, each vertex counts once.
    """
    fits = [node.c.last_seen >= max(1, since)]
    if type:
        fits.append(node.c.type == storable(type))
    if observable_type:
        fits.append(node.c.observable_type == storable(observable_type))
    nodes = connection.execute(select(func.count()).select_from(node).where(*fits)).scalar_one()
    merged = [node.c.merged_into.is_not(None), *unled(type, observable_type, since=since)]
    extra = connection.execute(select(func.count()).select_from(node).where(*merged)).scalar_one()
    if not extra:
        return int(nodes)
    other = node.alias("other")
    # Vertices that only one of their further names brings in.
    brought = (
        select(func.count(node.c.merged_into.distinct()))
        .join(other, other.c.id == node.c.merged_into)
        .where(*merged, not_(and_(*unled(type, observable_type, since=since, table=other))))
    )
    return int(nodes - extra + connection.execute(brought).scalar_one())
