"""Relations that names state by standing beside each other, without a verb: `the Iranian group MuddyWater`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from vedette.extraction.prose.labels import Relation
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import ADDRESSES, fits
from vedette.extraction.prose.relations.words import listed

_KINDS_OF_ACTOR: Final = listed(
    """
    - based backed sponsored linked nexus aligned affiliated state state-sponsored state-backed state-linked
    government government-backed government-linked nation-state apt advanced persistent threat actor actors
    group groups hacking hacker hackers cyber espionage cyberespionage cybercrime cybercriminal criminal gang
    intelligence military speaking -based -nexus -linked -aligned -backed -sponsored -speaking company firm
    vendor security ransomware
    """
)
"""Words between a place and who is from there."""

_KINDS_OF_MALWARE: Final = listed(
    "own custom new signature malware backdoor trojan ransomware loader wiper stealer implant rat tool family"
)
_OWNERS: Final = frozenset({"'s", "'"})
_CONTROL: Final = (
    ("c2",),
    ("c&c",),
    ("cnc",),
    ("c", "&", "c"),
    ("command", "and", "control"),
    ("command-and-control",),
    ("command", "&", "control"),
    ("control", "server"),
    ("beacon",),
    ("beacons",),
)
"""What is said of a server that malware talks to."""


_BY: Final = frozenset((kind, "by") for kind in ("campaign", "attack", "operation"))
"""What stands between the name of an operation and whose it is."""

_Stated = tuple[Relation, Mention, Mention, float]
"""Relation, its ends, and how sure it is."""


def of_neighbours(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what pairs of names state that stand beside each other, and what `C2` says."""
    for one, other in pairwise(sentence.mentions):
        gap = sentence.between(one, other)
        if _is_during(one, other, gap, sentence):
            yield Statement(head=one, tail=other, relation="attributed-to", confidence=0.8)
        for relation, head, tail, confidence in _beside(one, other, gap):
            if fits(relation, head, tail):
                yield Statement(head=head, tail=tail, relation=relation, confidence=confidence)
    yield from _controlled(sentence)


def _beside(one: Mention, other: Mention, gap: Sequence[str]) -> Iterator[_Stated]:
    yield from _located(one, other, gap)
    if one.label == "THREAT_ACTOR" and gap and gap[0] in _OWNERS:
        yield from _owned(one, other, gap[1:])
    if other.label == "THREAT_ACTOR" and tuple(gap) in _BY:
        yield "attributed-to", one, other, 0.85


def _located(one: Mention, other: Mention, gap: Sequence[str]) -> Iterator[_Stated]:
    """Yield located-at: `the Iranian group X`, `X from Iran`, `the Y of Norway`."""
    if one.label == "LOC" and len(gap) <= 6 and all(word in _KINDS_OF_ACTOR for word in gap):
        yield "located-at", other, one, 0.8
    if other.label == "LOC" and (gap == ["from"] or (gap in (["in"], ["of"]) and one.label == "ORG")):
        yield "located-at", one, other, 0.6


def _owned(actor: Mention, other: Mention, kinds: Sequence[str]) -> Iterator[_Stated]:
    """Yield what an actor's own thing is: `X's custom backdoor Y`, `X's Operation Z`."""
    if _all_kinds(kinds):
        yield "uses", actor, other, 0.8
    if other.label == "CAMPAIGN":
        yield "attributed-to", other, actor, 0.8


def _is_during(one: Mention, other: Mention, gap: Sequence[str], sentence: ReadSentence) -> bool:
    """Return whether an actor acts within a campaign: `During Operation Ghost, APT29 used …`."""
    return (
        one.label == "CAMPAIGN"
        and other.label == "THREAT_ACTOR"
        and gap in ([","], ["campaign", ","], ["operation", ","])
        and any(word in ("during", "throughout") for word in sentence.low[max(0, one.start - 2) : one.start])
    )


def _all_kinds(gap: Sequence[str]) -> bool:
    return len(gap) <= 3 and all(word in _KINDS_OF_MALWARE for word in gap)


def _controlled(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield communicates-with where a sentence speaks of a control server and of one malware only."""
    addresses = [one for one in sentence.mentions if one.label in ADDRESSES]
    malware = _malware(sentence)
    if not addresses or len({one.entity for one in malware}) != 1:
        return
    said = next((at for at in range(len(sentence.low)) if _says_control(sentence.low, at)), -1)
    if said < 0:
        return
    for address in addresses:
        confidence = 0.8 if abs(address.start - said) <= 6 else 0.65
        yield Statement(
            head=malware[0], tail=address, relation="communicates-with", confidence=confidence, trigger=said
        )


def _malware(sentence: ReadSentence) -> list[Mention]:
    """Return what is malware in a sentence; where nothing is, the tools."""
    named = {label: [one for one in sentence.mentions if one.label == label] for label in ("MALWARE", "TOOL")}
    return named["MALWARE"] or named["TOOL"]


def _says_control(low: Sequence[str], at: int) -> bool:
    return any(tuple(low[at : at + len(words)]) == words for words in _CONTROL)
