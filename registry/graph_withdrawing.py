"""Taking out of the graph what withdrawn origins said: nodes and edges become what the others say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from registry.graph_claims import ClaimChanges, claims_of
from registry.graph_edges import recount_edges
from registry.graph_nodes import Gathered, NodeWriter
from registry.graph_ranges import release
from registry.graph_session import Session
from registry.graph_words import forget_words
from vedette.extraction.subgraph import Value
from vedette.graph.drafted import Node
from vedette.graph.folded import Folded
from vedette.graph.folding import fold, read_state
from vedette.pieces import pieces

TOGETHER: Final = 2_000
"""Nodes or edges that are made anew at a time."""

_NODE = (
    "SELECT id, uid, type, observable_type, canonical, name, mentions, properties FROM graph_node WHERE id IN ({})"
)
_SAID = (
    "SELECT m.node, o.observed_at, o.confidence, count(*) AS times, s.properties"
    " FROM graph_mention m JOIN graph_origin o ON o.id = m.origin AND o.withdrawn_at IS NULL"
    " JOIN graph_said s ON s.id = m.said WHERE m.node IN ({}) GROUP BY m.node, m.said, o.observed_at, o.confidence,"
    " s.properties"
)


def take_out(session: Session, origins: Sequence[int]) -> None:
    """Make anew whatever the origins, which are marked as withdrawn, said something of."""
    statements = session.statements
    nodes = {row[0] for row in statements.among("SELECT node FROM graph_mention WHERE origin IN ({})", origins)}
    query = "SELECT DISTINCT out_node, relation, in_node FROM graph_edge_mention WHERE origin IN ({})"
    edges = {(row[0], row[1], row[2]) for row in statements.among(query, origins)}
    for part in pieces(sorted(edges), TOGETHER):
        recount_edges(session, part)
    for ids in pieces(sorted(nodes), TOGETHER):
        _make_anew(session, ids)


def _make_anew(session: Session, ids: Sequence[int]) -> None:
    rows = {row.id: row for row in session.statements.among(_NODE, ids)}
    found = gathered_anew(session, rows)
    writer = NodeWriter(session)
    for id, gathered in found.items():
        writer.change(id, gathered, Folded(json=rows[id].properties))
    writer.write()
    vanish(session, [rows[id] for id in ids if id not in found])


def gathered_anew(session: Session, rows: Mapping[int, Any]) -> dict[int, Gathered]:
    """Return what the mentions of nodes say that were not withdrawn; nodes without any are left out.

    Args:
        session: of the transaction.
        rows: of the nodes, by id.
    """
    found: dict[int, Gathered] = {}
    for said in session.statements.among(_SAID, sorted(rows)):
        _gather(session, found, rows[said.node], said)
    return found


def _gather(session: Session, found: dict[int, Gathered], row: Any, said: Any) -> None:
    properties: dict[str, Value] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in orjson.loads(said.properties).items()
    }
    kind = session.kind(row)
    folded = Folded(fold(properties, at=said.observed_at, confidence=said.confidence, rule_of=kind.rule_of))
    known = found.get(row.id)
    if known is None:
        node = Node(bytes(row.uid), kind, row.canonical)
        found[row.id] = Gathered(node, folded, said.times, said.observed_at, said.observed_at)
    else:
        known.add(folded, count=said.times, first=said.observed_at, last=said.observed_at)


def vanish(session: Session, rows: Sequence[Any]) -> None:
    """Remove nodes that nobody mentions any more; their rows stay for the mentions that were withdrawn."""
    claims = ClaimChanges(session)
    for row in rows:
        kind = session.kind(row)
        # Of whatever kind: a person may have said that it is the same as another.
        session.touched.add(row.id)
        state = read_state(row.properties)
        before = claims_of(kind, row.canonical, state) if state else frozenset()
        claims.change(row.id, kind, before=before, now=frozenset())
    claims.write()
    ids = [row.id for row in rows]
    # Without times, so that the index of types and times tells who is there.
    update = (
        "UPDATE graph_node SET mentions = 0, first_seen = 0, last_seen = 0, properties = '{}', changed_at = ?"
        " WHERE id = ?"
    )
    session.statements.many(update, [(session.changed_at(), id) for id in ids])
    forget_words(session.statements, ids)
    release(session, ids)
