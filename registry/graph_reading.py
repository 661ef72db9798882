"""What is asked of the knowledge graph, answered from its database; each question sees one state of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import Connection, select

from registry.graph_annotations import read_annotation
from registry.graph_reading_counts import count_all
from registry.graph_reading_decisions import explain, read_reviews
from registry.graph_reading_edges import EdgeList, Folded, read_place, relations_of, write_place
from registry.graph_reading_many import EdgeFilter
from registry.graph_reading_nodes import Clusters, find_numbers, read_views
from registry.graph_reading_search import Search
from registry.graph_reading_statements import nodes_of_item, read_edge_mentions, read_mentions, read_timeline
from registry.graph_reading_walks import around, path_between
from registry.graph_tables import node
from registry.reading import Reads
from vedette.graph.ontology import Ontology
from vedette.graph.ontology import ontology as usual_ontology
from vedette.graph.port import (
    MAX_DEPTH,
    MAX_FAN_OUT,
    MAX_PAGE,
    MAX_PICTURE,
    Change,
    Decision,
    Direction,
    EdgeView,
    Explanation,
    FoundEdges,
    FoundVertices,
    GraphCounts,
    KeptAnnotation,
    Mention,
    Picture,
    VertexFilter,
    VertexView,
)
from vedette.storable import storable

T = TypeVar("T")

LARGE: Final = 1_000_000
"""Edges from which on what was counted is remembered: to count them takes part of a second."""

REMEMBERED: Final = 30.0
"""Seconds for which it is."""


class GraphRead:
    """The graph in a database."""

    def __init__(self, *, database: Reads, ontology: Ontology | None = None) -> None:
        """Describe it.

        Args:
            database: the graph's, open.
            ontology: how names become canonical; None: this release's.
        """
        self._database = database
        self._ontology = ontology or usual_ontology()
        self._counted: tuple[float, GraphCounts] | None = None

    async def vertex(self, vertex: str) -> VertexView | None:
        """Return a vertex; None: there is none."""

        def work(connection: Connection) -> VertexView | None:
            numbers = find_numbers(connection, [vertex])
            return next(iter(read_views(connection, numbers.values()).values()), None)

        return await self._database.read(work)

    async def find(self, wanted: VertexFilter, *, limit: int = 100, offset: int = 0) -> FoundVertices:
        """Return vertices, best and then latest first; words are looked for in the newest that have them."""
        size = min(limit, MAX_PAGE)
        return await self._database.read(
            lambda connection: Search(connection, self._ontology, wanted).page(limit=size, offset=offset)
        )

    async def edges(
        self,
        vertex: str,
        *,
        direction: Direction = "both",
        relation: str = "",
        limit: int = 100,
        after: str = "",
        offset: int = 0,
    ) -> FoundEdges:
        """Return a page of a vertex' edges, none where there is no such vertex.

        Raises:
            RefusedError: `after` is not what a page of edges ended with.
        """
        place, size = read_place(after), min(limit, MAX_PAGE)

        def work(connection: Connection) -> FoundEdges:
            number = find_numbers(connection, [vertex]).get(vertex)
            relations = None if not relation else list(relations_of(connection, [storable(relation)]))
            if number is None or relations == []:
                return FoundEdges(edges=(), vertices={})
            edges = EdgeList(
                connection,
                Clusters(connection),
                number,
                direction=direction,
                relations=relations,
                piece=offset + size + 1,
            )
            found = list(islice(edges.after(place), offset, offset + size + 1))
            shown = found[:size]
            picture = _picture(connection, [], [one for _, one in shown])
            return FoundEdges(
                edges=picture.edges,
                vertices={view.id: view for view in picture.vertices},
                after=write_place(shown[-1][0]) if len(found) > size else "",
            )

        return await self._database.read(work)

    async def neighbourhood(
        self,
        seeds: Sequence[str],
        *,
        depth: int = 1,
        relations: Sequence[str] = (),
        types: Sequence[str] = (),
        limit: int = MAX_PICTURE,
        fan_out: int = MAX_FAN_OUT,
    ) -> Picture:
        """Return what lies around vertices, nearest first, within the limits."""

        def work(connection: Connection) -> Picture:
            numbers = list(find_numbers(connection, seeds[:MAX_PICTURE]).values())
            known = None if not relations else list(relations_of(connection, map(storable, relations)))
            walked, edges = around(
                connection,
                Clusters(connection),
                numbers,
                depth=min(depth, MAX_DEPTH),
                wanted=EdgeFilter(relations=known, types=[storable(type) for type in types]),
                limit=min(limit, MAX_PICTURE),
                fan_out=min(fan_out, MAX_FAN_OUT),
            )
            return _picture(connection, walked.vertices, edges, walked.cut)

        return await self._database.read(work)

    async def path(self, start: str, goal: str, *, hops: int = MAX_DEPTH) -> Picture | None:
        """Return a shortest path, in whichever direction the edges go; None: there is none so short.

        Raises:
            TooWideError: more lies between them than is looked at.
        """

        def work(connection: Connection) -> Picture | None:
            numbers = find_numbers(connection, [start, goal])
            if start not in numbers or goal not in numbers:
                return None
            ends = numbers[start], numbers[goal]
            found = path_between(connection, Clusters(connection), *ends, hops=min(hops, MAX_DEPTH))
            return None if found is None else _picture(connection, *found)

        return await self._database.read(work)

    async def changes(self, since: int, *, limit: int = 100) -> tuple[Change, ...]:
        """Return what became known after an instant, oldest first; no two changed at the same one."""
        query = (
            select(node.c.id, node.c.merged_into, node.c.changed_at)
            .where(node.c.changed_at > since, node.c.mentions > 0)
            .order_by(node.c.changed_at)
            .limit(min(limit, MAX_PAGE))
        )

        def work(connection: Connection) -> tuple[Change, ...]:
            rows = [(row.merged_into or row.id, row.changed_at) for row in connection.execute(query)]
            views = read_views(connection, (number for number, _ in rows))
            return tuple(Change(vertex=views[number], changed_at=at) for number, at in rows if number in views)

        return await self._database.read(work)

    async def timeline(self, vertex: str, *, limit: int = 500) -> tuple[tuple[int, int], ...]:
        """Return on which of the last days (UTC midnight, microseconds) a vertex was mentioned, and how often."""
        return await self._of(vertex, lambda connection, nodes: read_timeline(connection, nodes, limit=limit), ())

    async def mentions(
        self, vertex: str, *, property: str = "", value: str = "", limit: int = 100, offset: int = 0
    ) -> tuple[Mention, ...]:
        """Return who says that a vertex is there, or that a property of it holds this value; latest first."""
        size = min(limit, MAX_PAGE)

        def work(connection: Connection, nodes: Sequence[int]) -> tuple[Mention, ...]:
            return read_mentions(connection, nodes, property=property, value=value, limit=size, offset=offset)

        return await self._of(vertex, work, ())

    async def edge_mentions(
        self, out: str, into: str, relation: str, *, limit: int = 100, offset: int = 0
    ) -> tuple[Mention, ...]:
        """Return who states an edge; latest first."""
        size = min(limit, MAX_PAGE)

        def work(connection: Connection) -> tuple[Mention, ...]:
            numbers = find_numbers(connection, [out, into])
            known = list(relations_of(connection, [storable(relation)]))
            if out not in numbers or into not in numbers or not known:
                return ()
            members = Clusters(connection).members(numbers.values())
            ends = members[numbers[out]], members[numbers[into]]
            return read_edge_mentions(connection, *ends, known[0], limit=size, offset=offset)

        return await self._database.read(work)

    async def said_by(self, item: str, *, limit: int = 100, offset: int = 0) -> FoundVertices:
        """Return the vertices that an item mentions; what was taken back is not among them."""
        size = min(limit, MAX_PAGE)

        def work(connection: Connection) -> FoundVertices:
            numbers = nodes_of_item(connection, storable(item))
            views = read_views(connection, numbers[offset : offset + size])
            return FoundVertices(
                vertices=tuple(views.values()), count=len(numbers), more=offset + size < len(numbers)
            )

        return await self._database.read(work)

    async def annotation(self, item: str, *, tokens: bool = True) -> KeptAnnotation | None:
        """Return what was read of an item's prose, with tokens or not; None: nothing, or it was taken back.

        Raises:
            KeepingError: what is kept is damaged.
        """
        uuid = storable(item)
        return await self._database.read(lambda connection: read_annotation(connection, uuid, tokens=tokens))

    async def explain(self, first: str, second: str) -> Explanation:
        """Return why two vertices were or were not merged.

        Raises:
            UnknownVertexError: there is no such vertex.
        """
        return await self._database.read(lambda connection: explain(connection, first, second))

    async def reviews(self, *, limit: int = 100, offset: int = 0) -> tuple[Decision, ...]:
        """Return the pairs that wait for a person, most alike first."""
        size = min(limit, MAX_PAGE)
        return await self._database.read(lambda connection: read_reviews(connection, limit=size, offset=offset))

    async def counts(self, *, since: int = 0) -> GraphCounts:
        """Return how much there is, or how much was seen since an instant; of a large graph, half a minute ago."""
        now = time.monotonic()
        if not since and self._counted is not None and now < self._counted[0] + REMEMBERED:
            return self._counted[1]
        counts = await self._database.read(lambda connection: count_all(connection, since=since))
        if not since and counts.edges >= LARGE:
            self._counted = now, counts
        return counts

    async def _of(self, vertex: str, work: Callable[[Connection, Sequence[int]], T], nothing: T) -> T:
        """Return what is known of the nodes of a vertex, or nothing where there is none."""

        def with_nodes(connection: Connection) -> T:
            number = find_numbers(connection, [vertex]).get(vertex)
            if number is None:
                return nothing
            return work(connection, Clusters(connection).members([number])[number])

        return await self._database.read(with_nodes)


def _picture(
    connection: Connection, vertices: Iterable[int], edges: Sequence[Folded], cut: Mapping[int, int] | None = None
) -> Picture:
    """Return vertices and edges as they are shown; without vertices, those at the ends of the edges."""
    ends = (end for edge in edges for end in (edge.out, edge.into))
    views = read_views(connection, [*vertices] or ends)
    names = relations_of(connection) if edges else {}
    return Picture(
        vertices=tuple(views.values()),
        edges=tuple(
            _edge(edge, names[edge.relation], views[edge.out], views[edge.into])
            for edge in edges
            if edge.out in views and edge.into in views
        ),
        cut={views[number].id: left_out for number, left_out in (cut or {}).items() if number in views},
    )


def _edge(one: Folded, relation: str, out: VertexView, into: VertexView) -> EdgeView:
    # A derived one has no times of its own: it holds as long as both ends.
    first = one.first_seen or max(out.first_seen, into.first_seen)
    last = one.last_seen or max(first, min(out.last_seen, into.last_seen))
    return EdgeView(
        out_id=out.id,
        in_id=into.id,
        relation=relation,
        count=one.count,
        first_seen=first,
        last_seen=last,
        confidence=one.confidence,
    )
