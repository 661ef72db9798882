"""Walking through the graph: what lies around vertices, and a shortest path between two. Pure; a port tells edges.

Both work on the numbers that a store gives to vertices; every step asks for the edges of many vertices at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from vedette.graph.port import TooWideError

E = TypeVar("E")
"""An edge as the port has it."""

MAX_VISITED = 250_000
"""Vertices that the search for a path looks at, from both ends together."""

ASKED = 500
"""Vertices whose edges a walk asks for at once, as long as there is room for more."""


class Neighbours(Protocol):
    """Tells what lies one step away."""

    def weight(self, vertices: Collection[int]) -> int:
        """Return about how many edges these vertices have together."""

    def of(self, vertices: Collection[int]) -> Iterable[tuple[int, int]]:
        """Yield a vertex and a neighbour of it for each edge of these vertices, whichever way it goes."""


def shortest_path(start: int, goal: int, *, hops: int, neighbours: Neighbours) -> list[int] | None:
    """Return the vertices of a shortest path, both ends among them; None: there is none of so few hops.

    Two searches by breadth meet: each goes a whole step at a time, always the one whose next step is cheaper. As long
    as they know no vertex in common, every path is longer than both depths together; so the first vertex that the
    second of them finds is on a shortest one.

    Raises:
        TooWideError: more than `MAX_VISITED` vertices were looked at.
    """
    if start == goal:
        return [start]
    near, far = _Side(start), _Side(goal)
    for _ in range(hops):
        if not near.edge or not far.edge:
            return None
        if neighbours.weight(far.edge) < neighbours.weight(near.edge):
            near, far = far, near
        met = near.step(neighbours, far)
        if met is not None:
            way = [*reversed(list(near.back(met))), *list(far.back(met))[1:]]
            return way if way[0] == start else way[::-1]
    return None


class _Side:
    """What is known from one end."""

    def __init__(self, origin: int) -> None:
        self.origins: dict[int, int] = {origin: origin}
        """By vertex, from which one it was found."""
        self.edge: set[int] = {origin}
        """Those that were found last."""

    def step(self, neighbours: Neighbours, other: _Side) -> int | None:
        """Go one step from all that were found last; returns a vertex that the other side knows, if there is one."""
        found: set[int] = set()
        room = MAX_VISITED - len(self.origins) - len(other.origins)
        for vertex, neighbour in neighbours.of(self.edge):
            if neighbour in self.origins:
                continue
            self.origins[neighbour] = vertex
            if neighbour in other.origins:
                return neighbour
            found.add(neighbour)
            if len(found) > room:
                raise TooWideError(
                    f"more than {MAX_VISITED} vertices lie between them; ask for fewer hops, or between others"
                )
        self.edge = found
        return None

    def back(self, vertex: int) -> Iterator[int]:
        """Yield the way from a vertex back to this side's end."""
        while True:
            yield vertex
            origin = self.origins[vertex]
            if origin == vertex:
                return
            vertex = origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Edges(Generic[E]):
    """The edges of one vertex, as far as they are followed."""

    followed: Sequence[tuple[int, E]]
    """The vertex at the other end, and the edge."""
    left_out: int = 0
    """How many more there are."""


class Surroundings(Protocol[E]):
    """Tells the edges of vertices, a bounded number of each."""

    def edges(self, vertices: Sequence[int], *, room: int) -> Mapping[int, Edges[E]]:
        """Return the edges of each vertex, or of the first of them: so many as may fill the room."""

    def edges_among(self, vertices: Sequence[int], known: Collection[int]) -> Mapping[int, Edges[E]]:
        """Return the edges of each vertex that lead to known ones; the others are left out."""


@dataclass(kw_only=True)
class Walked(Generic[E]):
    """What a walk found."""

    vertices: dict[int, None] = field(default_factory=dict)
    """Nearest first."""
    edges: list[E] = field(default_factory=list)
    """Between these, each as often as it was met."""
    cut: dict[int, int] = field(default_factory=dict)
    """By vertex, how many of its edges were left out."""


def walk_around(seeds: Iterable[int], *, depth: int, limit: int, surroundings: Surroundings[E]) -> Walked[E]:
    """Return what lies around vertices up to a depth, nearest first, `limit` vertices at most."""
    walked: Walked[E] = Walked(vertices=dict.fromkeys(list(dict.fromkeys(seeds))[:limit]))
    last = list(walked.vertices)
    for _ in range(depth):
        before = len(walked.vertices)
        _step(walked, last, limit=limit, surroundings=surroundings)
        last = list(walked.vertices)[before:]
    return walked


def _step(walked: Walked[E], last: Sequence[int], *, limit: int, surroundings: Surroundings[E]) -> None:
    """Go one step from all that were found last.

    As soon as there is no room for further vertices, only edges between those that are there are asked for: most of a
    large graph's lead elsewhere.
    """
    start = 0
    while start < len(last):
        room = limit - len(walked.vertices)
        told = (
            surroundings.edges(last[start : start + ASKED], room=room)
            if room > 0
            else surroundings.edges_among(last[start:], walked.vertices)
        )
        start += len(told)
        for vertex, edges in told.items():
            followed = [edge for edge in edges.followed if _is_there(walked, edge[0], limit)]
            walked.edges += (edge for _, edge in followed)
            if left_out := edges.left_out + len(edges.followed) - len(followed):
                walked.cut[vertex] = left_out


def _is_there(walked: Walked[E], vertex: int, limit: int) -> bool:
    """Add a vertex if there is room; tell whether it is there."""
    if vertex not in walked.vertices and len(walked.vertices) < limit:
        walked.vertices[vertex] = None
    return vertex in walked.vertices
