"""What a page shows of an annotated document: some sentences, cut at their entities, with what they say. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.corrections import CorrectedItem
from registry.graph_corrections import CorrectionLine
from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation, Sentence, Technique
from vedette.extraction.prose.corrections.kinds import AddEntity, AddRelation, ChangeEntity, Place, RejectEntity
from web.console.entity_kinds import GROUPS, Group, group_of

SENTENCES: Final = 40
"""Sentences on a page."""

MOST: Final = 3_000
"""Characters of one sentence that are shown; a sentence of a person's has some hundreds."""

RELATED: Final = 40
"""Relations of one sentence that are shown."""

_PIECE: Final = 900
"""Characters of a piece: a page cuts a longer text."""

_GAP: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some characters of a sentence."""

    text: str
    """What stands there; a page escapes it."""
    entity: Entity | None = None
    """What it names; None: nothing."""
    group: str = ""
    """How that looks."""
    by: str = ""
    """Who corrected it, where a person did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A relation that a sentence states."""

    relation: EntityRelation
    """What."""
    head: Entity
    """From what."""
    tail: Entity
    """To what."""
    by: str = ""
    """Who said so, where a person did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A sentence, or what stands between two that was not read."""

    number: int
    """Its number, from 1; 0: it is no sentence."""
    kind: str
    """prose, heading, list, table, code, boilerplate; `gap` where it is none."""
    pieces: tuple[Piece, ...]
    """What stands there."""
    more: int = 0
    """Characters that are not shown."""
    said: tuple[Said, ...] = ()
    """What it states."""
    said_more: int = 0
    """Relations that are not shown."""
    techniques: tuple[Technique, ...] = ()
    """What it describes."""
    corrections: int = 0
    """How many corrections of it count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A group of the legend."""

    group: Group
    """Which."""
    count: int
    """Entities of it in the document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPage:
    """A page of a document."""

    rows: tuple[Row, ...]
    """Its sentences, and what stands between them."""
    number: int
    """Of the page, from 1."""
    pages: int
    """How many there are."""
    first: int
    """Number of its first sentence."""
    last: int
    """Number of its last one."""
    sentences: int
    """How many the document has."""


def page_of(sentence: int) -> int:
    """Return the number of the page on which a sentence is, from 1."""
    return (max(1, sentence) - 1) // SENTENCES + 1


def text_page(item: CorrectedItem, *, page: int) -> TextPage:
    """Return a page of a document as people corrected it; the last one where there are not so many."""
    document = item.corrected.document
    total = len(document.sentences)
    pages = max(1, page_of(total))
    number = min(max(1, page), pages)
    first = (number - 1) * SENTENCES
    last = min(total, first + SENTENCES)
    return TextPage(
        rows=tuple(_rows(item, first, last)),
        number=number,
        pages=pages,
        first=first + 1,
        last=last,
        sentences=total,
    )


def sentence_row(item: CorrectedItem, number: int) -> Row | None:
    """Return one sentence by its number, from 1; None: there is none."""
    if not 1 <= number <= len(item.corrected.document.sentences):
        return None
    return _Rows(item, number - 1, number).row(number - 1)


def legend_of(document: AnnotatedDocument) -> list[Counted]:
    """Return the groups of which a document has entities."""
    counts = Counter(group_of(one.label).name for one in document.entities)
    return [Counted(group=group, count=counts[group.name]) for group in GROUPS if counts[group.name]]


def entities_near(document: AnnotatedDocument, number: int, *, around: int = 0) -> list[Entity]:
    """Return the entities of a sentence, by its number from 1, and of so many around it."""
    return [one for one in document.entities if abs(one.sentence - (number - 1)) <= around]


def sentences_of(line: CorrectionLine, document: AnnotatedDocument) -> int:
    """Return the number of the sentence that a correction is about, from 1; 0: it stands in none."""
    return _sentence_at(document.sentences, _places(line)[0].start)


def _rows(item: CorrectedItem, first: int, last: int) -> Iterator[Row]:
    document, rows = item.corrected.document, _Rows(item, first, last)
    end = document.sentences[first - 1].end if first else 0
    for number in range(first, last):
        sentence = document.sentences[number]
        yield from _gap(document.text[end : sentence.start])
        yield rows.row(number)
        end = sentence.end
    if last == len(document.sentences):
        yield from _gap(document.text[end:])


def _gap(text: str) -> Iterator[Row]:
    plain = text.strip()
    if plain:
        yield Row(number=0, kind="gap", pieces=tuple(_cut(plain[:_GAP])), more=max(0, len(plain) - _GAP))


class _Rows:
    """Makes the rows of some sentences: what is said in each is looked up once for all of them."""

    def __init__(self, item: CorrectedItem, first: int, last: int) -> None:
        document = item.corrected.document
        self._document = document
        self._starts = [one.start for one in document.entities]
        self._said: dict[int, list[EntityRelation]] = {}
        for one in document.relations:
            if first <= one.sentence < last:
                self._said.setdefault(one.sentence, []).append(one)
        counting = [line for line in item.lines if line.counts and line.id not in item.unfit]
        self._by = {key: line.made_by for line in counting for key in _keys(line)}
        self._corrections = Counter(sentences_of(line, document) for line in counting)

    def row(self, number: int) -> Row:
        sentence = self._document.sentences[number]
        end = min(sentence.end, sentence.start + MOST)
        said = [self._told(one) for one in self._said.get(number, ())]
        return Row(
            number=number + 1,
            kind=sentence.kind,
            pieces=tuple(self._pieces(sentence.start, end)),
            more=sentence.end - end,
            said=tuple(said[:RELATED]),
            said_more=max(0, len(said) - RELATED),
            techniques=sentence.techniques,
            corrections=self._corrections[number + 1],
        )

    def _told(self, relation: EntityRelation) -> Said:
        head, tail = (self._document.entities[id] for id in (relation.head, relation.tail))
        key = (head.start, head.end, relation.relation, tail.start, tail.end)
        return Said(relation=relation, head=head, tail=tail, by=self._by.get(key, ""))

    def _pieces(self, start: int, end: int) -> Iterator[Piece]:
        text, at = self._document.text, start
        for entity in self._document.entities[bisect_left(self._starts, start) :]:
            if entity.start >= end:
                break
            yield from _cut(text[at : entity.start])
            shown = text[entity.start : min(entity.end, end)]
            for piece in _cut(shown):
                yield Piece(
                    text=piece.text,
                    entity=entity,
                    group=group_of(entity.label).name,
                    by=self._by.get((entity.start, entity.end), ""),
                )
            at = min(entity.end, end)
        yield from _cut(text[at:end])


def _cut(text: str) -> Iterator[Piece]:
    for at in range(0, len(text), _PIECE):
        yield Piece(text=text[at : at + _PIECE])


def _places(line: CorrectionLine) -> tuple[Place, ...]:
    correction = line.correction
    if isinstance(correction, ChangeEntity):
        return correction.to, correction.at
    if isinstance(correction, RejectEntity | AddEntity):
        return (correction.at,)
    return correction.head, correction.tail


def _keys(line: CorrectionLine) -> Iterable[tuple[object, ...]]:
    """Return what of the document a correction made: an entity by its span, a relation by those of its ends."""
    correction = line.correction
    if isinstance(correction, ChangeEntity):
        return [correction.to.span]
    if isinstance(correction, AddEntity):
        return [correction.at.span]
    if isinstance(correction, AddRelation):
        return [(*correction.head.span, correction.relation, *correction.tail.span)]
    return []


def _sentence_at(sentences: Sequence[Sentence], offset: int) -> int:
    number = bisect_left(sentences, offset + 1, key=lambda one: one.start)
    return number if number and offset < sentences[number - 1].end else 0


def relation_totals(document: AnnotatedDocument) -> Mapping[str, int]:
    """Return how many relations a document states, denies, and does not vouch for."""
    denied = sum(one.negated for one in document.relations)
    hedged = sum(one.hedged and not one.negated for one in document.relations)
    return {"stated": len(document.relations) - denied, "hedged": hedged, "denied": denied}
