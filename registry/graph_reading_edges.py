"""The edges of vertices in the graph, read from the store: a page of one vertex', and those between two.

A vertex may be several nodes, and so may be what is at the other end: edges between the same two vertices with the
same relation are one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, literal_column, select, tuple_

from registry.graph_reading_nodes import Clusters
from registry.graph_tables import edge, relation
from vedette.errors import RefusedError
from vedette.graph.port import Direction

PIECE: Final = 500
"""Edges that are read at a time."""

_MOST: Final = (1, 2**15 - 1, 2**31 - 1)
"""The largest numbers of a place."""


class Place(NamedTuple):
    """Where an edge is in the list of a vertex' edges: the order of the list."""

    way: int
    """0: it leaves the vertex; 1: it enters it."""
    relation: int
    other: int
    """The node at the other end."""


class Row(NamedTuple):
    """An edge between two nodes, seen from one of them."""

    near: int
    way: int
    relation: int
    other: int
    times: int
    first_seen: int
    last_seen: int
    confidence: float

    @property
    def place(self) -> Place:
        """Where it is in the list of the edges of the node that it is seen from."""
        return Place(self.way, self.relation, self.other)

    @property
    def ends(self) -> tuple[int, int]:
        """The node that it leaves and the one that it enters."""
        return (self.near, self.other) if self.way == 0 else (self.other, self.near)


@dataclass(frozen=True, slots=True)
class Folded:
    """An edge between two vertices, by their numbers."""

    out: int
    relation: int
    into: int
    count: int
    first_seen: int
    last_seen: int
    confidence: float

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells it from every other."""
        return self.out, self.relation, self.into


def write_place(place: Place) -> str:
    """Return a place as text."""
    return "-".join(map(str, place))


def read_place(text: str) -> Place | None:
    """Return the place that a text is; None: the beginning.

    Raises:
        RefusedError: no page of edges ended there.
    """
    if not text:
        return None
    parts = text.split("-")
    if len(parts) == len(_MOST) and all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        place = Place(*map(int, parts))
        # More than its column holds, PostgreSQL would not even compare.
        if all(number <= most for number, most in zip(place, _MOST, strict=True)):
            return place
    raise RefusedError("after", "is not where a page of edges ended")


def relations_of(connection: Connection, names: Iterable[str] | None = None) -> dict[int, str]:
    """Return the names of relations by their numbers: all, or those of these names."""
    query = select(relation.c.id, relation.c.name)
    if names is not None:
        query = query.where(relation.c.name.in_(list(names)))
    return {number: name for number, name in connection.execute(query)}


class EdgeList:
    """All edges of one vertex in order, read as far as they are asked for."""

    def __init__(
        self,
        connection: Connection,
        clusters: Clusters,
        vertex: int,
        *,
        direction: Direction = "both",
        relations: Sequence[int] | None = None,
        piece: int = PIECE,
    ) -> None:
        """Describe it.

        Args:
            connection: to read from.
            clusters: which nodes are one vertex.
            vertex: the vertex' number.
            direction: which of its edges.
            relations: only these; None: all.
            piece: how many are read at a time: as many as are likely to be asked for.
        """
        self._connection = connection
        self._piece = min(piece, PIECE)
        self._clusters = clusters
        self._vertex = vertex
        self._ways = {"out": (0,), "in": (1,), "both": (0, 1)}[direction]
        self._relations = relations
        self._members = clusters.members([vertex])[vertex]

    def after(self, place: Place | None) -> Iterator[tuple[Place, Folded]]:
        """Yield the edges behind a place, each with its own."""
        for way in self._ways:
            if place is not None and way < place.way:
                continue
            start = place if place is not None and place.way == way else None
            streams = [self._stream(member, way, start) for member in self._members]
            merged = heapq.merge(*streams, key=lambda row: row.place)
            for same in self._together(groupby(merged, key=lambda row: row.place)):
                yield from self._fold(same)

    def _together(self, groups: Iterable[tuple[Place, Iterable[Row]]]) -> Iterator[list[tuple[Place, list[Row]]]]:
        """Yield groups, some at a time: what their other ends are is asked for all of them at once."""
        listed = ((place, list(rows)) for place, rows in groups)
        while some := list(islice(listed, self._piece)):
            yield some

    def _fold(self, groups: Sequence[tuple[Place, list[Row]]]) -> Iterator[tuple[Place, Folded]]:
        self._clusters.learn(place.other for place, _ in groups)
        # For all of them at once.
        self._clusters.members({self._clusters.vertex_of(place.other) for place, _ in groups})
        for place, rows in groups:
            other = self._clusters.vertex_of(place.other)
            if other == self._vertex:
                # Between two names of the same thing.
                continue
            if self._clusters.is_merged(other):
                whole = self._all_between(other, place)
                if min(row.other for row in whole) != place.other:
                    # It was where the first of these nodes is.
                    continue
                yield place, self._whole(whole, other)
            else:
                yield place, self._whole(rows, other)

    def _whole(self, rows: Sequence[Row], other: int) -> Folded:
        return fold(rows, self._vertex, other) if rows[0].way == 0 else fold(rows, other, self._vertex)

    def _all_between(self, other: int, place: Place) -> list[Row]:
        """Return the edges of a relation to all nodes of a vertex."""
        near, far = _ends(place.way)
        others = self._clusters.members([other])[other]
        query = _rows(place.way).where(near.in_(self._members), edge.c.relation == place.relation, far.in_(others))
        return read_rows(self._connection.execute(query).all())

    def _stream(self, member: int, way: int, start: Place | None) -> Iterator[Row]:
        """Yield the edges of a node in order."""
        near, far = _ends(way)
        query = _rows(way).where(near == member).order_by(edge.c.relation, far)
        if self._relations is not None:
            query = query.where(edge.c.relation.in_(self._relations))
        last = None if start is None else start[1:]
        while True:
            beyond = query
            if last is not None:
                beyond = query.where(edge.c.relation >= last[0], tuple_(edge.c.relation, far) > tuple_(*last))
            found = read_rows(self._connection.execute(beyond.limit(self._piece)).all())
            yield from found
            if len(found) < self._piece:
                return
            last = found[-1].place[1:]


def fold(rows: Sequence[Row], out: int, into: int) -> Folded:
    """Return the one edge that rows between two vertices are."""
    first = rows[0]
    if len(rows) == 1:
        return Folded(out, first.relation, into, first.times, first.first_seen, first.last_seen, first.confidence)
    return Folded(
        out=out,
        relation=first.relation,
        into=into,
        count=sum(row.times for row in rows),
        # One that is only derived has no times.
        first_seen=min((row.first_seen for row in rows if row.first_seen), default=0),
        last_seen=max(row.last_seen for row in rows),
        confidence=max(row.confidence for row in rows),
    )


def edges_between(connection: Connection, first: Sequence[int], second: Sequence[int]) -> list[Row]:
    """Return the edges between the nodes of two vertices, those that enter the first as such."""
    found: list[Row] = []
    for way in (0, 1):
        near, far = _ends(way)
        query = _rows(way).where(near.in_(first), far.in_(second))
        found += read_rows(connection.execute(query).all())
    return found


def read_rows(rows: Iterable[Any]) -> list[Row]:
    """Return edges as they come from the store."""
    return [Row(*row) for row in rows]


def _ends(way: int) -> tuple[Any, Any]:
    return (edge.c.out_node, edge.c.in_node) if way == 0 else (edge.c.in_node, edge.c.out_node)


def _rows(way: int) -> Select[Any]:
    near, far = _ends(way)
    ends: tuple[Any, ...] = near, literal_column(str(way)), edge.c.relation, far
    return select(*ends, edge.c.count, edge.c.first_seen, edge.c.last_seen, edge.c.confidence)
