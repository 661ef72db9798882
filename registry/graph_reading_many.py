"""The edges of many nodes at once, read from the store: how many there are, all of them, or the first of each.

In the driver's own form: to build these statements would take longer than to execute them. What is put into them are
names of columns and marks of parameters, never what somebody said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from registry.graph_reading_edges import Row, read_rows
from registry.graph_reading_nodes import chunks
from registry.graph_statements import Statements

_ENDS: Final = (("out_node", "in_node"), ("in_node", "out_node"))
"""By way, the columns of the near and the far end."""

_ENDS_OF_EDGES: Final = "SELECT out_node, relation, in_node FROM graph_edge"
"""All that an index knows of edges: the rest of those that count is read afterwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeFilter:
    """Which edges are followed."""

    relations: Sequence[int] | None = None
    """Only these; None: all."""
    types: Sequence[str] = ()
    """Only those whose other end has one of these types or observable types; none: all."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many edges of a node are followed, or how many there are."""

    leaving: int = 0
    entering: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.leaving + other.leaving, self.entering + other.entering)

    @property
    def total(self) -> int:
        """Of both directions."""
        return self.leaving + self.entering

    def of(self, most: int) -> Share:
        """Return which of them are followed: half of them such as leave where there are enough of both."""
        leaving = min(self.leaving, max(most // 2, most - self.entering))
        return Share(leaving, min(self.entering, most - leaving))


class EdgesOfMany:
    """The edges of many nodes."""

    def __init__(self, connection: Connection, wanted: EdgeFilter) -> None:
        self._statements = Statements(connection)
        self._wanted = wanted

    def count(self, nodes: Sequence[int]) -> dict[int, Share]:
        """Return how many edges each node has."""
        ways: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for way, counts in enumerate(ways):
            near, _ = _ENDS[way]
            for some in chunks(nodes):
                condition, values = self._condition(way)
                sql = f"SELECT {near}, count(*) FROM graph_edge WHERE {near} {{}}{condition} GROUP BY {near}"  # noqa: S608
                counts.update((number, count) for number, count in self._rows(sql, [self._listed(some), *values]))
        leaving, entering = ways
        return {number: Share(leaving.get(number, 0), entering.get(number, 0)) for number in nodes}

    def all(self, nodes: Sequence[int], *, known: Collection[int] | None = None) -> Iterator[Row]:
        """Yield all edges of nodes, in both directions; only those to `known` nodes, if these are given."""
        for way in (0, 1):
            near, far = _ENDS[way]
            for some in chunks(nodes):
                condition, values = self._condition(way)
                where = f"{near} {{}}{condition}"
                parameters = [self._listed(some), *values]
                if known is None:
                    sql = f"{_select(way)} FROM graph_edge WHERE {where}"
                else:
                    # The sign keeps it out of the index: else each near node is tried with each that is known.
                    sql = _whole(way, f"{_ENDS_OF_EDGES} WHERE {where} AND +{far} {{}}")
                    parameters.append(self._listed(known))
                yield from read_rows(self._rows(sql, parameters))

    def first(self, number: int, share: Share, *, known: Collection[int] | None = None) -> Iterator[Row]:
        """Yield the first edges of a node; of these only those to `known` nodes, if these are given."""
        for way, most in enumerate((share.leaving, share.entering)):
            near, far = _ENDS[way]
            condition, values = self._condition(way)
            ends = f"{_ENDS_OF_EDGES} WHERE {near} = ?{condition} ORDER BY relation, {far} LIMIT ?"
            parameters = [number, *values, most]
            if known is not None:
                ends = f"SELECT * FROM ({ends}) AS first WHERE +{far} {{}}"  # noqa: S608
                parameters.append(self._listed(known))
            if most:
                sql = f"{_whole(way, ends)} ORDER BY relation, {far}"
                yield from read_rows(self._rows(sql, parameters))

    def _rows(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
        return self._statements.rows(self._statements.with_list(sql), parameters)

    def _listed(self, numbers: Iterable[int]) -> Any:
        return self._statements.listed(numbers)

    def _condition(self, way: int) -> tuple[str, list[Any]]:
        """Return further conditions of which edges are followed, and their parameters."""
        sql, values = "", []
        if self._wanted.relations is not None:
            sql += " AND relation {}"
            values.append(self._listed(self._wanted.relations))
        if self._wanted.types:
            marks = ",".join("?" * len(self._wanted.types))
            fits = f"type IN ({marks}) OR observable_type IN ({marks})"
            sql += f" AND EXISTS (SELECT 1 FROM graph_node WHERE id = {_ENDS[way][1]} AND ({fits}))"  # noqa: S608
            values += [*self._wanted.types, *self._wanted.types]
        return sql, values


def _select(way: int) -> str:
    near, far = _ENDS[way]
    return f"SELECT {near}, {way}, relation, {far}, count, first_seen, last_seen, confidence"


def _whole(way: int, ends: str) -> str:
    """Return the query for the edges of which another one tells the ends."""
    return f"{_select(way)} FROM ({ends}) AS ends JOIN graph_edge USING (out_node, relation, in_node)"
