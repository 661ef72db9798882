"""Which nodes are the same thing: pure functions of what is claimed, how alike names are, and what people said.

None of them depends on the order in which things became known:

- **alias**: where A is also known by B's name, they are the same if both know the other so, or if A is the only one
  that is known so; otherwise a person decides. Where two are known by a name that nobody has, a person decides. What
  is named by an id (STIX 1 does so) has its names as aliases: those count as names.
- **key**: nodes that share an identifying value are the same; one that has several of a property identifies nothing.
- **name**: names that are alike enough are the same, unless one is alike two others that are not alike each other:
  then it is the same as the one that it is more alike, and a person decides about the other.
- **person**: what a person says of a pair counts more than the rules.

Vertices are the groups that the pairs which are the same connect, strongest first; a pair that a person told apart is
never in one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

State = Literal["same", "review", "different", "withdrawn"]
Pair = tuple[int, int]
"""Two nodes, the lower number first."""

MOST_CLAIMING: Final = 50
"""Nodes that share an identifying value, or are known by a name; with more of them it identifies nothing."""

_SHARED: Final = 4
"""Nodes that are known by a name that nobody has, for which each pair is worth a person's time."""

MUTUAL: Final = 0.98
"""Score of two nodes of which each is known by the other's name."""

KNOWN_AS: Final = 0.95
"""Score of a node that is known by another's name."""

_AMBIGUOUS: Final = 0.7
_SHARED_SCORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a pair."""

    state: State
    score: float
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Who has a name, and who is known by it."""

    text: str
    """The name, or `property:value`."""
    rule: Literal["alias", "key"]
    holder: int | None
    """The node whose name it is."""
    claiming: frozenset[int]
    """Other nodes that are known by it, or have this value."""


def pair(first: int, second: int) -> Pair:
    """Return two nodes as a pair."""
    return (first, second) if first < second else (second, first)


def judge(
    known: Iterable[Known], uids: Mapping[int, bytes], *, by_id: Collection[int] = ()
) -> dict[tuple[Pair, str], Verdict]:
    """Return what the rules `alias` and `key` say, by pair and rule; the highest score of each pair and rule.

    Args:
        known: all texts that the nodes in question have to do with.
        uids: of all nodes: their numbers depend on which came first.
        by_id: nodes that are named by an id.
    """
    found: dict[tuple[Pair, str], Verdict] = {}
    every = list(known)
    knows = {(node, entry.holder) for entry in every if entry.rule == "alias" for node in entry.claiming}
    for entry in every:
        verdicts = _keys(entry, uids) if entry.rule == "key" else _aliases(entry, knows, uids, frozenset(by_id))
        for nodes, verdict in verdicts:
            before = found.get((nodes, entry.rule))
            if before is None or (verdict.score, verdict.why) > (before.score, before.why):
                found[nodes, entry.rule] = verdict
    return found


def _keys(known: Known, uids: Mapping[int, bytes]) -> Iterator[tuple[Pair, Verdict]]:
    """Connect all with the first of them: so many pairs as nodes, not its square."""
    if 1 < len(known.claiming) <= MOST_CLAIMING:
        first = min(known.claiming, key=uids.__getitem__)
        verdict = Verdict("same", 1.0, f"both have {known.text}")
        yield from ((pair(first, node), verdict) for node in known.claiming - {first})


def _aliases(
    known: Known, knows: Collection[tuple[int, int | None]], uids: Mapping[int, bytes], by_id: frozenset[int]
) -> Iterator[tuple[Pair, Verdict]]:
    if len(known.claiming) > MOST_CLAIMING:
        return
    if known.holder is None:
        yield from _shared(known, uids, by_id)
        return
    rivals = len(known.claiming - by_id)
    for node in known.claiming:
        if (known.holder, node) in knows:
            # The same words from either side: which of the two texts comes first must not matter.
            verdict = Verdict("same", MUTUAL, "each is known by the other's name")
        elif rivals == 1 or node in by_id:
            verdict = Verdict("same", KNOWN_AS, f"one is also known as {known.text!r}, the other's name")
        else:
            verdict = Verdict("review", _AMBIGUOUS, f"also known as {known.text!r}, but so are {rivals - 1} others")
        yield pair(known.holder, node), verdict


def _shared(known: Known, uids: Mapping[int, bytes], by_id: frozenset[int]) -> Iterator[tuple[Pair, Verdict]]:
    """Judge those that are known by a name that nobody has."""
    words = f"both are known as {known.text!r}"
    named = sorted(known.claiming & by_id, key=uids.__getitem__)
    yield from ((pair(named[0], node), Verdict("same", KNOWN_AS, words)) for node in named[1:])
    if len(known.claiming) <= _SHARED:
        doubtful = (nodes for nodes in combinations(sorted(known.claiming), 2) if not by_id.issuperset(nodes))
        yield from ((pair(*nodes), Verdict("review", _SHARED_SCORE, words)) for nodes in doubtful)


def judge_names(
    scores: Mapping[Pair, float], wanted: Iterable[Pair], *, same: float, uids: Mapping[int, bytes]
) -> dict[Pair, State]:
    """Return what the rule `name` says of pairs.

    Args:
        scores: how alike the names are of all pairs around the wanted ones, two steps wide.
        wanted: the pairs to judge.
        same: the threshold.
        uids: of all nodes.
    """
    alike: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for (first, second), score in scores.items():
        if score >= same:
            alike[first][second] = alike[second][first] = score
    return {
        nodes: "same" if scores[nodes] >= same and not _is_ambiguous(nodes, alike, uids) else "review"
        for nodes in wanted
    }


def _is_ambiguous(nodes: Pair, alike: Mapping[int, Mapping[int, float]], uids: Mapping[int, bytes]) -> bool:
    """Tell whether one of a pair is more alike something that the other is not alike; the higher uid wins a tie."""
    for one, other in (nodes, nodes[::-1]):
        own = (alike[one][other], uids[other])
        for third, score in alike[one].items():
            if third != other and third not in alike[other] and (score, uids[third]) > own:
                return True
    return False


def group(nodes: Mapping[int, bytes], same: Iterable[tuple[float, Pair]], apart: Collection[Pair]) -> dict[int, int]:
    """Return the node that stands for each: the least of its group.

    Args:
        nodes: the nodes in question, and what orders them whichever came first.
        same: pairs that are the same, with their scores.
        apart: pairs that a person told apart.
    """
    members = {node: {node} for node in nodes}
    strangers: defaultdict[int, set[int]] = defaultdict(set)
    for first, second in apart:
        strangers[first].add(second)
        strangers[second].add(first)
    # Uids, not numbers, order equals: numbers depend on who came first.
    for _, (first, second) in sorted(same, key=lambda entry: (-entry[0], *_uids(nodes, entry[1]))):
        one, other = members[first], members[second]
        if one is other or any(strangers[node] & other for node in one):
            continue
        one |= other
        for node in other:
            members[node] = one
    return {node: min(group, key=nodes.__getitem__) for node, group in members.items()}


def _uids(nodes: Mapping[int, bytes], both: Pair) -> tuple[bytes, ...]:
    return tuple(sorted(nodes[node] for node in both))
