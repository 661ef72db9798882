"""Which entities of a document are the same thing: one name again, an alias, an acronym, a shorter form of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from vedette.extraction.prose.annotated import Entity
from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.words import listed
from vedette.extraction.prose.settling import settled_label

_FAMILIES: Final[Mapping[Label, str]] = {
    "SOFTWARE": "product",
    "OS": "product",
    "MALWARE": "means",
    "TOOL": "means",
    "VENDOR": "organisation",
    "ORG": "organisation",
}
"""Labels between which one name is one thing."""

_NOT_BY_NAME: Final = frozenset[Label]({"VERSION", "UPDATE", "FUNCTION", "PARAMETER"})
"""The same number is another version of another product."""

_NAMEABLE: Final = frozenset[Label](
    {
        "SOFTWARE",
        "OS",
        "MALWARE",
        "TOOL",
        "VENDOR",
        "ORG",
        "THREAT_ACTOR",
        "CAMPAIGN",
        "VULNERABILITY",
        "ATTACK_PATTERN",
    }
)
"""What can have another name."""

_GENERIC: Final = listed(
    """
    the a an group gang team apt actor actors collective malware ransomware trojan backdoor botnet family rat
    stealer loader worm spyware wiper campaign operation framework software inc corp corporation ltd limited llc
    gmbh co company foundation project
    """
)
"""Words of a name that say what it is, and that are left out where it is named again."""

_CUES: Final = (
    "also known as",
    "also called",
    "also tracked as",
    "also referred to as",
    "also dubbed",
    "also named",
    "a.k.a.",
    "a.k.a",
    "aka",
    "a k a",
    "alias",
    "aliases",
    "known as",
    "better known as",
    "tracked as",
    "track as",
    "tracks as",
    "call",
    "calls",
    "referred to as",
    "dubbed",
    "nicknamed",
    "codenamed",
    "code-named",
    "formerly",
    "formerly known as",
    "previously",
    "previously known as",
    "previously tracked as",
    "otherwise known as",
    "now known as",
    "renamed",
    "renamed to",
    "rebranded as",
    "rebranded to",
)
_MISTAKEN: Final = ({"organisation", "THREAT_ACTOR"}, {"means", "product"}, {"means", "THREAT_ACTOR"})
"""Kinds that are often mistaken for each other: where a sentence tells that two names are one thing, they may be."""

_ACTING: Final = frozenset[Label]({"THREAT_ACTOR", "MALWARE", "TOOL", "CAMPAIGN", "SOFTWARE"})
"""Labels that all names of one thing agree on."""

_LISTED: Final = frozenset({",", "and", "or", "/", "&", "as", "well", "the"})
_PUNCTUATION: Final = re.compile(r"[\W_]+")
_MOST_WORDS = 12
"""Words between a name and its other name."""


def key(entity: Entity) -> tuple[str, str]:
    """Return what two entities that are one by name have in common; the second part empty where none can be."""
    if entity.label in _NOT_BY_NAME:
        return "", ""
    if entity.label == "VULNERABILITY" and entity.text == entity.text.lower():
        # "Buffer overflow" is what a flaw is, not which; Heartbleed is a name.
        return "", ""
    family = _FAMILIES.get(entity.label, entity.label)
    if entity.label not in _NAMEABLE:
        return family, entity.name
    words = [word for word in _PUNCTUATION.split(entity.name.casefold()) if word]
    kept = [word for word in words if word not in _GENERIC]
    return family, "".join(kept or words)


def of_aliases(sentence: ReadSentence, entities: Sequence[Entity]) -> Iterator[Statement]:
    """Yield same-as for what a sentence says to be another name of something."""
    named = [one for one in sentence.mentions if one.label in _NAMEABLE and not one.stands_in]
    start: Mention | None = None
    for one, other in pairwise(named):
        gap = sentence.between(one, other)
        if start is not None and _goes_on(gap) and _same_family(start, other):
            yield Statement(head=other, tail=start, relation="same-as", confidence=0.85)
            continue
        start = None
        confidence, is_list = _alias(one, other, gap, entities)
        if confidence:
            yield Statement(head=other, tail=one, relation="same-as", confidence=confidence)
            start = one if is_list else None


def _goes_on(gap: Sequence[str]) -> bool:
    return 0 < len(gap) <= 4 and all(word in _LISTED for word in gap)


def _same_family(one: Mention, other: Mention, *, told: bool = True) -> bool:
    """Return whether two mentions can be one thing; where a sentence tells so, kinds that are often mistaken too."""
    families = {_FAMILIES.get(mention.label, mention.label) for mention in (one, other)}
    return len(families) == 1 or (told and families in _MISTAKEN)


_LEFT_OUT: Final = frozenset({"(", ",", "[", "“", '"', "”", "``", "''", ")", "is", "was", "and"})
"""Words between two names that do not say whether they are one thing's."""


def _alias(one: Mention, other: Mention, gap: Sequence[str], entities: Sequence[Entity]) -> tuple[float, bool]:
    """Return how sure it is that a mention is another name of the one before it, and whether a list may follow."""
    words = [word for word in gap if word not in _LEFT_OUT]
    if 0 < len(words) <= _MOST_WORDS and not {"not", "confused"} & set(words) and _same_family(one, other):
        said = " ".join(words)
        # "The group deploys malware dubbed X" names no group.
        is_short = _same_family(one, other, told=False) and _is_short_way(words)
        if said.endswith(_CUES) and (said in _CUES or is_short):
            return 0.92, True
    if gap == ["("]:
        return _in_brackets(one, other, entities)
    if gap == ["/"] and one.label == other.label == "THREAT_ACTOR":
        return 0.75, True
    return 0.0, False


def _in_brackets(one: Mention, other: Mention, entities: Sequence[Entity]) -> tuple[float, bool]:
    """Return the same where the second stands in brackets: an acronym, or an actor's next name."""
    first, second = entities[one.entity].text, entities[other.entity].text
    if _same_family(one, other, told=False) and (is_acronym(second, first) or is_acronym(first, second)):
        return 0.95, False
    if one.label == other.label and one.label in ("THREAT_ACTOR", "MALWARE", "CAMPAIGN"):
        return 0.8, True
    return 0.0, False


def _is_short_way(words: Sequence[str]) -> bool:
    """Return whether the words before an alias' cue are about the name: `the group which Microsoft tracks as`."""
    return len(words) <= 7 and not {";", ".", "by", "from", "uses", "used", "using"} & set(words[:-2])


def is_acronym(short: str, long: str) -> bool:
    """Return whether a word is made of the first letters of others: `APT` of `Advanced Packaging Tool`."""
    if not 2 <= len(short) <= 8 or " " in short or sum(letter.isupper() for letter in short) < 2:
        return False
    words = [word.casefold() for word in re.split(r"[\s\-/]+", long) if word]
    letters = [letter for letter in short.casefold() if letter.isalnum()]
    large = [word for word in words if word not in _SMALL]
    return any(len(kept) >= 2 and _initials(kept, letters) == letters for kept in (words, large))


_SMALL: Final = frozenset({"of", "and", "the", "for", "in", "to", "on"})
"""Words that an acronym leaves out."""


def _initials(words: Sequence[str], letters: Sequence[str]) -> list[str]:
    """Return the first letters of words; `cross` may be an X."""
    return ["x" if word == "cross" and "x" in letters else word[0] for word in words]


def with_one_label(entities: Sequence[Entity], same: Same, aliases: Sequence[Statement]) -> Sequence[Entity]:
    """Return the entities, those that a sentence tells to be one thing with the label that most speaks for."""
    told = {same.first(one.head.entity) for one in aliases}
    groups: dict[int, list[Entity]] = {}
    for entity in entities:
        first = same.first(entity.id)
        if first in told and entity.label in _ACTING:
            groups.setdefault(first, []).append(entity)
    changed = list(entities)
    for group in groups.values():
        label = settled_label((one.label, one.confidence) for one in group)
        for one in group:
            if one.label != label:
                changed[one.id] = one.model_copy(update={"label": label})
    return changed


class Same:
    """Which entities are one: sets that are joined; the first entity stands for a set."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def first(self, entity: int) -> int:
        """Return the first entity that is the same."""
        while self._above[entity] != entity:
            self._above[entity] = self._above[self._above[entity]]
            entity = self._above[entity]
        return entity

    def join(self, one: int, other: int) -> None:
        """Make two entities one."""
        first, second = sorted((self.first(one), self.first(other)))
        self._above[second] = first


def same_by_name(entities: Sequence[Entity]) -> Same:
    """Return which entities are one by their names."""
    same = Same(len(entities))
    seen: dict[tuple[str, str], int] = {}
    for place, entity in enumerate(entities):
        found = key(entity)
        if found[1]:
            same.join(seen.setdefault(found, place), place)
    return same
