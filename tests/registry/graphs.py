"""Subgraphs in few words, and what a graph says in a form that two graphs can be compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from registry.database import Database
from registry.graph_aligning import align
from registry.graph_check import check_all
from registry.graph_drafts import draft
from registry.graph_merging import merge
from registry.graph_origins import withdraw_origins
from registry.graph_session import Session
from registry.graph_withdrawing import take_out
from vedette.extraction.subgraph import Edge, Position, Subgraph, Value, Vertex
from vedette.graph.identity import vertex_id, vertex_uid
from vedette.graph.ontology import Ontology, ontology
from vedette.graph.port import Merged, Origin, Said

T = TypeVar("T")

AT = 1_795_305_600_000_000


def vertex(type: str, name: str, **properties: Value) -> Vertex:
    """A vertex whose id is its name; `type` may be `Observable/Port`."""
    kind, _, observable_type = type.partition("/")
    own: dict[str, Value] = {"observableType": observable_type} if observable_type else {}
    said = {"vertexType": kind, "name": name, **own, **properties}
    return Vertex(id=f"{type} {name}", properties=said, position=Position(f"row {name}"))


def origin(
    item: str, *, at: int = AT, version: str = "1", source: str = "in.structured.a", sure: float = 1.0
) -> Origin:
    """Where an item comes from."""
    return Origin(
        item=item,
        sha256="ab" * 32,
        source=source,
        agent="collector@localhost",
        extractor="test",
        version=version,
        observed_at=at,
        confidence=sure,
    )


def said(
    item: str | Origin, vertices: Iterable[Vertex], edges: Iterable[tuple[Vertex, str, Vertex]] = (), **of_origin: Any
) -> Said:
    """What an item says; edges are out-vertex, relation, in-vertex."""
    return Said(
        origin=item if isinstance(item, Origin) else origin(item, **of_origin),
        subgraph=Subgraph(
            vertices={one.id: one for one in vertices},
            edges=tuple(
                Edge(out_id=out.id, in_id=into.id, relation=relation, position=Position(f"row {number}"))
                for number, (out, relation, into) in enumerate(edges)
            ),
        ),
    )


def id_of(type: str, name: str) -> str:
    """The public id of a vertex."""
    kind, _, observable_type = type.partition("/")
    resolved = ontology().resolve(kind, observable_type)
    canonical = ontology().canonical(kind, observable_type, name)
    return vertex_id(resolved.type, vertex_uid(resolved.type, resolved.observable_type, canonical))


_NODES = """
SELECT n.uid, n.type, n.observable_type, n.canonical, n.name, n.mentions, n.first_seen, n.last_seen, n.properties,
       r.uid AS stands, t.text FROM graph_node n LEFT JOIN graph_node r ON r.id = n.merged_into
       LEFT JOIN graph_text t ON t.node = n.id WHERE n.mentions > 0
"""
_EDGES = """
SELECT a.uid AS one, r.name, b.uid AS two, e.count, e.first_seen, e.last_seen, e.confidence, e.derived
FROM graph_edge e JOIN graph_node a ON a.id = e.out_node JOIN graph_node b ON b.id = e.in_node
JOIN graph_relation r ON r.id = e.relation
"""
_DECISIONS = """
SELECT a.uid AS one, b.uid AS two, d.rule, d.state, d.score, d.why FROM graph_decision d
JOIN graph_node a ON a.id = d.first_node JOIN graph_node b ON b.id = d.second_node WHERE d.state <> 'withdrawn'
"""
_CLAIMS = "SELECT n.uid, c.text, c.kind, c.rule FROM graph_claim c JOIN graph_node n ON n.id = c.node"
_PREFIXES = "SELECT n.uid, p.length, p.network FROM graph_prefix p JOIN graph_node n ON n.id = p.node"
_BLOCKS = "SELECT n.uid, b.block FROM graph_block b JOIN graph_node n ON n.id = b.node"
_WORDS = "SELECT n.uid, t.text FROM graph_text t JOIN graph_node n ON n.id = t.node"


def snapshot(connection: Connection) -> dict[str, list[Any]]:
    """What a graph says now: without the numbers of its rows, and without when it learned of what."""
    queries = {
        "nodes": _NODES,
        "edges": _EDGES,
        "claims": _CLAIMS,
        "prefixes": _PREFIXES,
        "blocks": _BLOCKS,
        "words": _WORDS,
    }
    found = {name: sorted(map(_plain, connection.execute(text(query))), key=repr) for name, query in queries.items()}
    decisions = [_plain(row) for row in connection.execute(text(_DECISIONS))]
    found["decisions"] = sorted(((*sorted(row[:2]), *row[2:]) for row in decisions), key=repr)
    if connection.dialect.name == "sqlite":
        # Raises where the index and the texts differ.
        connection.execute(text("INSERT INTO graph_search (graph_search, rank) VALUES ('integrity-check', 1)"))
    return found


def _plain(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(bytes(value).hex() if isinstance(value, bytes | memoryview) else value for value in row)


def members(connection: Connection) -> set[frozenset[str]]:
    """The vertices that are made of several nodes, as the names of those."""
    query = "SELECT name, coalesce(merged_into, id) AS stands FROM graph_node WHERE mentions > 0"
    groups: dict[int, set[str]] = {}
    for row in connection.execute(text(query)):
        groups.setdefault(row.stands, set()).add(row.name)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def rows(database: Database, query: str) -> list[Any]:
    """What a query finds."""
    return [tuple(row) for row in database.read_sync(lambda connection: connection.execute(text(query)).all())]


def now(database: Database) -> dict[str, list[Any]]:
    """What a graph says now."""
    return database.write_sync(snapshot)


def together(database: Database) -> set[frozenset[str]]:
    """Its vertices that are made of several nodes."""
    return database.read_sync(members)


class Attempt:
    """Writes a graph within a transaction that is undone: hundreds of small graphs a second."""

    def __init__(self, connection: Connection, rules: Ontology) -> None:
        self.connection = connection
        self._rules = rules
        self._at = AT

    def session(self) -> Session:
        """A session, later than those before."""
        self._at += 1000
        return Session(self.connection, ontology=self._rules, at=self._at)

    def merge(self, *all_said: Said) -> Merged:
        """Merge subgraphs."""
        return merge(self.session(), [draft(one, self._rules) for one in all_said])

    def withdraw(self, item: str) -> None:
        """Take back what an item said."""
        session = self.session()
        rows = session.statements.rows("SELECT id FROM graph_origin WHERE item = ?", (item,))
        withdraw_origins(session, [row.id for row in rows], who="test", why="test")
        take_out(session, [row.id for row in rows])
        align(session)

    def snapshot(self) -> dict[str, list[Any]]:
        """What the graph says now."""
        return snapshot(self.connection)


class _UndoneError(Exception):
    """Carries a result out of a transaction that is undone."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def attempt(database: Database, work: Callable[[Attempt], T], *, rules: Ontology | None = None) -> T:
    """Return what work returns on an empty graph, which must be sound then and is empty again afterwards."""

    def undone(connection: Connection) -> None:
        tried = Attempt(connection, rules or ontology())
        result = work(tried)
        assert check_all(tried.session()) == []
        raise _UndoneError(result)

    try:
        database.write_sync(undone)
    except _UndoneError as error:
        result: T = error.result
        return result
    raise AssertionError
