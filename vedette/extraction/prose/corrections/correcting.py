"""What people corrected in an annotated document, and applying it. Pure.

A correction names its place by offsets and by the text that stands there, so that one made of an older reading is
never applied to something else: what does not fit any more is reported. Corrections are applied in their order; a
person's last word counts, and more than the reader's: what overlaps an entity that a person marked is not marked any
more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from vedette.errors import RefusedError
from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation, Offset, Sentence
from vedette.extraction.prose.corrections.retagging import retag
from vedette.extraction.prose.labels import Label, Relation

MAX_PLACE: Final = 400
"""Characters of a place: an entity is a name, no paragraph."""

_SHOWN: Final = 80


class Place(BaseModel):
    """Some characters of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Offset
    """Of its first character."""
    end: Offset
    """Behind its last one."""
    text: Annotated[str, Field(min_length=1, max_length=MAX_PLACE)]
    """What stands there."""

    @model_validator(mode="after")
    def _check(self) -> Place:
        if self.end - self.start != len(self.text) or not self.text.strip():
            raise ValueError("start and end must be those of the text, which must not be blank")
        # A lone surrogate is no character, and no database keeps one.
        self.text.encode()
        return self

    @property
    def span(self) -> tuple[int, int]:
        """Start and end."""
        return self.start, self.end

    def __str__(self) -> str:
        return f"{self.text[:_SHOWN]!r} [{self.start}-{self.end}]"


class _Correction(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RejectEntity(_Correction):
    """What was taken for an entity names nothing; what was said of it goes with it."""

    kind: Literal["reject-entity"] = "reject-entity"
    at: Place
    """Where the entity is."""

    def __str__(self) -> str:
        return f"{self.at} is no entity"


class ChangeEntity(_Correction):
    """An entity is something else, or more or less of the text; what was said of it stays."""

    kind: Literal["change-entity"] = "change-entity"
    at: Place
    """Where the entity is."""
    label: Label
    """What it is."""
    to: Place
    """Which characters name it; `at` where those were right."""

    def __str__(self) -> str:
        moved = "" if self.to == self.at else f", and it is {self.to}"
        return f"{self.at} is {self.label}{moved}"


class AddEntity(_Correction):
    """Something is named that was not seen."""

    kind: Literal["add-entity"] = "add-entity"
    at: Place
    """Which characters name it."""
    label: Label
    """What it is."""

    def __str__(self) -> str:
        return f"{self.at} is {self.label}, and was not seen"


class RejectRelation(_Correction):
    """The text does not say that."""

    kind: Literal["reject-relation"] = "reject-relation"
    head: Place
    """The entity that it is read from."""
    relation: Relation
    """What it is said to have to do with the other."""
    tail: Place
    """The entity that it leads to."""

    def __str__(self) -> str:
        return f"not: {self.head} {self.relation} {self.tail}"


class AddRelation(_Correction):
    """The text says that."""

    kind: Literal["add-relation"] = "add-relation"
    head: Place
    """The entity that it is read from."""
    relation: Relation
    """What it has to do with the other."""
    tail: Place
    """The entity that it leads to."""

    def __str__(self) -> str:
        return f"{self.head} {self.relation} {self.tail}"


Correction = Annotated[
    RejectEntity | ChangeEntity | AddEntity | RejectRelation | AddRelation, Field(discriminator="kind")
]
"""Anything that a person can correct."""

_ADAPTER: Final[TypeAdapter[Correction]] = TypeAdapter(Correction)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfit:
    """A correction that could not be applied."""

    place: int
    """Its place among those that were given, from 0."""
    correction: Correction
    """The correction."""
    reason: str
    """Why not."""

    def __str__(self) -> str:
        return f"a person's correction does not fit any more, {self.reason}: {self.correction}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedDocument:
    """A document with its corrections."""

    document: AnnotatedDocument
    """What it says with them."""
    unfit: tuple[Unfit, ...] = ()
    """Those that do not fit, in their order."""


class _UnfitError(Exception):
    """Why a correction cannot be applied."""


def parse_correction(value: Any) -> Correction:
    """Return a correction from its JSON value.

    Raises:
        RefusedError: it is none; names the field.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "correction"
        raise RefusedError(field, str(first["msg"])) from error


def parse_corrections(values: Iterable[Any]) -> list[Correction]:
    """Return corrections from their JSON values.

    Raises:
        RefusedError: one is none.
    """
    return [parse_correction(value) for value in values]


def apply(document: AnnotatedDocument, corrections: Sequence[Correction]) -> CorrectedDocument:
    """Return a document as people corrected it; what they say has origin `person` and confidence 1."""
    if not corrections:
        return CorrectedDocument(document=document)
    bench, unfit = _Bench(document), []
    for place, correction in enumerate(corrections):
        try:
            bench.take(correction)
        except _UnfitError as error:
            unfit.append(Unfit(place=place, correction=correction, reason=str(error)))
    return CorrectedDocument(document=bench.finished(), unfit=tuple(unfit))


class _Bench:
    """A document taken apart: entities and relations by keys that do not change while others come and go."""

    def __init__(self, document: AnnotatedDocument) -> None:
        self._document = document
        self._entities: dict[int, Entity] = {one.id: one for one in document.entities}
        self._relations: list[EntityRelation] = list(document.relations)
        self._next = max(self._entities, default=-1) + 1
        self._parted: set[int] = set()

    def take(self, correction: Correction) -> None:
        """Apply one.

        Raises:
            _UnfitError: it does not fit.
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
            one.model_copy(update={"head": numbers[one.head], "tail": numbers[one.tail]}) for one in self._relations
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
            raise _UnfitError("another text stands there now")

    def _entity(self, place: Place) -> Entity:
        self._check(place)
        for one in self._entities.values():
            if (one.start, one.end) == place.span:
                return one
        raise _UnfitError(f"no entity is read at {place}")

    def _clear(self, place: Place, *, but: int | None = None) -> None:
        """Drop what overlaps a place."""
        for one in list(self._entities.values()):
            if one.id != but and one.start < place.end and place.start < one.end:
                self._drop(one)

    def _drop(self, entity: Entity) -> None:
        del self._entities[entity.id]
        self._relations = [one for one in self._relations if entity.id not in (one.head, one.tail)]

    def _change(self, entity: Entity, correction: ChangeEntity) -> None:
        to = correction.to
        self._check(to)
        sentence = _sentence_of(self._document.sentences, to)
        self._clear(to, but=entity.id)
        update: dict[str, Any] = {"label": correction.label, "confidence": 1.0, "origin": "person"}
        if to.span != (entity.start, entity.end):
            update |= {"start": to.start, "end": to.end, "text": to.text, "value": _value(to), "sentence": sentence}
        if correction.label != entity.label:
            self._parted.add(entity.id)
        # What has another name or is another thing is not the same as what it was taken for.
        self._entities[entity.id] = entity.model_copy(update=update | {"same_as": None})

    def _add(self, correction: AddEntity) -> None:
        place = correction.at
        self._check(place)
        sentence = _sentence_of(self._document.sentences, place)
        self._clear(place)
        self._entities[self._next] = Entity(
            id=self._next,
            start=place.start,
            end=place.end,
            text=place.text,
            label=correction.label,
            value=_value(place),
            confidence=1.0,
            origin="person",
            sentence=sentence,
        )
        self._next += 1

    def _reject(self, correction: RejectRelation) -> None:
        head, tail = self._entity(correction.head), self._entity(correction.tail)
        said = (head.id, correction.relation, tail.id)
        kept = [one for one in self._relations if (one.head, one.relation, one.tail) != said]
        if len(kept) == len(self._relations):
            raise _UnfitError("the relation is not read any more")
        self._relations = kept

    def _relate(self, correction: AddRelation) -> None:
        head, tail = self._entity(correction.head), self._entity(correction.tail)
        if head.id == tail.id:
            raise _UnfitError("it leads from an entity to itself")
        said = (head.id, correction.relation, tail.id)
        self._relations = [one for one in self._relations if (one.head, one.relation, one.tail) != said]
        self._relations.append(
            EntityRelation(
                head=head.id,
                tail=tail.id,
                relation=correction.relation,
                confidence=1.0,
                sentence=head.sentence,
                origin="person",
            )
        )


def _value(place: Place) -> str:
    """Return the canonical form of a name: its spaces made one; empty where it is the text."""
    value = " ".join(place.text.split())
    return "" if value == place.text else value


def _sentence_of(sentences: Sequence[Sentence], place: Place) -> int:
    for number, one in enumerate(sentences):
        if one.start <= place.start < one.end:
            if place.end > one.end:
                raise _UnfitError("it goes past the end of its sentence")
            return number
    raise _UnfitError("it stands in no sentence")


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
