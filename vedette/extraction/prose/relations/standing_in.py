"""Words that stand for an entity named before: `the malware`, `this vulnerability`, `the group`, `it`, `they`.

Only where one entity can be meant; its relations count for less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence
from vedette.extraction.prose.relations.words import listed

_ACTOR: Final = frozenset[Label]({"THREAT_ACTOR"})
_MALWARE: Final = frozenset[Label]({"MALWARE"})
_TOOL: Final = frozenset[Label]({"TOOL", "MALWARE"})
_PRODUCT: Final = frozenset[Label]({"SOFTWARE", "OS"})
_FLAW: Final = frozenset[Label]({"VULN_ID", "VULNERABILITY"})
_CAMPAIGN: Final = frozenset[Label]({"CAMPAIGN"})

_NOUNS: Final[Mapping[str, frozenset[Label]]] = {
    noun: labels
    for nouns, labels in (
        ("group gang actor actors attackers adversary adversaries hackers operators collective", _ACTOR),
        ("malware backdoor trojan ransomware worm botnet loader dropper stealer infostealer spyware rat", _MALWARE),
        ("implant virus wiper downloader rootkit bot keylogger", _MALWARE),
        ("tool toolkit utility", _TOOL),
        ("software product application plugin library browser", _PRODUCT),
        ("vulnerability flaw bug", _FLAW),
        ("campaign operation", _CAMPAIGN),
    )
    for noun in listed(nouns)
}
_PRONOUNS: Final[Mapping[str, frozenset[Label]]] = {"it": _MALWARE | _TOOL, "they": _ACTOR}
_DETERMINERS: Final = frozenset({"the", "this", "these", "that", "those"})
_FAR: Final = 3
"""Sentences back that a noun may refer to; a pronoun refers to the one before or its own."""

_NOUN_SHARE = 0.75
_PRONOUN_SHARE = 0.65


class Antecedents:
    """What was named so far, to be asked for what a noun or pronoun stands for."""

    def __init__(self, first: Sequence[int]) -> None:
        """Args: first: for each entity the first one that is the same thing."""
        self._first = first
        self._named: list[tuple[int, list[Mention]]] = []

    def note(self, sentence: ReadSentence) -> None:
        """Keep what a sentence names."""
        named = [one for one in sentence.mentions if not one.stands_in]
        self._named = [*self._named[-_FAR:], (sentence.place, named)]

    def resolve(self, sentence: ReadSentence) -> None:
        """Add to a sentence the mentions that its nouns and pronouns are."""
        for found in list(self._found(sentence)):
            sentence.add(found)

    def _found(self, sentence: ReadSentence) -> Iterator[Mention]:
        for word, low in enumerate(sentence.low):
            if sentence.owner[word] is not None:
                continue
            if low in _NOUNS and _stands_alone(word, sentence):
                if _NOUNS[low] is _FLAW and _lacks_product(sentence):
                    # "The vulnerability is fixed in version 1.2": a version of what has it.
                    yield from self._mention(sentence, word, _PRODUCT, far=_FAR, share=_NOUN_SHARE)
                yield from self._mention(sentence, word, _NOUNS[low], far=_FAR, share=_NOUN_SHARE)
            elif low in _PRONOUNS and _is_subject(word, sentence):
                yield from self._mention(sentence, word, _PRONOUNS[low], far=1, share=_PRONOUN_SHARE)

    def _mention(
        self, sentence: ReadSentence, word: int, labels: frozenset[Label], *, far: int, share: float
    ) -> Iterator[Mention]:
        own = [one for one in sentence.mentions if one.end <= word and not one.stands_in]
        for place, named in [(sentence.place, own), *reversed(self._named)]:
            if sentence.place - place > far:
                return
            fitting = [one for one in named if one.label in labels]
            if not fitting:
                continue
            if labels is _FLAW and not self._is_one(fitting):
                fitting = self._by_id(fitting)
            if self._is_one(fitting):
                chosen = fitting[-1] if place == sentence.place else fitting[0]
                yield Mention(entity=chosen.entity, label=chosen.label, start=word, end=word + 1, share=share)
            return

    def _is_one(self, mentions: Sequence[Mention]) -> bool:
        """Return whether all are of one thing."""
        return len({self._first[one.entity] for one in mentions}) == 1

    def _by_id(self, mentions: Sequence[Mention]) -> list[Mention]:
        """Return which of a flaw and its identifier is meant: the identifier, where there is one."""
        ids = [one for one in mentions if one.label == "VULN_ID"]
        return ids[:1] if self._is_one(ids) else []


def _lacks_product(sentence: ReadSentence) -> bool:
    """Return whether a sentence has a version and no product that it could be of."""
    labels = {one.label for one in sentence.mentions}
    return "VERSION" in labels and not labels & (_PRODUCT | _FLAW)


def _stands_alone(word: int, sentence: ReadSentence) -> bool:
    """Return whether a noun is `the malware` alone: no name is its compound, and it is no part of a longer name."""
    start = word - 1
    # An adjective or two may stand between: `the new backdoor`.
    while start >= 0 and word - start <= 3 and sentence.low[start] not in _DETERMINERS:
        if sentence.owner[start] is not None or not sentence.low[start].isalpha():
            return False
        start -= 1
    if start < 0 or sentence.low[start] not in _DETERMINERS:
        return False
    behind = sentence.owner[word + 1] if word + 1 < len(sentence.low) else None
    return behind is None


def _is_subject(word: int, sentence: ReadSentence) -> bool:
    return sentence.relations[word] in ("nsubj", "nsubj:pass") if sentence.parsed else word == 0
