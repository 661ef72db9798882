"""Which names are alike: found through blocks, scored, and judged together with those around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from registry.graph_session import Session
from registry.graph_verdicts import Verdicts, about
from vedette.graph.decisions import Pair, Verdict, judge_names, pair
from vedette.graph.likeness import THRESHOLDS, blocks, likeness
from vedette.log import logger

RULE: Final = "name"
"""Name of the rule."""

MOST_SHARING: Final = 200
"""Nodes of one block that a name is compared with; a block with more holds names made by a machine."""

_NODES = "SELECT id, type, observable_type, canonical, mentions FROM graph_node WHERE id IN ({})"
_SHARING = "SELECT block, node FROM graph_block WHERE block IN ({})"


def judge_alike(session: Session, verdicts: Verdicts) -> None:
    """Judge the names of the nodes that the session touched, and of those around them."""
    touched = {
        row.id: row for row in session.statements.among(_NODES, sorted(session.touched)) if _group(session, row)
    }
    if not touched:
        return
    mine = {id: blocks(session.kind(row).key, _group(session, row), row.canonical) for id, row in touched.items()}
    _write_blocks(session, touched, mine)
    live = {id: row for id, row in touched.items() if row.mentions > 0}
    fresh = _scores(session, live, mine)
    held, withdrawn = _held(session, touched)
    fresh = {nodes: score for nodes, score in fresh.items() if nodes not in withdrawn}
    # Only of these is what they are alike another than before.
    around = set(touched) | _ends(fresh) | _ends(held)
    wanted = _untouched(_held(session, around)[0], touched) | fresh
    scores = _untouched(_held(session, _ends(wanted))[0], touched) | fresh
    verdicts.replace(_judge(session, scores, wanted), rules=(RULE,), around=around)


def _group(session: Session, row: Any) -> str:
    return session.kind(row).kind.alike


def _write_blocks(session: Session, touched: Mapping[int, Any], mine: Mapping[int, Collection[int]]) -> None:
    live = [(block, id) for id, row in touched.items() if row.mentions > 0 for block in mine[id]]
    gone = [(block, id) for id, row in touched.items() if row.mentions == 0 for block in mine[id]]
    session.statements.many("DELETE FROM graph_block WHERE block = ? AND node = ?", gone)
    session.statements.many("INSERT INTO graph_block (block, node) VALUES (?, ?) ON CONFLICT DO NOTHING", live)


def _scores(session: Session, live: Mapping[int, Any], mine: Mapping[int, Collection[int]]) -> dict[Pair, float]:
    """Return how alike names are that share a block, as far as anybody has to know."""
    sharing: defaultdict[int, list[int]] = defaultdict(list)
    every = sorted({block for id in live for block in mine[id]})
    for row in session.statements.among(_SHARING, every):
        sharing[row.block].append(row.node)
    crowded = {block for block in every if len(sharing[block]) > MOST_SHARING}
    if crowded:
        logger("graph").warning("too many names are nearly equal to compare them all", blocks=len(crowded))
    pairs = {pair(id, other) for id in live for block in mine[id] if block not in crowded for other in sharing[block]}
    names = {
        row.id: row for row in session.statements.among(_NODES, sorted({node for nodes in pairs for node in nodes}))
    }
    scores = {}
    for first, second in pairs:
        group = _group(session, names[first])
        score = likeness(group, names[first].canonical, names[second].canonical) if first != second else 0.0
        if score >= THRESHOLDS[group].review:
            scores[first, second] = score
    return scores


def _held(session: Session, nodes: Collection[int]) -> tuple[dict[Pair, float], set[Pair]]:
    """Return the scores of nodes' pairs as they are kept, and the pairs of which a person withdrew the decision."""
    rows = [row for row in about(session, nodes) if row.rule == RULE]
    held = {(row.first_node, row.second_node): row.score for row in rows if row.state != "withdrawn"}
    return held, {(row.first_node, row.second_node) for row in rows if row.state == "withdrawn"}


def _untouched(scores: Mapping[Pair, float], touched: Collection[int]) -> dict[Pair, float]:
    """Return the pairs of which neither is touched: those are scored anew."""
    return {nodes: score for nodes, score in scores.items() if not any(node in touched for node in nodes)}


def _ends(scores: Mapping[Pair, float]) -> set[int]:
    return {node for nodes in scores for node in nodes}


def _judge(
    session: Session, scores: Mapping[Pair, float], wanted: Mapping[Pair, float]
) -> dict[tuple[Pair, str], Verdict]:
    """Return what the rule says of the wanted pairs; the names of a pair are always of one group."""
    rows = {row.id: row for row in session.statements.among(_NODES, sorted(_ends(scores)))}
    uids = session.uids(rows)
    found: dict[tuple[Pair, str], Verdict] = {}
    for group, threshold in THRESHOLDS.items():
        own = [nodes for nodes in wanted if _group(session, rows[nodes[0]]) == group]
        for nodes, state in judge_names(scores, own, same=threshold.same, uids=uids).items():
            found[nodes, RULE] = Verdict(state, scores[nodes], f"their names are {scores[nodes]:.1%} alike")
    return found
