"""The nodes of the graph as vertices, read from the store: which nodes are one vertex, and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, Integer, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from registry.graph_statements import Statements
from registry.graph_tables import node
from vedette.graph.folding import State, read_state, unite, values
from vedette.graph.identity import parse_vertex_id, vertex_id
from vedette.graph.port import VertexView
from vedette.pieces import pieces

T = TypeVar("T")

CHUNK: Final = 5_000
"""Numbers in one statement."""

FEW: Final = 100
"""Nodes of which it is asked one by one whether they are merged."""

MOST_KNOWN: Final = 2_000
"""Merged nodes that are read at once, rather than look up each node of a picture."""

_MERGED: Final = "SELECT id, merged_into FROM graph_node WHERE merged_into IS NOT NULL LIMIT ?"
_MERGED_OF: Final = "SELECT id, merged_into FROM graph_node WHERE id {} AND merged_into IS NOT NULL"
_MERGED_INTO: Final = (
    "SELECT id, merged_into FROM graph_node WHERE merged_into {} AND merged_into IS NOT NULL ORDER BY id"
)
_VIEWS: Final = (
    "SELECT id AS vertex, id, uid, type, observable_type, name, mentions, first_seen, last_seen, properties"
    " FROM graph_node WHERE id {}"
)
_FURTHER: Final = (
    "SELECT merged_into AS vertex, id, uid, type, observable_type, name, mentions, first_seen, last_seen, properties"
    " FROM graph_node WHERE merged_into {} AND merged_into IS NOT NULL ORDER BY id"
)


def chunks(numbers: Iterable[T]) -> Iterator[Sequence[T]]:
    """Yield a list's members, as many at a time as a statement takes."""
    return pieces(list(numbers), CHUNK)


def among(connection: Connection, column: Any, numbers: Iterable[int]) -> ColumnElement[bool]:
    """Return the condition that a column is one of these numbers: one parameter, however many there are.

    With one parameter each, to build the statement would take longer than to execute it.
    """
    listed = list(numbers)
    if connection.dialect.name == "sqlite":
        values = func.json_each(orjson.dumps(listed).decode()).table_valued("value")
        found: ColumnElement[bool] = column.in_(select(values.c.value))
        return found
    same: ColumnElement[bool] = column == any_(bindparam(None, listed, type_=ARRAY(Integer)))
    return same


class Clusters:
    """Which nodes are one vertex, as far as that was asked; of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._statements = Statements(connection)
        self._vertices: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._merged: dict[int, int] = {}
        self._is_known: bool | None = None
        """Whether `_merged` holds all; None: that was not asked."""

    def learn(self, numbers: Iterable[int]) -> None:
        """Read which vertices nodes belong to, for all of them at once."""
        unknown = sorted({number for number in numbers if number not in self._vertices})
        self._vertices.update(zip(unknown, unknown, strict=True))
        if self._knows_all(len(unknown)):
            self._vertices.update((number, self._merged[number]) for number in unknown if number in self._merged)
            return
        self._vertices.update((number, vertex) for number, vertex in _rows_of(self._statements, _MERGED_OF, unknown))

    def _knows_all(self, asked: int) -> bool:
        """Tell whether all merged nodes are known: they are read at once if there are few and many are asked for."""
        if self._is_known is None and asked > FEW:
            rows = self._statements.rows(_MERGED, [MOST_KNOWN + 1])
            self._is_known = len(rows) <= MOST_KNOWN
            self._merged = {number: vertex for number, vertex in rows} if self._is_known else {}
        return bool(self._is_known)

    def vertex_of(self, number: int) -> int:
        """Return the vertex of a node."""
        if number not in self._vertices:
            self.learn([number])
        return self._vertices.get(number, number)

    def is_merged(self, vertex: int) -> bool:
        """Tell whether a vertex is several nodes."""
        return len(self.members([vertex])[vertex]) > 1

    def members(self, vertices: Iterable[int]) -> Mapping[int, Sequence[int]]:
        """Return the nodes of vertices, each vertex' own first."""
        wanted = list(vertices)
        self._learn_members(wanted)
        return {vertex: self._members[vertex] for vertex in wanted}

    def _learn_members(self, vertices: Iterable[int]) -> None:
        unknown = sorted({vertex for vertex in vertices if vertex not in self._members})
        for vertex in unknown:
            self._members[vertex] = [vertex]
            self._vertices[vertex] = vertex
        for number, vertex in _rows_of(self._statements, _MERGED_INTO, unknown):
            self._members[vertex].append(number)
            self._vertices[number] = vertex


def _rows_of(statements: Statements, sql: str, numbers: Sequence[int]) -> Iterator[Any]:
    for some in chunks(numbers):
        yield from statements.rows(statements.with_list(sql), [statements.listed(some)])


def find_numbers(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of the vertices that ids name; ids that nothing has are left out."""
    wanted = {id: uid for id in ids if (uid := parse_vertex_id(id)) is not None}
    found: dict[bytes, int] = {}
    for some in chunks(set(wanted.values())):
        query = select(node.c.uid, node.c.id, node.c.merged_into).where(node.c.uid.in_(some), node.c.mentions > 0)
        for uid, number, merged in connection.execute(query):
            found[bytes(uid)] = number if merged is None else merged
    return {id: found[uid] for id, uid in wanted.items() if uid in found}


def read_views(connection: Connection, numbers: Iterable[int]) -> dict[int, VertexView]:
    """Return vertices by their numbers, in the order in which they were asked for, without those that are gone."""
    wanted = list(dict.fromkeys(numbers))
    rows: dict[int, list[Any]] = {number: [] for number in wanted}
    statements = Statements(connection)
    for sql in (_VIEWS, _FURTHER):
        for row in _rows_of(statements, sql, wanted):
            rows[row[0]].append(row)
    return {number: view for number in wanted if (view := _view(rows[number])) is not None}


def _view(rows: Sequence[Any]) -> VertexView | None:
    """Return the vertex that nodes are; the first of them stands for it."""
    if len(rows) == 1:
        return _alone(rows[0])
    there = [row for row in rows if row.mentions > 0]
    if not there:
        return None
    first = rows[0]
    state = reduce(unite, map(_state, there))
    return VertexView(
        id=id_of(first),
        type=first.type,
        observable_type=first.observable_type,
        name=first.name,
        properties=values(state),
        first_seen=min(row.first_seen for row in there),
        last_seen=max(row.last_seen for row in there),
        mentions=sum(row.mentions for row in there),
        members=tuple(sorted(id_of(row) for row in there)) if len(there) > 1 else (),
    )


def _alone(row: Any) -> VertexView | None:
    """Return the vertex that one node is, as nearly all are: a picture has thousands."""
    _, _, uid, type, observable_type, name, mentions, first_seen, last_seen, properties = row
    if mentions == 0:
        return None
    return VertexView(
        id=vertex_id(type, bytes(uid)),
        type=type,
        observable_type=observable_type,
        name=name,
        properties=values(read_state(properties)),
        first_seen=first_seen,
        last_seen=last_seen,
        mentions=mentions,
    )


def _state(row: Any) -> State:
    return read_state(row.properties)


def id_of(row: Any) -> str:
    """Return the id of a node's row."""
    return vertex_id(row.type, bytes(row.uid))
