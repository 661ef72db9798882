"""Checking edges: whether each is what its statements say, and none is missing."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from registry.graph_edges import counted_edges, recount_edges
from registry.graph_session import Session
from vedette.evidence.finding import Finding
from vedette.graph.identity import vertex_id

_UNSTATED: Final = (0, 0, 0, 1.0)
"""Count, times and confidence of an edge that only follows from others."""

_EDGES: Final = (
    "SELECT out_node, relation, in_node, count, first_seen, last_seen, confidence, derived FROM graph_edge"
    " WHERE (out_node, relation, in_node) > (?, ?, ?) ORDER BY out_node, relation, in_node LIMIT ?"
)
_ORIGINS: Final = "SELECT id FROM graph_origin WHERE id > ? ORDER BY id LIMIT ?"
_MISSING: Final = (
    "SELECT DISTINCT m.out_node, m.relation, m.in_node FROM graph_edge_mention m"
    " JOIN graph_origin o ON o.id = m.origin AND o.withdrawn_at IS NULL"
    " LEFT JOIN graph_edge e ON e.out_node = m.out_node AND e.relation = m.relation AND e.in_node = m.in_node"
    " WHERE e.out_node IS NULL AND m.origin IN ({})"
)
_LOST: Final = (
    "SELECT o.item, count(*) AS times FROM graph_mention m JOIN graph_origin o ON o.id = m.origin"
    " LEFT JOIN graph_node n ON n.id = m.node LEFT JOIN graph_said s ON s.id = m.said"
    " WHERE (n.id IS NULL OR s.id IS NULL) AND m.origin IN ({}) GROUP BY o.item"
)
_INSERT: Final = (
    "INSERT INTO graph_edge (out_node, relation, in_node, count, first_seen, last_seen, confidence)"
    " VALUES (?, ?, ?, 0, 0, 0, 1.0)"
)
_NAMED: Final = "SELECT id, uid, type FROM graph_node WHERE id IN ({})"


class EdgePlace(NamedTuple):
    """Ends of the last edge that was looked at."""

    out_node: int
    relation: int
    in_node: int


def check_edges(
    session: Session, after: EdgePlace, *, limit: int, mend: bool
) -> tuple[list[Finding], int, EdgePlace | None]:
    """Check the next edges, and mend them where that is wanted."""
    rows = session.statements.rows(_EDGES, (*after, limit))
    ends = [EdgePlace(row.out_node, row.relation, row.in_node) for row in rows]
    counted = counted_edges(session, ends)
    wrong = [place for place, row in zip(ends, rows, strict=True) if not _is_as_stated(row, counted.get(place))]
    if mend and wrong:
        recount_edges(session, wrong)
    return (
        _findings(session, wrong, "is not as its statements say"),
        len(rows),
        ends[-1] if len(rows) == limit else None,
    )


def _is_as_stated(row: Any, counted: tuple[Any, ...] | None) -> bool:
    there = (row.count, row.first_seen, row.last_seen, row.confidence)
    return there == counted if counted is not None else there == _UNSTATED and bool(row.derived)


def check_statements(
    session: Session, after: int, *, limit: int, mend: bool
) -> tuple[list[Finding], int, int | None]:
    """Check of the next origins that what they state is there."""
    origins = [row.id for row in session.statements.rows(_ORIGINS, (after, limit))]
    missing = [EdgePlace(row[0], row[1], row[2]) for row in session.statements.among(_MISSING, origins)]
    missing = list(dict.fromkeys(missing))
    findings = _findings(session, missing, "is missing, though it is stated")
    if mend and missing:
        session.statements.many(_INSERT, missing)
        recount_edges(session, missing)
    for row in session.statements.among(_LOST, origins):
        # Nothing to mend it with but the item itself.
        text = f"{row.times} mentions without what they mention; run: vedette graph rebuild --all"
        findings.append(Finding(kind="mention", place=row.item, text=text))
    return findings, len(origins), origins[-1] if len(origins) == limit else None


def _findings(session: Session, edges: list[EdgePlace], text: str) -> list[Finding]:
    nodes = {node for edge in edges for node in (edge.out_node, edge.in_node)}
    names = {row.id: vertex_id(row.type, bytes(row.uid)) for row in session.statements.among(_NAMED, sorted(nodes))}
    return [
        Finding(kind="edge", place=" ".join(names.get(node, "?") for node in (edge[0], edge[2])), text=text)
        for edge in edges
    ]
