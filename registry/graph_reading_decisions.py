"""What was decided about pairs of nodes, read from the store: what waits for a person, and why two are one or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, or_, select

from registry.graph_reading_nodes import Clusters, chunks, id_of
from registry.graph_tables import decision, node
from vedette.graph.identity import parse_vertex_id
from vedette.graph.port import Decision, Explanation, UnknownVertexError

MAX_DECISIONS: Final = 500
"""Decisions in one explanation."""

PERSON: Final = "person"
"""The rule of a decision that a person made; it counts more than all others."""

_COUNTS: Final = ("same", "different")


def node_of(connection: Connection, id: str) -> Any:
    """Return the row of the node that an id names: itself, not the vertex that it is part of.

    Raises:
        UnknownVertexError: there is none.
    """
    uid = parse_vertex_id(id)
    query = select(node.c.id, node.c.merged_into, node.c.uid, node.c.type, node.c.observable_type, node.c.name)
    row = None
    if uid is not None:
        row = connection.execute(query.where(node.c.uid == uid, node.c.mentions > 0)).first()
    if row is None:
        raise UnknownVertexError(f"{id[:200]}: there is no such vertex")
    return row


def read_reviews(connection: Connection, *, limit: int, offset: int) -> tuple[Decision, ...]:
    """Return the pairs that wait for a person, most alike first."""
    later = decision.alias("later")
    decided = exists().where(
        later.c.first_node == decision.c.first_node,
        later.c.second_node == decision.c.second_node,
        later.c.state.in_(_COUNTS),
    )
    query = select(decision).where(decision.c.state == "review", ~decided)
    query = query.order_by(decision.c.score.desc(), decision.c.id).limit(limit).offset(offset)
    return _decisions(connection, connection.execute(query).all())


def explain(connection: Connection, first: str, second: str) -> Explanation:
    """Return why two nodes are one vertex, or are not.

    Raises:
        UnknownVertexError: there is no such node.
    """
    one, other = node_of(connection, first), node_of(connection, second)
    clusters = Clusters(connection)
    vertices = [clusters.vertex_of(row.id) for row in (one, other)]
    members = clusters.members(vertices)
    if one.id == other.id:
        return Explanation(same=True, decisions=(), reasons=("they are one and the same name",))
    if vertices[0] == vertices[1]:
        rows = _chain(_between(connection, members[vertices[0]], members[vertices[0]]), one.id, other.id)
        decisions = _decisions(connection, rows)
        return Explanation(same=True, decisions=decisions, reasons=tuple(map(in_words, decisions)))
    rows = _between(connection, members[vertices[0]], members[vertices[1]])
    # What was said of this very pair first, and by persons.
    own = {one.id, other.id}
    rows.sort(key=lambda row: ({row.first_node, row.second_node} != own, row.rule != PERSON, -row.id))
    decisions = _decisions(connection, rows[:MAX_DECISIONS])
    return Explanation(same=False, decisions=decisions, reasons=_why_not(one, other, decisions))


def in_words(one: Decision) -> str:
    """Return a decision as a line for a person."""
    who = f"{one.who}" if one.rule == PERSON else f"the rule {one.rule} ({one.who})"
    verb = {
        "same": "says that they are the same",
        "different": "says that they are not the same",
        "review": "asks a person whether they are the same",
        "withdrawn": "said something that was withdrawn",
    }[one.state]
    why = f": {one.why}" if one.why else ""
    return f"{who} {verb}, {one.score:.2f} alike{why} ({one.first} and {one.second})"


def _why_not(one: Any, other: Any, decisions: Sequence[Decision]) -> tuple[str, ...]:
    reasons = [in_words(decision) for decision in decisions]
    if (one.type, one.observable_type) != (other.type, other.observable_type):
        kinds = ["/".join(part for part in (row.type, row.observable_type) if part) for row in (one, other)]
        reasons.append(f"they are of different types ({kinds[0]} and {kinds[1]}), and only a person merges such")
    if not decisions:
        reasons.append("nothing says that they are the same: no alias, no common key, no names that are alike enough")
    return tuple(reasons)


def _between(connection: Connection, first: Sequence[int], second: Sequence[int]) -> list[Any]:
    """Return the decisions about a node of one and a node of the other."""
    found: dict[int, Any] = {}
    for some in chunks(first):
        for others in chunks(second):
            a, b = decision.c.first_node, decision.c.second_node
            pairs = or_(and_(a.in_(some), b.in_(others)), and_(a.in_(others), b.in_(some)))
            found |= {
                row.id: row for row in connection.execute(select(decision).where(pairs).order_by(decision.c.id))
            }
    return list(found.values())


def _chain(rows: Iterable[Any], start: int, goal: int) -> list[Any]:
    """Return the shortest chain of decisions that says that two nodes are the same."""
    links: dict[int, list[tuple[int, Any]]] = {}
    for row in counting(rows):
        links.setdefault(row.first_node, []).append((row.second_node, row))
        links.setdefault(row.second_node, []).append((row.first_node, row))
    ways: dict[int, list[Any]] = {start: []}
    waiting = deque([start])
    while waiting and goal not in ways:
        here = waiting.popleft()
        for there, row in links.get(here, ()):
            if there not in ways:
                ways[there] = [*ways[here], row]
                waiting.append(there)
    return ways.get(goal, [])


def counting(rows: Iterable[Any]) -> list[Any]:
    """Return of each pair by which decision it is the same, if it is: a person's newest counts more than rules."""
    pairs: dict[tuple[int, int], list[Any]] = {}
    for row in rows:
        if row.state in _COUNTS:
            pairs.setdefault((row.first_node, row.second_node), []).append(row)
    found = []
    for decided in pairs.values():
        persons = [row for row in decided if row.rule == PERSON]
        best = max(persons, key=lambda row: row.id) if persons else None
        rules = [row for row in decided if row.state == "same"]
        chosen = best or (max(rules, key=lambda row: row.score) if rules else None)
        if chosen is not None and chosen.state == "same":
            found.append(chosen)
    return found


def _decisions(connection: Connection, rows: Sequence[Any]) -> tuple[Decision, ...]:
    ids: dict[int, str] = {}
    for some in chunks({number for row in rows for number in (row.first_node, row.second_node)}):
        query = select(node.c.id, node.c.uid, node.c.type).where(node.c.id.in_(some))
        ids |= {row.id: id_of(row) for row in connection.execute(query)}
    return tuple(
        Decision(
            id=row.id,
            first=ids.get(row.first_node, ""),
            second=ids.get(row.second_node, ""),
            rule=row.rule,
            state=row.state,
            score=row.score,
            who=row.who,
            why=row.why,
            at=row.at,
        )
        for row in rows
    )
