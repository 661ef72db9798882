"""Entities: what the model, the indicator patterns and the rules say, merged so that nothing overlaps. Pure.

What only a pattern can know (an address, a hash, an id) the pattern decides; the model decides on names; the rules
add what both missed. A name that the document has once is then found wherever the document says it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from vedette.extraction.prose.annotated import Entity, Origin, Sentence
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.labels import LABELS, Label
from vedette.extraction.prose.ports import SentenceReading
from vedette.extraction.prose.recurring import Name, recurring
from vedette.extraction.prose.refining import refined
from vedette.extraction.prose.rules.code_parts import find_functions, find_parameters
from vedette.extraction.prose.rules.systems import find_systems, find_updates
from vedette.extraction.prose.rules.versions import find_versions
from vedette.extraction.prose.rules.weaknesses import find_weaknesses
from vedette.extraction.prose.settling import Labelled, name_key, settled

UNSURE_PATTERNS: Final = frozenset({"FILE", "DOMAIN"})
"""Labels of patterns that give way to a longer name of the model's: `Booking.com B.V.`"""

BY_PATTERN: Final = 0.98
BY_UNSURE_PATTERN: Final = 0.9
BY_RULE: Final = 0.8
"""Confidence of what patterns and rules find, which have none of their own."""

_RULES: Final[tuple[Callable[[str], Iterator[Found]], ...]] = (
    find_systems,
    find_updates,
    find_functions,
    find_parameters,
    find_weaknesses,
)
_NAMES: Final = frozenset({"VENDOR", "SOFTWARE", "OS", "MALWARE", "THREAT_ACTOR", "CAMPAIGN", "TOOL", "ORG"})
_PRODUCTS: Final = frozenset({"SOFTWARE", "OS", "UPDATE"})


@dataclass(frozen=True, slots=True)
class _Candidate:
    start: int
    end: int
    label: Label
    confidence: float
    origin: Origin
    value: str = ""


def entities_of(
    text: str,
    sentences: Sequence[Sentence],
    readings: Sequence[SentenceReading | None],
    indicators: Sequence[Found],
) -> list[Entity]:
    """Return the entities of a document, by their beginning.

    Args:
        text: the document's.
        sentences: in order.
        readings: what the model says of each; None: it was not read, and only indicators are looked for.
        indicators: of the whole text, by their beginning; those outside the sentences are left out.
    """
    kept: list[list[_Candidate]] = []
    at = 0
    for sentence, reading in zip(sentences, readings, strict=True):
        while at < len(indicators) and indicators[at].start < sentence.start:
            at += 1
        begin = at
        while at < len(indicators) and indicators[at].end <= sentence.end:
            at += 1
        kept.append(_of_sentence(text, sentence, reading, indicators[begin:at]))
    _add_recurring(sentences, readings, kept)
    labels = settled(_names(text, kept))
    found = [
        (place, one) for place, some in enumerate(kept) for one in sorted(some, key=lambda candidate: candidate.start)
    ]
    return [_entity(text, number, place, one, labels) for number, (place, one) in enumerate(found)]


def _names(text: str, kept: Sequence[Sequence[_Candidate]]) -> Iterator[Labelled]:
    """Yield the names that the model, not a pattern, has labelled."""
    for one in chain.from_iterable(kept):
        if one.origin != "indicator":
            yield Labelled(text[one.start : one.end], one.label, one.confidence)


def _of_sentence(
    text: str, sentence: Sentence, reading: SentenceReading | None, indicators: Sequence[Found]
) -> list[_Candidate]:
    by_pattern = [_by_pattern(one) for one in indicators]
    if reading is None:
        return by_pattern
    by_model = list(_by_model(sentence, reading))
    sure = [one for one in by_pattern if one.label not in UNSURE_PATTERNS]
    unsure = [one for one in by_pattern if one.label in UNSURE_PATTERNS]
    longer = [one for one in by_model if one.label in _NAMES and any(_is_within(other, one) for other in unsure)]
    by_rules = list(_by_rules(text, sentence))
    coded = [one for one in by_rules if one.label == "FUNCTION"]
    chosen = _chosen(chain(sure, coded, longer, unsure, by_model, by_rules))
    versions = list(_versions(sentence, chosen))
    return _agreed(_chosen(chain(chosen, versions)), [*by_pattern, *by_rules, *versions])


def _by_pattern(one: Found) -> _Candidate:
    sure = BY_UNSURE_PATTERN if one.label in UNSURE_PATTERNS else BY_PATTERN
    return _Candidate(one.start, one.end, one.label, sure, "indicator", one.value)


def _by_model(sentence: Sentence, reading: SentenceReading) -> Iterator[_Candidate]:
    tokens = sentence.tokens
    for one in refined(reading.spans, [token.text for token in tokens]):
        if one.label in LABELS:
            yield _Candidate(tokens[one.start].start, tokens[one.end - 1].end, one.label, one.confidence, "model")


def _by_rules(text: str, sentence: Sentence) -> Iterator[_Candidate]:
    words = text[sentence.start : sentence.end]
    for find in _RULES:
        for one in find(words):
            start, end = sentence.start + one.start, sentence.start + one.end
            yield _Candidate(start, end, one.label, BY_RULE, "rule", one.value)


def _versions(sentence: Sentence, chosen: Sequence[_Candidate]) -> Iterator[_Candidate]:
    tokens = sentence.tokens
    ends = {one.end for one in chosen if one.label in _PRODUCTS}
    for place in find_versions([token.text for token in tokens], [token.end in ends for token in tokens]):
        yield _Candidate(tokens[place].start, tokens[place].end, "VERSION", BY_RULE, "rule")


def _is_within(one: _Candidate, other: _Candidate) -> bool:
    """Tell whether one is a part of the other, and not all of it."""
    return other.start <= one.start and one.end <= other.end and one.end - one.start < other.end - other.start


def _chosen(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Return those that overlap none that came before."""
    taken: set[int] = set()
    kept = []
    for one in candidates:
        places = range(one.start, one.end)
        if places and taken.isdisjoint(places):
            taken.update(places)
            kept.append(one)
    return kept


def _agreed(chosen: Iterable[_Candidate], others: Iterable[_Candidate]) -> list[_Candidate]:
    """Return what was chosen, as sure as the surest who says the same."""
    sure: dict[tuple[int, int, Label], float] = {}
    for one in others:
        place = (one.start, one.end, one.label)
        sure[place] = max(one.confidence, sure.get(place, 0.0))
    return [
        replace(one, confidence=max(one.confidence, sure.get((one.start, one.end, one.label), 0.0))) for one in chosen
    ]


def _add_recurring(
    sentences: Sequence[Sentence], readings: Sequence[SentenceReading | None], kept: list[list[_Candidate]]
) -> None:
    """Add the names that the document says again where the model did not see them."""
    read = [place for place, reading in enumerate(readings) if reading is not None]
    words = [[token.text for token in sentences[place].tokens] for place in read]
    seen: list[Name] = []
    free: list[list[bool]] = []
    for number, place in enumerate(read):
        owners = list(_owners(sentences[place], kept[place]))
        free.append([owner is None for owner in owners])
        for start, owner in enumerate(owners):
            if owner is not None and owner.origin == "model" and (not start or owners[start - 1] is not owner):
                end = start + owners.count(owner)
                seen.append(Name(number, start, end, owner.label, owner.confidence))
    for one in recurring(words, seen, free):
        tokens = sentences[read[one.sentence]].tokens
        candidate = _Candidate(tokens[one.start].start, tokens[one.end - 1].end, one.label, one.confidence, "rule")
        kept[read[one.sentence]].append(candidate)


def _owners(sentence: Sentence, chosen: Sequence[_Candidate]) -> Iterator[_Candidate | None]:
    """Yield for each token what is found there."""
    ordered = sorted(chosen, key=lambda one: one.start)
    at = 0
    for token in sentence.tokens:
        while at < len(ordered) and ordered[at].end <= token.start:
            at += 1
        yield ordered[at] if at < len(ordered) and ordered[at].start < token.end else None


def _entity(
    text: str, number: int, sentence: int, one: _Candidate, labels: Mapping[tuple[str, Label], Label]
) -> Entity:
    said = text[one.start : one.end]
    value = one.value or " ".join(said.split())
    return Entity(
        id=number,
        start=one.start,
        end=one.end,
        text=said,
        label=one.label if one.origin == "indicator" else labels.get((name_key(said), one.label), one.label),
        value="" if value == said else value,
        confidence=round(one.confidence, 4),
        origin=one.origin,
        sentence=sentence,
    )
