"""Walking through graphs: paths are shortest, pictures keep their bounds and say what they left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.graph import walking
from vedette.graph.port import TooWideError
from vedette.graph.walking import Edges, shortest_path, walk_around

Pairs = frozenset[tuple[int, int]]

PAIRS = st.frozensets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30)


class Told:
    """Tells what a set of pairs says."""

    def __init__(self, pairs: Collection[tuple[int, int]], *, fan_out: int = 100) -> None:
        self.near: dict[int, list[int]] = {}
        for one, other in sorted(pairs):
            self.near.setdefault(one, []).append(other)
            self.near.setdefault(other, []).append(one)
        self._fan_out = fan_out

    def weight(self, vertices: Collection[int]) -> int:
        return sum(len(self.near.get(vertex, ())) for vertex in vertices)

    def of(self, vertices: Collection[int]) -> Iterator[tuple[int, int]]:
        for vertex in sorted(vertices):
            for other in self.near.get(vertex, ()):
                yield vertex, other

    def edges(self, vertices: Sequence[int], *, room: int) -> Mapping[int, Edges[tuple[int, int]]]:
        # One at a time is the least that is allowed.
        return {vertex: self._told(vertex, set(self.near)) for vertex in vertices[:1]}

    def edges_among(self, vertices: Sequence[int], known: Collection[int]) -> Mapping[int, Edges[tuple[int, int]]]:
        return {vertex: self._told(vertex, known) for vertex in vertices}

    def _told(self, vertex: int, known: Collection[int]) -> Edges[tuple[int, int]]:
        near = self.near.get(vertex, [])
        shown = [(other, (vertex, other)) for other in near[: self._fan_out] if other in known]
        return Edges(followed=shown, left_out=len(near) - len(shown))

    def distances(self, start: int) -> dict[int, int]:
        """How far each vertex is, by the simplest search."""
        found, waiting = {start: 0}, deque([start])
        while waiting:
            here = waiting.popleft()
            for other in self.near.get(here, ()):
                if other not in found:
                    found[other] = found[here] + 1
                    waiting.append(other)
        return found


@settings(max_examples=200, deadline=None)
@given(pairs=PAIRS, start=st.integers(0, 11), goal=st.integers(0, 11), hops=st.integers(1, 6))
def test_a_path_is_as_short_as_any_and_goes_along_edges(pairs: Pairs, start: int, goal: int, hops: int) -> None:
    told = Told(pairs)
    distance = told.distances(start).get(goal)
    way = shortest_path(start, goal, hops=hops, neighbours=told)
    if distance is None or distance > hops:
        assert way is None
        return
    assert way is not None
    assert (way[0], way[-1], len(way)) == (start, goal, distance + 1)
    for one, other in pairwise(way):
        assert other in told.near[one]


def test_a_search_that_grows_too_wide_gives_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_VISITED", 50)
    pairs = {(0, number) for number in range(2, 60)} | {(1, 100 + number) for number in range(60)}
    with pytest.raises(TooWideError, match="more than 50"):
        shortest_path(0, 1, hops=4, neighbours=Told(pairs))


def test_the_cheaper_side_goes_first() -> None:
    """A vertex with very many neighbours is not opened where its other side has one."""
    told = Told({(0, number) for number in range(1, 1000)} | {(999, 2000)})
    opened: list[set[int]] = []
    plain = told.of

    def watched(vertices: Collection[int]) -> Iterator[tuple[int, int]]:
        opened.append(set(vertices))
        return plain(vertices)

    told.of = watched  # type: ignore[method-assign]
    assert shortest_path(0, 2000, hops=3, neighbours=told) == [0, 999, 2000]
    assert {0} not in opened


@settings(max_examples=200, deadline=None)
@given(
    pairs=PAIRS, start=st.integers(0, 11), depth=st.integers(0, 4), limit=st.integers(1, 12), fan=st.integers(1, 5)
)
def test_a_picture_keeps_its_bounds_and_loses_no_edge_in_silence(
    pairs: Pairs, start: int, depth: int, limit: int, fan: int
) -> None:
    told = Told(pairs, fan_out=fan)
    walked = walk_around([start], depth=depth, limit=limit, surroundings=told)
    distances = Told(pairs).distances(start)
    assert len(walked.vertices) <= limit
    for one, other in walked.edges:
        assert one in walked.vertices
        assert other in walked.vertices
    assert all(distances[vertex] <= depth for vertex in walked.vertices)
    followed = {vertex for vertex in walked.vertices if distances[vertex] < depth}
    for vertex in followed - walked.cut.keys():
        # Found later than its distance says, where what leads to it directly was cut: then it may be at the rim.
        shown = sum(1 for one, _ in walked.edges if one == vertex)
        assert shown in (len(told.near.get(vertex, ())), 0)
    if not walked.cut:
        assert set(walked.vertices) == {vertex for vertex, far in distances.items() if far <= depth}


def test_a_picture_says_how_much_it_left_out() -> None:
    told = Told({(0, number) for number in range(1, 10)}, fan_out=4)
    walked = walk_around([0, 0], depth=2, limit=3, surroundings=told)
    assert list(walked.vertices) == [0, 1, 2]
    assert walked.cut == {0: 7}
