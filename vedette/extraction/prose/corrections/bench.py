"""A document on which corrections are made: each costs what it touches, not the whole document. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation
from vedette.extraction.prose.corrections.kinds import (
    AddEntity,
    AddRelation,
    ChangeEntity,
    Correction,
    Place,
    RejectEntity,
    RejectRelation,
)
from vedette.extraction.prose.corrections.retagging import retag
from vedette.extraction.prose.labels import Relation


class UnfitError(Exception):
    """Why a correction cannot be applied."""


class Bench:
    """A document taken apart: entities and relations by keys that do not change while others come and go."""

    def __init__(self, document: AnnotatedDocument) -> None:
        self._document = document
        self._sentences = [one.start for one in document.sentences]
        self._entities: dict[int, Entity] = {one.id: one for one in document.entities}
        self._spans = sorted((one.start, one.end, one.id) for one in document.entities)
        self._relations: dict[int, EntityRelation] = {}
        self._places = count()
        self._said_of: defaultdict[int, set[int]] = defaultdict(set)
        for one in document.relations:
            self._say(one)
        self._parted: set[int] = set()
        self._ids = count(max(self._entities, default=-1) + 1)

    def take(self, correction: Correction) -> None:
        """Apply one.

        Raises:
            UnfitError: it does not fit.
        """
        if isinstance(correction, RejectEntity):
            self._drop(self._entity(correction.at))
        elif isinstance(correction, ChangeEntity):
            self._change(self._entity(correction.at), correction)
        elif isinstance(correction, AddEntity):
            self._add(correction)
        elif isinstance(correction, RejectRelation):
            self._reject(correction)
        else:
            self._relate(correction)

    def finished(self) -> AnnotatedDocument:
        """Return the document, entities numbered by their beginning, and its tokens labelled anew."""
        ordered = sorted(self._entities.values(), key=lambda one: (one.start, one.end))
        numbers = {one.id: number for number, one in enumerate(ordered)}
        entities = tuple(_unified(ordered, numbers, self._parted))
        relations = tuple(
            one.model_copy(update={"head": numbers[one.head], "tail": numbers[one.tail]})
            for one in self._relations.values()
        )
        return self._document.model_copy(
            update={
                "entities": entities,
                "relations": relations,
                "sentences": retag(self._document.sentences, entities),
            }
        )

    def _check(self, place: Place) -> None:
        if self._document.text[place.start : place.end] != place.text:
            raise UnfitError("another text stands there now")

    def _entity(self, place: Place) -> Entity:
        self._check(place)
        at = bisect_left(self._spans, (*place.span, 0))
        if at < len(self._spans) and self._spans[at][:2] == place.span:
            return self._entities[self._spans[at][2]]
        raise UnfitError(f"no entity is read at {place}")

    def _clear(self, place: Place, *, but: int | None = None) -> None:
        """Drop what overlaps a place; entities do not overlap each other."""
        at = bisect_left(self._spans, (place.end,)) - 1
        while at >= 0 and self._spans[at][1] > place.start:
            if self._spans[at][2] != but:
                self._drop(self._entities[self._spans[at][2]])
            at -= 1

    def _sentence_of(self, place: Place) -> int:
        number = bisect_right(self._sentences, place.start) - 1
        if number < 0 or place.start >= self._document.sentences[number].end:
            raise UnfitError("it stands in no sentence")
        if place.end > self._document.sentences[number].end:
            raise UnfitError("it goes past the end of its sentence")
        return number

    def _put(self, entity: Entity) -> None:
        insort(self._spans, (entity.start, entity.end, entity.id))
        self._entities[entity.id] = entity

    def _take_out(self, entity: Entity) -> None:
        del self._spans[bisect_left(self._spans, (entity.start, entity.end, entity.id))]
        del self._entities[entity.id]

    def _drop(self, entity: Entity) -> None:
        self._take_out(entity)
        for place in sorted(self._said_of.pop(entity.id, ())):
            self._unsay(place)

    def _say(self, relation: EntityRelation) -> None:
        place = next(self._places)
        self._relations[place] = relation
        self._said_of[relation.head].add(place)
        self._said_of[relation.tail].add(place)

    def _unsay(self, place: int) -> None:
        gone = self._relations.pop(place)
        for end in (gone.head, gone.tail):
            self._said_of[end].discard(place)

    def _places_of(self, said: tuple[int, Relation, int]) -> list[int]:
        """Return where something is said of two entities: a text says it more than once at times."""
        both = self._said_of[said[0]] & self._said_of[said[2]]
        return sorted(one for one in both if _said(self._relations[one]) == said)

    def _change(self, entity: Entity, correction: ChangeEntity) -> None:
        to = correction.to
        self._check(to)
        sentence = self._sentence_of(to)
        self._clear(to, but=entity.id)
        update: dict[str, Any] = {"label": correction.label, "confidence": 1.0, "origin": "person"}
        if to.span != (entity.start, entity.end):
            update |= {"start": to.start, "end": to.end, "text": to.text, "value": _value(to), "sentence": sentence}
        if correction.label != entity.label:
            self._parted.add(entity.id)
        # What has another name or is another thing is not the same as what it was taken for.
        self._take_out(entity)
        self._put(entity.model_copy(update=update | {"same_as": None}))

    def _add(self, correction: AddEntity) -> None:
        place = correction.at
        self._check(place)
        sentence = self._sentence_of(place)
        self._clear(place)
        self._put(
            Entity(
                id=next(self._ids),
                start=place.start,
                end=place.end,
                text=place.text,
                label=correction.label,
                value=_value(place),
                confidence=1.0,
                origin="person",
                sentence=sentence,
            )
        )

    def _reject(self, correction: RejectRelation) -> None:
        head, tail = self._entity(correction.head), self._entity(correction.tail)
        places = self._places_of((head.id, correction.relation, tail.id))
        if not places:
            raise UnfitError("the relation is not read any more")
        for place in places:
            self._unsay(place)

    def _relate(self, correction: AddRelation) -> None:
        head, tail = self._entity(correction.head), self._entity(correction.tail)
        if head.id == tail.id:
            raise UnfitError("it leads from an entity to itself")
        for place in self._places_of((head.id, correction.relation, tail.id)):
            self._unsay(place)
        self._say(
            EntityRelation(
                head=head.id,
                tail=tail.id,
                relation=correction.relation,
                confidence=1.0,
                sentence=head.sentence,
                origin="person",
            )
        )


def _said(relation: EntityRelation) -> tuple[int, Relation, int]:
    return relation.head, relation.relation, relation.tail


def _value(place: Place) -> str:
    """Return the canonical form of a name: its spaces made one; empty where it is the text."""
    value = " ".join(place.text.split())
    return "" if value == place.text else value


def _unified(ordered: Sequence[Entity], numbers: Mapping[int, int], parted: Collection[int]) -> Iterable[Entity]:
    """Yield entities with their new ids, each leading to the first one that is the same thing.

    Args:
        ordered: by their beginning.
        numbers: the new ids by the old ones.
        parted: old ids of those that are another thing than the reader's group of them.
    """
    first_of: dict[int, int] = {}
    by_name: dict[tuple[str, str], int] = {}
    for one in ordered:
        id = numbers[one.id]
        # The reader's groups, by the id that was the first: it may be gone, then the next of them is.
        group = one.id if one.same_as is None else one.same_as
        name = (one.label, one.name.casefold())
        same = by_name.get(name) if one.origin == "person" else first_of.get(group)
        if one.id not in parted:
            first_of.setdefault(group, id)
        by_name.setdefault(name, id if same is None else same)
        yield one.model_copy(update={"id": id, "same_as": same})
