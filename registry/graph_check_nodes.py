"""Checking nodes: whether each is what its mentions say, with its texts, claims and ranges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from registry.graph_claims import Claim, claims_of
from registry.graph_nodes import Gathered, address_of
from registry.graph_ranges import CONTAINED_WITHIN, holders, prefixes, range_of
from registry.graph_session import Session
from registry.graph_withdrawing import gathered_anew
from registry.graph_words import forget_words, write_words
from vedette.evidence.finding import Finding
from vedette.graph.drafted import Node
from vedette.graph.identity import vertex_id

Found = tuple[list[Finding], int, int | None]
"""What is wrong, how many were looked at, and after which node to go on; None: those were the last."""

_NODES: Final = (
    "SELECT id, uid, type, observable_type, canonical, name, mentions, first_seen, last_seen, address, properties,"
    " text FROM graph_node LEFT JOIN graph_text ON node = id WHERE id > ? ORDER BY id LIMIT ?"
)
_CLAIMS: Final = "SELECT node, rule, text FROM graph_claim WHERE node IN ({})"
_PREFIXES: Final = "SELECT node, length, network FROM graph_prefix WHERE node IN ({})"
_SET: Final = (
    "UPDATE graph_node SET name = ?, mentions = ?, first_seen = ?, last_seen = ?, properties = ?, address = ?,"
    " changed_at = ? WHERE id = ?"
)
_CLAIM: Final = "INSERT INTO graph_claim (text, kind, rule, node) VALUES (?, ?, ?, ?)"
_PREFIX: Final = "INSERT INTO graph_prefix (length, network, node) VALUES (?, ?, ?)"
_DERIVED: Final = "SELECT out_node, in_node FROM graph_edge WHERE derived = 1 AND out_node IN ({})"
_ADDRESSES: Final = (
    "SELECT id, uid, type, mentions, address FROM graph_node WHERE address IS NOT NULL AND id > ? ORDER BY id LIMIT ?"
)
_DERIVE: Final = (
    "INSERT INTO graph_edge (out_node, relation, in_node, count, first_seen, last_seen, confidence, derived)"
    " VALUES (?, ?, ?, 0, 0, 0, 1.0, 1) ON CONFLICT (out_node, relation, in_node) DO UPDATE SET derived = 1"
)
_NO_MORE: Final = "UPDATE graph_edge SET derived = 0 WHERE out_node = ? AND relation = ? AND in_node = ?"
_GONE: Final = (
    "DELETE FROM graph_edge WHERE out_node = ? AND relation = ? AND in_node = ? AND count = 0 AND derived = 0"
)


def check_nodes(session: Session, after: int, *, limit: int, mend: bool) -> Found:
    """Check the next nodes, and mend them where that is wanted."""
    rows = {row.id: row for row in session.statements.rows(_NODES, (after, limit))}
    found = gathered_anew(session, rows)
    claims: defaultdict[int, set[Claim]] = defaultdict(set)
    for row in session.statements.among(_CLAIMS, sorted(rows)):
        claims[row.node].add((row.rule, row.text))
    ranges: defaultdict[int, set[tuple[int, bytes]]] = defaultdict(set)
    for row in session.statements.among(_PREFIXES, sorted(rows)):
        ranges[row.node].add((row.length, bytes(row.network)))
    findings = []
    for id, row in rows.items():
        wrong = _differences(session, row, found.get(id), claims[id], ranges[id])
        if wrong:
            place = vertex_id(row.type, bytes(row.uid))
            findings.append(Finding(kind="name", place=place, text=f"not as its mentions say: {', '.join(wrong)}"))
            if mend:
                _mend(session, row, found.get(id))
    last = max(rows, default=0)
    return findings, len(rows), last if len(rows) == limit else None


def _expected(row: Any, found: Gathered | None) -> dict[str, Any]:
    """Return the columns of a node as its mentions say; of one without mentions the name stays."""
    if found is None:
        return {"name": row.name, "mentions": 0, "first_seen": 0, "last_seen": 0, "properties": "{}", "text": None}
    return {
        "name": found.folded.name,
        "mentions": found.count,
        "first_seen": found.first,
        "last_seen": found.last,
        "properties": found.folded.json,
        "text": found.folded.words,
    }


def _node(session: Session, row: Any) -> Node:
    return Node(bytes(row.uid), session.kind(row), row.canonical)


def _differences(
    session: Session,
    row: Any,
    found: Gathered | None,
    claims: set[Claim],
    ranges: set[tuple[int, bytes]],
) -> list[str]:
    expected, node = _expected(row, found), _node(session, row)
    wrong = [name for name, value in expected.items() if getattr(row, name) != value]
    if claims != _claims(node, found):
        wrong.append("claims")
    if ranges != _ranges(node, found):
        wrong.append("ranges")
    if (None if row.address is None else bytes(row.address)) != address_of(node):
        wrong.append("address")
    return wrong


def _claims(node: Node, found: Gathered | None) -> frozenset[Claim]:
    return frozenset() if found is None else claims_of(node.kind, node.canonical, found.folded.state)


def _ranges(node: Node, found: Gathered | None) -> set[tuple[int, bytes]]:
    held = None if found is None else range_of(node)
    return set() if held is None else set(prefixes(held))


def _mend(session: Session, row: Any, found: Gathered | None) -> None:
    statements, node, id = session.statements, _node(session, row), row.id
    values = _expected(row, found)
    text = values.pop("text")
    statements.run(_SET, (*values.values(), address_of(node), session.changed_at(), id))
    if row.text is not None:
        forget_words(statements, [id])
    if text is not None:
        write_words(statements, {id: text}, new=True)
    statements.run("DELETE FROM graph_claim WHERE node = ?", (id,))
    claims = sorted(_claims(node, found))
    statements.many(_CLAIM, [(claim, node.kind.key, rule, id) for rule, claim in claims])
    statements.run("DELETE FROM graph_prefix WHERE node = ?", (id,))
    statements.many(_PREFIX, [(*one, id) for one in sorted(_ranges(node, found))])
    if node.kind.may_merge:
        session.touched.add(id)


def check_ranges(session: Session, after: int, *, limit: int, mend: bool) -> Found:
    """Check of the next addresses which ranges they lie in."""
    rows = {row.id: row for row in session.statements.rows(_ADDRESSES, (after, limit))}
    live = [(id, bytes(row.address)) for id, row in rows.items() if row.mentions > 0]
    expected = set(holders(session, live))
    there = {(row.out_node, row.in_node) for row in session.statements.among(_DERIVED, sorted(rows))}
    findings = _range_findings(rows, expected, there)
    if mend and findings:
        relation = session.relation(CONTAINED_WITHIN)
        session.statements.many(_DERIVE, [(out, relation, into) for out, into in sorted(expected - there)])
        extra = [(out, relation, into) for out, into in sorted(there - expected)]
        session.statements.many(_NO_MORE, extra)
        session.statements.many(_GONE, extra)
    last = max(rows, default=0)
    return findings, len(rows), last if len(rows) == limit else None


def _range_findings(
    rows: Mapping[int, Any], expected: set[tuple[int, int]], there: set[tuple[int, int]]
) -> list[Finding]:
    wrong: defaultdict[int, list[str]] = defaultdict(list)
    for pairs, text in ((expected - there, "are missing"), (there - expected, "it does not lie in")):
        for id in {out for out, _ in pairs}:
            count = sum(1 for out, _ in pairs if out == id)
            wrong[id].append(f"{count} ranges {text}")
    return [
        Finding(kind="range", place=vertex_id(rows[id].type, bytes(rows[id].uid)), text="; ".join(texts))
        for id, texts in sorted(wrong.items())
    ]
