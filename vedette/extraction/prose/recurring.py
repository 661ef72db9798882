"""Names that a document says again where they were not seen: by its own list of names, spelled exactly as there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.extraction.prose.labels import Label

LEAST: Final = 0.6
"""Confidence from which a name is on the list."""

LESS: Final = 0.9
"""What the confidence of a name is multiplied with where only the list has it."""

LABELS: Final = frozenset({"VENDOR", "SOFTWARE", "MALWARE", "THREAT_ACTOR", "CAMPAIGN", "TOOL", "ORG"})

_LONGEST: Final = 8


@dataclass(frozen=True, slots=True)
class Name:
    """A name at one place of a document; words are counted from 0, the end exclusive."""

    sentence: int
    start: int
    end: int
    label: Label
    confidence: float


def recurring(sentences: Sequence[Sequence[str]], seen: Sequence[Name], free: Sequence[Sequence[bool]]) -> list[Name]:
    """Return where names that were seen stand once more.

    A name that is missed more often than it is seen was rather seen wrongly, and is left alone.

    Args:
        sentences: their words.
        seen: names that were found.
        free: of each word, whether nothing is found there.
    """
    listed = _listed(sentences, seen)
    longest = {name[0]: 0 for name in listed}
    for name in listed:
        longest[name[0]] = max(longest[name[0]], len(name))
    missed: defaultdict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for place, words in enumerate(sentences):
        for start, name in _places(words, free[place], listed, longest):
            missed[name].append((place, start))
    found = []
    for name, places in missed.items():
        count, label, confidence = listed[name]
        if len(places) <= count:
            found += [Name(place, start, start + len(name), label, confidence * LESS) for place, start in places]
    return found


def _listed(
    sentences: Sequence[Sequence[str]], seen: Sequence[Name]
) -> dict[tuple[str, ...], tuple[int, Label, float]]:
    """Return the names, how often each was seen, the label that most speaks for, and its highest confidence."""
    weights: defaultdict[tuple[str, ...], defaultdict[Label, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in seen:
        name = tuple(sentences[one.sentence][one.start : one.end])
        if one.label in LABELS and one.confidence >= LEAST and len(name) <= _LONGEST and _is_name(name):
            weights[name][one.label].append(one.confidence)
    listed = {}
    for name, labels in weights.items():
        label = max(labels, key=lambda one: (sum(labels[one]), one))
        listed[name] = (sum(map(len, labels.values())), label, max(labels[label]))
    return listed


def _is_name(words: Sequence[str]) -> bool:
    """Tell whether words can be known again as a name: no common word has a capital letter but a sentence's first."""
    together = "".join(words)
    return len(together) >= 3 and any(word[0].isupper() or not word.islower() for word in words if word[0].isalpha())


def _places(
    words: Sequence[str],
    free: Sequence[bool],
    listed: dict[tuple[str, ...], tuple[int, Label, float]],
    longest: dict[str, int],
) -> Iterator[tuple[int, tuple[str, ...]]]:
    at = 0
    while at < len(words):
        for size in range(min(longest.get(words[at], 0), len(words) - at), 0, -1):
            name = tuple(words[at : at + size])
            # The first word of a sentence has a capital letter anyway.
            if name in listed and all(free[at : at + size]) and not (at == 0 and size == 1 and name[0].istitle()):
                yield at, name
                at += size - 1
                break
        at += 1
