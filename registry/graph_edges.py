"""Writing edges: each relation between two nodes once, with how often, when and how surely it is stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.graph_session import Session
from registry.graph_statements import Row
from vedette.graph.drafted import DraftEdge
from vedette.graph.port import Origin

Ends = tuple[int, int, int]
"""Out-node, relation, in-node."""

_NEW = "graph_edge (out_node, relation, in_node, count, first_seen, last_seen, confidence)"
# A derived edge that nobody stated has no times yet.
_UPDATE = (
    "UPDATE graph_edge SET count = count + ?,"
    " first_seen = CASE WHEN count = 0 OR first_seen > ? THEN ? ELSE first_seen END,"
    " last_seen = CASE WHEN count = 0 OR last_seen < ? THEN ? ELSE last_seen END,"
    " confidence = CASE WHEN count = 0 OR confidence < ? THEN ? ELSE confidence END"
    " WHERE out_node = ? AND relation = ? AND in_node = ?"
)
_KNOWN = (
    "WITH wanted (one, name, two) AS ({}) SELECT out_node, relation, in_node FROM wanted"
    " JOIN graph_edge ON out_node = one AND relation = name AND in_node = two"
)
_MENTION = "graph_edge_mention (origin, number, out_node, relation, in_node, said, position, certainty)"
_COUNTED = (
    "WITH wanted (one, name, two) AS ({})"
    " SELECT one, name, two, count(*), min(o.observed_at), max(o.observed_at),"
    " max(o.confidence * coalesce(m.certainty, 1.0)) FROM wanted"
    " JOIN graph_edge_mention m ON m.out_node = one AND m.relation = name AND m.in_node = two"
    " JOIN graph_origin o ON o.id = m.origin AND o.withdrawn_at IS NULL GROUP BY one, name, two"
)
_SET = (
    "UPDATE graph_edge SET count = ?, first_seen = ?, last_seen = ?, confidence = ?"
    " WHERE out_node = ? AND relation = ? AND in_node = ?"
)


@dataclass(slots=True)
class _Stated:
    """What several statements of an edge come to."""

    count: int
    first: int
    last: int
    confidence: float


class EdgeWriter:
    """Collects statements and writes them."""

    def __init__(self, session: Session, *, first_new: int) -> None:
        """Start with nothing.

        Args:
            session: of the transaction.
            first_new: the first node of this transaction: no edge of it, or of a later one, can be there.
        """
        self._session = session
        self._first_new = first_new
        self._stated: dict[Ends, _Stated] = {}
        self._mentions: list[Row] = []
        self._written: set[Ends] = set()

    @property
    def waiting(self) -> int:
        """How many statements are noted and not written."""
        return len(self._mentions)

    def add(self, row: int, origin: Origin, edges: Sequence[tuple[int, DraftEdge]], ids: Mapping[bytes, int]) -> None:
        """Note what a subgraph states.

        Args:
            row: of the origin.
            origin: where it comes from.
            edges: the edges and their numbers.
            ids: the nodes' rows.
        """
        # Hundreds of rows of a list say the same of their relations.
        texts = {edge.said for _, edge in edges if edge.said}
        said = self._session.said(texts) if texts else {}
        at = origin.observed_at
        mentions, stated, relation = self._mentions, self._stated, self._session.relation
        for number, (out_uid, name, in_uid, text, position, certainty) in edges:
            confidence = origin.confidence * (1.0 if certainty is None else certainty)
            ends = (ids[out_uid], relation(name), ids[in_uid])
            mentions.append((row, number, *ends, said.get(text), position, certainty))
            known = stated.get(ends)
            if known is None:
                stated[ends] = _Stated(1, at, at, confidence)
            else:
                known.count += 1
                known.first, known.last = min(known.first, at), max(known.last, at)
                known.confidence = max(known.confidence, confidence)

    def write(self) -> int:
        """Write what was noted; return how many edges are new."""
        statements = self._session.statements
        known = self._known()
        new = [
            (*ends, stated.count, stated.first, stated.last, stated.confidence)
            for ends, stated in self._stated.items()
            if ends not in known
        ]
        statements.insert(_NEW, new)
        statements.many(_UPDATE, [_update(self._stated[ends], ends) for ends in known])
        statements.insert(_MENTION, self._mentions)
        self._written.update(self._stated)
        self._stated, self._mentions = {}, []
        return len(new)

    def _known(self) -> set[Ends]:
        written = self._stated.keys() & self._written
        may_be = [ends for ends in self._stated.keys() - written if max(ends[0], ends[2]) < self._first_new]
        return written | {(row[0], row[1], row[2]) for row in self._session.statements.pairs_among(_KNOWN, may_be)}


def _update(stated: _Stated, ends: Ends) -> Row:
    first, last, confidence = stated.first, stated.last, stated.confidence
    return (stated.count, first, first, last, last, confidence, confidence, *ends)


def counted_edges(session: Session, edges: Sequence[Ends]) -> dict[Ends, Row]:
    """Return count, first and last time and confidence of edges as they are stated; those that nobody states not."""
    return {(row[0], row[1], row[2]): tuple(row)[3:] for row in session.statements.pairs_among(_COUNTED, edges)}


def recount_edges(session: Session, edges: Sequence[Ends]) -> None:
    """Make edges what their remaining statements say; those that nobody states, and that do not follow, go."""
    statements = session.statements
    counted = counted_edges(session, edges)
    statements.many(_SET, [(*counted.get(ends, (0, 0, 0, 1.0)), *ends) for ends in edges])
    statements.many(
        "DELETE FROM graph_edge WHERE out_node = ? AND relation = ? AND in_node = ? AND count = 0 AND derived = 0",
        [ends for ends in edges if ends not in counted],
    )
