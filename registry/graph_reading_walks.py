"""Walking through the graph in the store: what lies around vertices, and a shortest path between two."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise
from typing import Final

from sqlalchemy import Connection, func, select

from registry.graph_reading_edges import Folded, Row, edges_between, fold
from registry.graph_reading_many import EdgeFilter, EdgesOfMany, Share
from registry.graph_reading_nodes import Clusters, among, chunks
from registry.graph_tables import edge, node
from vedette.graph.walking import Edges, Walked, shortest_path, walk_around

CHEAP: Final = 64
"""Vertices whose number of edges is asked for in the search for a path; of more, each counts as so many."""


class _Surroundings:
    """Tells the edges of vertices, so many of each."""

    def __init__(self, connection: Connection, clusters: Clusters, wanted: EdgeFilter, fan_out: int) -> None:
        self._edges = EdgesOfMany(connection, wanted)
        self._clusters = clusters
        self._fan_out = fan_out
        self._shares: dict[int, Share] = {}
        """How many edges nodes have, as far as that was counted."""

    def edges(self, vertices: Sequence[int], *, room: int) -> Mapping[int, Edges[Row]]:
        """Return the edges of each vertex, or of the first of them: as many as may fill the room."""
        totals = self._totals(vertices)
        sums = accumulate(min(total, self._fan_out) for total in totals.values())
        enough = 1 + sum(1 for number in sums if number < room)
        return self._told(dict(islice(totals.items(), enough)), None)

    def edges_among(self, vertices: Sequence[int], known: Collection[int]) -> Mapping[int, Edges[Row]]:
        """Return the edges of each vertex that lead to known ones."""
        ends = [number for numbers in self._clusters.members(known).values() for number in numbers]
        return self._told(self._totals(vertices), ends)

    def _totals(self, vertices: Sequence[int]) -> dict[int, int]:
        """Return how many edges vertices have."""
        members = self._clusters.members(vertices)
        unknown = [number for numbers in members.values() for number in numbers if number not in self._shares]
        self._shares |= self._edges.count(unknown)
        return {vertex: sum(self._shares[number].total for number in numbers) for vertex, numbers in members.items()}

    def _told(self, totals: Mapping[int, int], known: Collection[int] | None) -> Mapping[int, Edges[Row]]:
        members = self._clusters.members(totals)
        found: dict[int, list[Row]] = {vertex: [] for vertex in totals}
        small = [vertex for vertex, total in totals.items() if total <= self._fan_out]
        vertex_of = {number: vertex for vertex in small for number in members[vertex]}
        for row in self._edges.all(list(vertex_of), known=known):
            found[vertex_of[row.near]].append(row)
        for vertex, total in totals.items():
            if total > self._fan_out:
                found[vertex] = self._some(members[vertex], known)
        self._clusters.learn(row.other for rows in found.values() for row in rows)
        return {vertex: self._seen_from(vertex, rows, totals[vertex]) for vertex, rows in found.items()}

    def _some(self, numbers: Sequence[int], known: Collection[int] | None) -> list[Row]:
        rows: list[Row] = []
        room = self._fan_out
        for number in numbers:
            share = self._shares[number].of(room)
            rows += self._edges.first(number, share, known=known)
            room -= share.total
        return rows

    def _seen_from(self, vertex: int, rows: Sequence[Row], total: int) -> Edges[Row]:
        others = ((self._clusters.vertex_of(row.other), row) for row in rows)
        return Edges(followed=[(other, row) for other, row in others if other != vertex], left_out=total - len(rows))


def around(
    connection: Connection,
    clusters: Clusters,
    seeds: Sequence[int],
    *,
    depth: int,
    wanted: EdgeFilter,
    limit: int,
    fan_out: int,
) -> tuple[Walked[Row], list[Folded]]:
    """Return what lies around vertices, and the edges between them that were followed."""
    surroundings = _Surroundings(connection, clusters, wanted, fan_out)
    walked = walk_around(seeds, depth=depth, limit=limit, surroundings=surroundings)
    return walked, folded(walked.edges, clusters)


def folded(rows: Iterable[Row], clusters: Clusters) -> list[Folded]:
    """Return the edges between vertices that rows between nodes are; a row may come from either end, or from both."""
    vertex_of = clusters.vertex_of
    unique = {(row.ends, row.relation): row for row in rows}
    by_key: dict[tuple[int, int, int], list[Row]] = {}
    for ((out, into), relation), row in unique.items():
        by_key.setdefault((vertex_of(out), relation, vertex_of(into)), []).append(row)
    return [fold(same, out, into) for (out, _, into), same in by_key.items()]


class _Neighbours:
    """Tells what lies one step away from vertices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # All of them: to look each neighbour up would take longer than the search.
        merged = node.c.merged_into
        rows = connection.execute(select(node.c.id, merged).where(merged.is_not(None)).order_by(merged))
        self._vertex_of: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        for number, vertex in rows:
            self._vertex_of[number] = vertex
            self._members.setdefault(vertex, []).append(number)

    def _nodes(self, vertices: Iterable[int]) -> list[int]:
        if not self._members:
            return list(vertices)
        return [number for vertex in vertices for number in (vertex, *self._members.get(vertex, ()))]

    def weight(self, vertices: Collection[int]) -> int:
        """Return about how many edges vertices have together."""
        if len(vertices) > CHEAP:
            return len(vertices) * CHEAP
        nodes = self._nodes(vertices)
        ends = (among(self._connection, near, nodes) for near in (edge.c.out_node, edge.c.in_node))
        return sum(self._connection.execute(select(func.count()).where(end)).scalar_one() for end in ends)

    def of(self, vertices: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield a vertex and a neighbour of it for each edge."""
        vertex_of = self._vertex_of
        for some in chunks(self._nodes(vertices)):
            for near, far in ((edge.c.out_node, edge.c.in_node), (edge.c.in_node, edge.c.out_node)):
                query = select(near, far).where(among(self._connection, near, some))
                for here, there in self._connection.execute(query):
                    yield vertex_of.get(here, here), vertex_of.get(there, there)


def path_between(
    connection: Connection, clusters: Clusters, start: int, goal: int, *, hops: int
) -> tuple[list[int], list[Folded]] | None:
    """Return the vertices of a shortest path and the edges between one and the next; None: there is none so short.

    Raises:
        TooWideError: too much lies between them.
    """
    way = shortest_path(start, goal, hops=hops, neighbours=_Neighbours(connection))
    if way is None:
        return None
    members = clusters.members(way)
    rows = [
        row for one, next_one in pairwise(way) for row in edges_between(connection, members[one], members[next_one])
    ]
    return way, folded(rows, clusters)
