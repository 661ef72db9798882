"""A sentence with its parse and the entities in it, by their words. A wrong parse does no harm: any heads will do."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from vedette.extraction.prose.annotated import Entity, Sentence
from vedette.extraction.prose.labels import Label, Relation

MAX_MENTIONS = 80
"""Mentions of a sentence that are looked at: a sentence with more is a list that was not cut."""

_PLAIN = {0x2018: "'", 0x2019: "'", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2014: "-"}
"""Typographic apostrophes and dashes as plain ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """Words of a sentence that name an entity, or stand for one."""

    entity: int
    """Id of the entity."""
    label: Label
    start: int
    """Its first word, from 0."""
    end: int
    """The one behind its last."""
    share: float = 1.0
    """How sure it is that the words are the entity; less than 1 where they stand for it ("the malware")."""

    @property
    def stands_in(self) -> bool:
        """Whether the words only stand for the entity."""
        return self.share < 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What a sentence says of two mentions, before it is weighed."""

    head: Mention
    tail: Mention
    relation: Relation
    confidence: float
    trigger: int = -1
    """The word that says so; -1: none does, they stand side by side."""
    negated: bool = False
    hedged: bool = False


class ReadSentence:
    """Words in lower case, parse and mentions of a sentence; words are counted from 0."""

    def __init__(self, sentence: Sentence, entities: Sequence[Entity], *, place: int) -> None:
        """Args: entities: those of this sentence, in order. place: the sentence's place in the document."""
        tokens = sentence.tokens
        self.place = place
        self.words = [token.text for token in tokens]
        self.low = [word.lower().translate(_PLAIN) for word in self.words]
        self.pos = [token.pos for token in tokens]
        self.relations = [token.relation for token in tokens]
        self.heads = [_head(token.head, at, len(tokens)) for at, token in enumerate(tokens)]
        self.parsed = any(token.head >= 0 for token in tokens)
        self.children: list[list[int]] = [[] for _ in tokens]
        for at, head in enumerate(self.heads):
            if head >= 0:
                self.children[head].append(at)
        self.owner: list[Mention | None] = [None] * len(tokens)
        self.mentions: list[Mention] = []
        starts, ends = [token.start for token in tokens], [token.end for token in tokens]
        for entity in entities[:MAX_MENTIONS]:
            # The words that it overlaps: patterns may begin or end within a word.
            start, end = bisect_right(ends, entity.start), bisect_left(starts, entity.end)
            if start < end:
                self.add(Mention(entity=entity.id, label=entity.label, start=start, end=end))

    def add(self, mention: Mention) -> None:
        """Add a mention; one that shares a word with another is left out."""
        if any(self.owner[mention.start : mention.end]):
            return
        self.owner[mention.start : mention.end] = [mention] * (mention.end - mention.start)
        self.mentions.append(mention)
        self.mentions.sort(key=_start)

    def between(self, one: Mention, other: Mention) -> list[str]:
        """Return the words between two mentions, in lower case."""
        first, second = sorted((one, other), key=_start)
        return self.low[first.end : second.start]

    def kids(self, word: int, *relations: str) -> list[int]:
        """Return the words that depend on one, in any of these ways (subtypes told: `nsubj:pass`)."""
        return [kid for kid in self.children[word] if self.relations[kid] in relations]

    def is_a(self, word: int, relation: str) -> bool:
        """Return whether a word depends on its head in a way, whatever the subtype."""
        return self.relations[word].partition(":")[0] == relation

    def case(self, word: int) -> str:
        """Return the preposition before a word: `with`, `such as`; empty where there is none."""
        found = []
        for kid in self.kids(word, "case", "mark"):
            found += [kid, *self.kids(kid, "fixed")]
        return " ".join(self.low[at] for at in sorted(found))

    def mention_head(self, mention: Mention) -> int:
        """Return the word of a mention whose head is outside of it: the highest."""
        for word in range(mention.start, mention.end):
            if not mention.start <= self.heads[word] < mention.end:
                return word
        return mention.end - 1

    def above(self, word: int) -> list[int]:
        """Return the words above one, the nearest first; a circle is walked once."""
        found: list[int] = []
        seen = {word}
        while (word := self.heads[word]) >= 0 and word not in seen:
            seen.add(word)
            found.append(word)
        return found


def _start(mention: Mention) -> int:
    return mention.start


def _head(head: int, at: int, words: int) -> int:
    """Return a head counted from 0; -1 for the root, for no head and for one that cannot be."""
    return head - 1 if 1 <= head <= words and head - 1 != at else -1
