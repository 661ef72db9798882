"""Which nodes are one vertex: follows from the decisions about pairs, and is written where it changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from registry.graph_session import Session
from registry.graph_verdicts import PERSON, about
from vedette.graph.canonical import is_telling
from vedette.graph.decisions import Pair, group

_BY_PERSON: Final = 2.0
"""Goes before every score of a rule."""

_MATES: Final = (
    "SELECT id, merged_into FROM graph_node WHERE id IN ({})",
    "SELECT id, merged_into FROM graph_node WHERE merged_into IS NOT NULL AND merged_into IN ({})",
)
_NODES: Final = (
    "SELECT id, uid, type, observable_type, canonical, merged_into, mentions FROM graph_node WHERE id IN ({})"
)


def regroup(session: Session, nodes: Collection[int]) -> None:
    """Make vertices anew of nodes, and of all that are or were connected with them."""
    changes = [(stands, session.changed_at(), id) for id, stands in regrouped(session, nodes).items()]
    session.statements.many("UPDATE graph_node SET merged_into = ?, changed_at = ? WHERE id = ?", changes)


def regrouped(session: Session, nodes: Collection[int]) -> dict[int, int | None]:
    """Return what stands for nodes, and for all that are or were connected with them, where it is something else."""
    same, apart, reached = _surroundings(session, set(nodes))
    rows = {row.id: row for row in session.statements.among(_NODES, sorted(reached))}
    order = {id: _order(session, row) for id, row in rows.items() if row.mentions > 0}
    grouped = group(order, ((score, pair) for pair, score in same.items() if order.keys() >= set(pair)), apart)
    stand = {id: grouped.get(id, id) for id in sorted(rows)}
    return {
        id: None if stands == id else stands for id, stands in stand.items() if (rows[id].merged_into or id) != stands
    }


def _order(session: Session, row: Any) -> bytes:
    """Return what orders a node: those with a name that tells something first, and then by uid."""
    return bytes([not is_telling(session.kind(row).form, row.canonical)]) + bytes(row.uid)


def _surroundings(session: Session, nodes: set[int]) -> tuple[dict[Pair, float], set[Pair], set[int]]:
    """Return which pairs are the same, with scores, which a person told apart, and all nodes that are connected."""
    same: dict[Pair, float] = {}
    apart: set[Pair] = set()
    reached, next_nodes = set(nodes), set(nodes)
    while next_nodes:
        found_same, found_apart = _effective(about(session, next_nodes))
        same |= found_same
        apart |= found_apart
        found = {node for pair in found_same for node in pair} | _mates(session, next_nodes)
        next_nodes = found - reached
        reached |= next_nodes
    return same, apart, reached


def _effective(rows: Iterable[Any]) -> tuple[dict[Pair, float], set[Pair]]:
    """Return which pairs are the same and which are not, when what people say goes before what rules say."""
    same: dict[Pair, float] = {}
    people: dict[Pair, str] = {}
    for row in rows:
        pair = (row.first_node, row.second_node)
        if row.rule == PERSON and row.state != "withdrawn":
            people[pair] = row.state
        elif row.state == "same":
            same[pair] = max(row.score, same.get(pair, 0.0))
    apart = {pair for pair, state in people.items() if state == "different"}
    same |= {pair: _BY_PERSON for pair, state in people.items() if state == "same"}
    return {pair: score for pair, score in same.items() if pair not in apart}, apart


def _mates(session: Session, nodes: Collection[int]) -> set[int]:
    """Return what is one vertex with the nodes now."""
    found: set[int] = set()
    for query in _MATES:
        for row in session.statements.among(query, sorted(nodes)):
            found.add(row.id)
            if row.merged_into is not None:
                found.add(row.merged_into)
    return found
