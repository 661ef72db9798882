"""Sentences with their entities marked, for tests: `[Adobe|VENDOR] [Reader|SOFTWARE] before [9.1|VERSION] .`

Words are parted by spaces; what is wanted of a sentence is written beside it as `Adobe vendor-of Reader`, an `!`
before the relation where it is denied, a `?` where it is doubted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from vedette.extraction.prose.annotated import Entity, EntityRelation, Sentence, Token
from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.relations.relating import relate

_MARKED = re.compile(r"\[([^\[\]|]+)\|([A-Z0-9_]+)\]|(\S+)")

Tree = Sequence[tuple[str, int, str]]
"""A word's part of speech, head (from 1, 0 the root) and relation to it."""


def document(marked: Sequence[str], trees: Sequence[Tree] = ()) -> tuple[list[Sentence], list[Entity]]:
    """Return sentences and entities of marked sentences; unparsed where there is no tree."""
    sentences: list[Sentence] = []
    entities: list[Entity] = []
    at = 0
    for place, text in enumerate(marked):
        words: list[tuple[str, int]] = []
        start = at
        for named, label, plain in _MARKED.findall(text):
            first = at
            for word in (named or plain).split(" "):
                words.append((word, at))
                at += len(word) + 1
            if named:
                assert label in get_args(Label), label
                entities.append(
                    Entity(
                        id=len(entities),
                        start=first,
                        end=at - 1,
                        text=named,
                        label=label,
                        confidence=1,
                        sentence=place,
                    )
                )
        tree = trees[place] if place < len(trees) else [("", -1, "")] * len(words)
        tokens = [
            Token(text=word, start=begin, end=begin + len(word), pos=pos, head=head, relation=relation)
            for (word, begin), (pos, head, relation) in zip(words, tree, strict=True)
        ]
        sentences.append(Sentence(start=start, end=at, tokens=tuple(tokens)))
    return sentences, entities


def said(entities: Sequence[Entity], relations: Sequence[EntityRelation]) -> set[str]:
    """Return what is said, in the words of the tests."""
    return {
        f"{entities[one.head].text} {'!' * one.negated}{'?' * one.hedged}{one.relation} {entities[one.tail].text}"
        for one in relations
    }


def said_by(*marked: str, trees: Sequence[Tree] = ()) -> set[str]:
    """Return what marked sentences say."""
    sentences, entities = document(marked, trees)
    return said(*relate(sentences, entities, reader=None))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sentences and what they say."""

    marked: tuple[str, ...]
    wanted: frozenset[str]
    trees: tuple[Tree, ...] = ()


def cases(path: Path) -> list[Case]:
    """Read a file of sentences: a line has those of a document, parted by `//`; what is wanted is indented below.

    A line that begins with `~` has the tree of a sentence: a word's `POS:head:relation`, parted by spaces.
    """
    found: list[Case] = []
    for block in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip()):
        first, *rest = block.split("\n")
        lines = [line.strip() for line in rest if line.strip()]
        trees = [line.removeprefix("~").split() for line in lines if line.startswith("~")]
        found.append(
            Case(
                marked=tuple(first.split(" // ")),
                wanted=frozenset(line for line in lines if not line.startswith("~")),
                trees=tuple([_word(word) for word in tree] for tree in trees),
            )
        )
    return found


def _word(text: str) -> tuple[str, int, str]:
    pos, head, relation = text.split(":", 2)
    return pos, int(head), relation
