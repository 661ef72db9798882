"""Deciding which nodes are the same, after some appeared, vanished or became known under other names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from registry.graph_clusters import regroup
from registry.graph_names import judge_alike
from registry.graph_session import Session
from registry.graph_verdicts import Verdicts
from vedette.graph.canonical import is_id
from vedette.graph.decisions import Known, judge
from vedette.graph.identity import vertex_uid
from vedette.graph.likeness import VERSION
from vedette.graph.ontology import ResolvedKind

WHO: Final = f"rules {VERSION}"
"""Who decides where no person does."""

_CLAIMS: Final = "SELECT text, kind, rule FROM graph_claim WHERE node IN ({})"
_CLAIMING: Final = (
    "WITH wanted (words, of_kind, by_rule) AS ({}) SELECT text, kind, rule, node FROM wanted"
    " JOIN graph_claim ON text = words AND kind = of_kind AND rule = by_rule"
)
_NODES: Final = "SELECT id, type, observable_type, canonical FROM graph_node WHERE id IN ({})"
_HOLDING: Final = "SELECT id, uid FROM graph_node WHERE mentions > 0 AND uid IN ({})"

Key = tuple[str, str, str]
"""Text, kind and rule of a claim."""


def align(session: Session) -> int:
    """Decide about the nodes that the session touched; return how many pairs more wait for a person."""
    if not session.touched:
        return 0
    verdicts = Verdicts(session, who=WHO)
    _judge_claims(session, verdicts)
    judge_alike(session, verdicts)
    regroup(session, session.touched | verdicts.nodes)
    return max(verdicts.reviews_added, 0)


def _judge_claims(session: Session, verdicts: Verdicts) -> None:
    """Judge anew all pairs of whoever has to do with a name or value that a touched node has, or had, to do with."""
    near = _known(session, _keys(session, session.touched) | session.released)
    around = {node for known in near for node in _nodes(known)} | session.touched
    known = _known(session, _keys(session, around) | session.released)
    nodes = {node for entry in known for node in _nodes(entry)}
    by_id = [row.id for row in session.statements.among(_NODES, sorted(nodes)) if is_id(row.canonical)]
    found = judge(known, session.uids(nodes), by_id=by_id)
    mine = {key: verdict for key, verdict in found.items() if around & set(key[0])}
    verdicts.replace(mine, rules=("alias", "key"), around=around)


def _keys(session: Session, nodes: Collection[int]) -> set[Key]:
    """Return what nodes claim, and their own names, which others may claim; only what can make two the same."""
    ids = sorted(nodes)
    claims = {(row.text, row.kind, row.rule) for row in session.statements.among(_CLAIMS, ids)}
    rows = [(row.canonical, session.kind(row)) for row in session.statements.among(_NODES, ids)]
    names = {(canonical, kind.key, "alias") for canonical, kind in rows if kind.kind.alias}
    return names | {key for key in claims if key[2] == "key" or _kind(session, key).kind.alias}


def _kind(session: Session, key: Key) -> ResolvedKind:
    type, _, observable_type = key[1].partition("/")
    return session.ontology.resolve(type, observable_type)


def _known(session: Session, keys: Collection[Key]) -> list[Known]:
    claiming: defaultdict[Key, set[int]] = defaultdict(set)
    for row in session.statements.pairs_among(_CLAIMING, sorted(keys)):
        claiming[row.text, row.kind, row.rule].add(row.node)
    uids = {key: _uid(session, key) for key in keys if key[2] == "alias"}
    holders = {bytes(row.uid): row.id for row in session.statements.among(_HOLDING, sorted(set(uids.values())))}
    return [
        Known(
            text=key[0],
            rule="key" if key[2] == "key" else "alias",
            holder=holders.get(uids.get(key, b"")),
            claiming=frozenset(claiming[key]),
        )
        for key in sorted(keys)
    ]


def _uid(session: Session, key: Key) -> bytes:
    kind = _kind(session, key)
    return vertex_uid(kind.type, kind.observable_type, key[0])


def _nodes(known: Known) -> set[int]:
    return set(known.claiming) | ({known.holder} if known.holder is not None else set())
