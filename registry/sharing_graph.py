"""What the graph knows of an investigation, read from its database: who says what of which vertices.

An investigation says what its items say and nothing else: vertices and edges are folded anew from the mentions of the
items that are let go, by the same rules as the graph's own. So what another item says of the same thing, which may
not be shared, is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, select

from registry.graph_reading_decisions import PERSON
from registry.graph_reading_edges import relations_of
from registry.graph_reading_nodes import Clusters, chunks
from registry.graph_statements import Statements
from registry.graph_tables import decision
from vedette.errors import RefusedError
from vedette.graph.identity import vertex_id
from vedette.sharing.investigation import MAX_FACTS, Tlp
from vedette.sharing.markings import tlp_of_properties

MAX_MENTIONS: Final = 1_000_000
"""Mentions that are read at most, of vertices and of edges each."""

MAX_SAID: Final = 50
"""Of a vertex or an edge that is looked up, not one of an item, so many of its mentions are read: the latest."""

_ORIGIN: Final = "SELECT id, item, source, extractor, observed_at, confidence FROM graph_origin"
_NODE: Final = "SELECT id, uid, type, observable_type, name, merged_into FROM graph_node WHERE id {}"
_MENTION: Final = "SELECT origin, node, said FROM graph_mention WHERE"
_EDGE: Final = (
    "SELECT origin, out_node, relation, in_node, COALESCE(said, 0), COALESCE(certainty, 1.0)"
    " FROM graph_edge_mention WHERE"
)
_MARKED: Final = (
    "SELECT id, properties FROM graph_said WHERE id {} AND replace(lower(properties), 'tlp', '') <> lower(properties)"
)
_TOO_MANY: Final = f"means more than {MAX_FACTS} things of the graph; ask for them in parts, such as a day each"


class Origin(NamedTuple):
    """Where mentions come from."""

    id: int
    item: str
    source: str
    extractor: str
    observed_at: int
    confidence: float


class Node(NamedTuple):
    """A name of one type."""

    id: int
    uid: bytes
    type: str
    observable_type: str
    name: str
    vertex: int
    """The node that stands for its vertex."""

    @property
    def vertex_id(self) -> str:
        """Its own id as text."""
        return vertex_id(self.type, bytes(self.uid))


@dataclass(kw_only=True, slots=True)
class Sayings:
    """Who says what."""

    origins: dict[int, Origin] = field(default_factory=dict)
    """By number; those that were withdrawn are not there."""
    mentions: list[tuple[int, int, int]] = field(default_factory=list)
    """Origin, node and what is said, by their numbers; sorted."""
    said: dict[int, str] = field(default_factory=dict)
    """JSON of what is said, by number."""
    nodes: dict[int, Node] = field(default_factory=dict)
    """All that are mentioned, and those that stand for their vertices."""
    edges: list[tuple[int, int, int, int, int, float]] = field(default_factory=list)
    """Origin, node that it leaves, relation, node that it enters, what is said of it (0: nothing), and how sure the
    origin is of it (0 to 1); sorted."""
    marked: dict[int, Tlp] = field(default_factory=dict)
    """How what is said of edges is marked, by number, where it is."""
    derived: list[tuple[int, int, int]] = field(default_factory=list)
    """Edges that nobody states because they follow: an address lies in a range."""
    relations: dict[int, str] = field(default_factory=dict)
    decided: frozenset[int] = frozenset()
    """Nodes of which a person said that they are, or are not, something else."""


def said_by_items(connection: Connection, items: Sequence[str]) -> Sayings:
    """Return what items say.

    Raises:
        RefusedError: it is too much.
    """
    statements, sayings = Statements(connection), Sayings()
    sql = f"{_ORIGIN} WHERE withdrawn_at IS NULL AND item IN ({{}}) ORDER BY id"
    sayings.origins = {row[0]: Origin(*row) for row in statements.among(sql, sorted(items))}
    for sql, found in ((f"{_MENTION} origin {{}}", sayings.mentions), (f"{_EDGE} origin {{}}", sayings.edges)):
        rows: list[Any] = found
        for some in chunks(sayings.origins):
            # A first look: to read all that a catalogue says would take longer than to refuse it.
            limited = statements.with_list(f"{sql} LIMIT {MAX_MENTIONS + 1 - len(rows)}")
            rows += [tuple(row) for row in statements.rows(limited, [statements.listed(some)])]
            if len(rows) > MAX_MENTIONS:
                raise RefusedError("select", _TOO_MANY)
    return _complete(connection, sayings)


def said_of(connection: Connection, vertices: Iterable[int]) -> Sayings:
    """Return what is said of vertices, and of the edges between them: of each the latest mentions.

    Raises:
        RefusedError: it is too much.
    """
    statements, sayings, clusters = Statements(connection), Sayings(), Clusters(connection)
    nodes = sorted(number for numbers in clusters.members(vertices).values() for number in numbers)
    _read_mentions(statements, sayings, nodes)
    _read_edges(statements, sayings, nodes)
    numbers = {row[0] for row in sayings.mentions} | {row[0] for row in sayings.edges}
    for some in chunks(sorted(numbers)):
        sql = statements.with_list(f"{_ORIGIN} WHERE id {{}} AND withdrawn_at IS NULL")
        sayings.origins |= {row[0]: Origin(*row) for row in statements.rows(sql, [statements.listed(some)])}
    sayings.mentions = [row for row in sayings.mentions if row[0] in sayings.origins]
    sayings.edges = [row for row in sayings.edges if row[0] in sayings.origins]
    return _complete(connection, sayings)


def _read_mentions(statements: Statements, sayings: Sayings, nodes: Sequence[int]) -> None:
    few: list[int] = []
    for some in chunks(nodes):
        sql = statements.with_list("SELECT id, mentions FROM graph_node WHERE id {}")
        for number, count in statements.rows(sql, [statements.listed(some)]):
            if count <= MAX_SAID:
                few.append(number)
            else:
                latest = f"{_MENTION} node = ? ORDER BY origin DESC, number LIMIT {MAX_SAID}"
                sayings.mentions += [tuple(row) for row in statements.rows(latest, [number])]
    for some in chunks(few):
        sql = statements.with_list(f"{_MENTION} node {{}}")
        sayings.mentions += [tuple(row) for row in statements.rows(sql, [statements.listed(some)])]


def _read_edges(statements: Statements, sayings: Sayings, nodes: Sequence[int]) -> None:
    known, few = set(nodes), list[tuple[int, int, int]]()
    for some in chunks(nodes):
        sql = statements.with_list("SELECT out_node, in_node, relation, count FROM graph_edge WHERE out_node {}")
        for out, into, relation, count in statements.rows(sql, [statements.listed(some)]):
            if into not in known:
                continue
            if count <= MAX_SAID:
                few.append((out, into, relation))
            else:
                latest = (
                    f"{_EDGE} out_node = ? AND in_node = ? AND relation = ?"
                    f" ORDER BY origin DESC, number LIMIT {MAX_SAID}"
                )
                sayings.edges += [tuple(row) for row in statements.rows(latest, [out, into, relation])]
    sql = (
        "WITH wanted (out_node, in_node, relation) AS ({})"
        " SELECT m.origin, m.out_node, m.relation, m.in_node, COALESCE(m.said, 0), COALESCE(m.certainty, 1.0)"
        " FROM wanted JOIN graph_edge_mention m"
        " ON m.out_node = wanted.out_node AND m.in_node = wanted.in_node AND m.relation = wanted.relation"
    )
    sayings.edges += [tuple(row) for row in statements.pairs_among(sql, few)]


def _complete(connection: Connection, sayings: Sayings) -> Sayings:
    """Read what the mentions refer to."""
    statements = Statements(connection)
    sayings.mentions.sort()
    sayings.edges.sort()
    numbers = sorted({row[1] for row in sayings.mentions})
    if len(numbers) > MAX_FACTS:
        raise RefusedError("select", _TOO_MANY)
    _read_nodes(statements, sayings, numbers)
    _read_nodes(statements, sayings, {one.vertex for one in sayings.nodes.values()} - sayings.nodes.keys())
    for some in chunks(sorted({row[2] for row in sayings.mentions})):
        sql = statements.with_list("SELECT id, properties FROM graph_said WHERE id {}")
        sayings.said |= {number: text for number, text in statements.rows(sql, [statements.listed(some)])}
    for some in chunks(sorted({row[4] for row in sayings.edges} - {0})):
        for number, text in statements.rows(statements.with_list(_MARKED), [statements.listed(some)]):
            if (tlp := tlp_of_properties(orjson.loads(text))) is not None:
                sayings.marked[number] = tlp
    for some in chunks(numbers):
        sql = statements.with_list(
            "SELECT out_node, relation, in_node FROM graph_edge WHERE out_node {} AND derived = 1 AND count = 0"
        )
        found = statements.rows(sql, [statements.listed(some)])
        sayings.derived += [tuple(row) for row in found if row[2] in sayings.nodes]
    sayings.derived.sort()
    sayings.relations = relations_of(connection)
    sayings.decided = _decided(connection)
    return sayings


def _read_nodes(statements: Statements, sayings: Sayings, numbers: Iterable[int]) -> None:
    for some in chunks(sorted(numbers)):
        for row in statements.rows(statements.with_list(_NODE), [statements.listed(some)]):
            vertex = row.id if row.merged_into is None else row.merged_into
            sayings.nodes[row.id] = Node._make((*row[:5], vertex))


def _decided(connection: Connection) -> frozenset[int]:
    query = select(decision.c.first_node, decision.c.second_node)
    query = query.where(decision.c.rule == PERSON, decision.c.state != "withdrawn")
    return frozenset(number for row in connection.execute(query) for number in row)
