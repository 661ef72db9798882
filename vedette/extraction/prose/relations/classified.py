"""What the model's pair classifier says, beside the patterns: who uses what, whose campaign it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from vedette.extraction.prose.labels import Label, Relation
from vedette.extraction.prose.ports import Pair
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement

MAX_PAIRS = 24
"""Pairs of a sentence that the classifier is asked of, the nearest first: each is read like a sentence."""

MAX_WORDS = 100
"""Words of a sentence that it is asked of; a longer one is a list."""

_SURE = 0.9
"""Probability from which on the classifier alone is believed."""

_ALONE = 0.85
"""What its word alone is worth."""

_ASKED: Final[Mapping[Label, tuple[Label, ...]]] = {
    "THREAT_ACTOR": ("MALWARE", "TOOL", "ATTACK_PATTERN"),
    "CAMPAIGN": ("MALWARE", "TOOL", "ATTACK_PATTERN", "THREAT_ACTOR"),
    "MALWARE": ("ATTACK_PATTERN",),
    "TOOL": ("ATTACK_PATTERN",),
}
"""The pairs of labels of which it learned that they can have a relation."""

_ANSWERS: Final[Mapping[str, Relation]] = {"uses": "uses", "attributed-to": "attributed-to"}


def questions(sentence: ReadSentence) -> list[tuple[Mention, Mention]]:
    """Return the pairs of a sentence that the classifier is asked of."""
    if len(sentence.words) > MAX_WORDS:
        return []
    named = [one for one in sentence.mentions if not one.stands_in]
    found = [
        (head, tail)
        for head in named
        for tail in named
        if tail.label in _ASKED.get(head.label, ()) and head.entity != tail.entity
    ]
    return sorted(found, key=lambda pair: abs(pair[0].start - pair[1].start))[:MAX_PAIRS]


def as_pair(head: Mention, tail: Mention, sentence: ReadSentence) -> Pair:
    """Return a pair as the reader is asked of it."""
    return Pair(
        words=sentence.words,
        head=(head.start, head.end),
        head_label=head.label,
        tail=(tail.start, tail.end),
        tail_label=tail.label,
    )


def combined(
    stated: Sequence[Statement],
    asked: Sequence[tuple[Mention, Mention]],
    answers: Sequence[tuple[str, float]],
) -> list[Statement]:
    """Return what patterns and classifier say together: two that agree are surer, a sure one is believed alone.

    A pattern that the classifier contradicts counts for less, and is left out where it was no sure one.
    """
    by_pair = {(head.entity, tail.entity): answer for (head, tail), answer in zip(asked, answers, strict=True)}
    found: list[Statement] = []
    said: set[tuple[int, int]] = set()
    for one in stated:
        answer = by_pair.get((one.head.entity, one.tail.entity))
        if answer is None or one.relation not in ("uses", "attributed-to"):
            found.append(one)
            continue
        said.add((one.head.entity, one.tail.entity))
        label, probability = answer
        if label == one.relation:
            found.append(replace(one, confidence=max(one.confidence, 1 - (1 - one.confidence) * (1 - probability))))
        elif one.confidence * (1 - 0.5 * probability) >= 0.4:
            found.append(replace(one, confidence=one.confidence * (1 - 0.5 * probability)))
    for (head, tail), (label, probability) in zip(asked, answers, strict=True):
        relation = _ANSWERS.get(label)
        if relation is not None and probability >= _SURE and (head.entity, tail.entity) not in said:
            found.append(Statement(head=head, tail=tail, relation=relation, confidence=probability * _ALONE))
    return found
