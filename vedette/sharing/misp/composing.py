"""An event while it is made: attributes, objects and references, each once, none that a server would drop. Pure.

What a server would drop is left out here, with the reason; a victim's own values, and those on warning lists, never
become an alarm, wherever in the event they stand.
"""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.guarding import Guarded
from vedette.sharing.misp.ids import attribute_uuid, object_attribute_uuid, object_uuid, reference_uuid
from vedette.sharing.misp.options import INHERITED
from vedette.sharing.misp.templates import Relation, Template, attribute_types, template
from vedette.sharing.misp.values import UnfitValueError, canonical_value, one_line, seconds, seen

Document = dict[str, Any]
"""MISP's JSON of an event or of a part of it."""

_SHOWN: Final = 80
"""Characters of a value in a reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What holds for all that is made of one thing."""

    what: str
    """The thing, for a person."""
    vertex: str = ""
    """Its id in the graph, where it is there."""
    first: int = 0
    """When it was seen first, UTC, microseconds; 0: not known."""
    last: int = 0
    """When it was seen last."""
    comment: str = ""
    """Who says so, for a person."""
    alarming: bool = False
    """Whether sensors may raise an alarm for its value."""
    guarded: bool = False
    """Whether no alarm may be raised for its value, whoever else names it."""


@dataclass(frozen=True, slots=True)
class Part:
    """An attribute of an object."""

    relation: str
    """What it is to the object."""
    value: str
    """As it is known here; an empty one is left out."""
    alarm: bool = False
    """Whether it is what an alarm is raised for, where its object is alarming."""
    data: bytes | None = None
    """What is attached."""
    yields: bool = False
    """Whether it gives way, without a word, to another of its relation that was said before."""


class Composing:
    """Collects what is in an event."""

    def __init__(self, event: uuid.UUID) -> None:
        self.event = event
        """Its id."""
        self.attributes: dict[str, Document] = {}
        """By uuid; those in no object."""
        self.objects: dict[str, Document] = {}
        """By uuid."""
        self.reports: list[Document] = []
        self.tags: set[str] = set()
        self._guarded = Guarded()
        self._withheld: list[Withheld] = []
        self._counted: Counter[tuple[str, str]] = Counter()

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What was left out, and why."""
        counted = [
            Withheld(what=f"{what}, {number} in all", reason=reason)
            for (what, reason), number in self._counted.items()
        ]
        return (*self._withheld, *counted)

    def attribute(self, type: str, value: str, said: Said, *, data: bytes | None = None, comment: str = "") -> str:
        """Add an attribute that is in no object; returns its uuid, empty where a server would drop it."""
        try:
            known = canonical_value(type, value)
        except UnfitValueError as error:
            self.withhold(f'{said.what}: {type} "{value[:_SHOWN]}"', str(error), said.vertex)
            return ""
        alarm = said.alarming and attribute_types()[type].alarms
        id = attribute_uuid(self.event, type, known)
        made = _attribute(id, type, attribute_types()[type].category, known, said, alarm=alarm, data=data)
        if comment:
            made["comment"] = "; ".join(text for text in (one_line(comment), made["comment"]) if text)
        self._guard(known, said)
        there = self.attributes.setdefault(id, made)
        if there is not made:
            _unite(there, made)
        return id

    def object(self, name: str, identity: str, parts: Sequence[Part], said: Said, *, comment: str = "") -> str:
        """Add an object, or more attributes to it; returns its uuid, empty where it would lack what it must have.

        Args:
            name: of its template.
            identity: what tells it from others of its template: a value in canonical form, or an id.
            parts: its attributes; a server's refusals are left out one by one.
            said: what holds for all of it.
            comment: of the object.
        """
        known = template(name)
        id = object_uuid(self.event, name, identity)
        fit = self._fit(parts, said, name)
        relations = {part.relation for part, _ in fit}
        if id not in self.objects and not (
            known.required <= relations and (not known.one_of or known.one_of & relations)
        ):
            needed = ", ".join(sorted(known.required or known.one_of)[:6])
            self.withhold(said.what, f"an object {name} of it would lack what it must have: {needed}", said.vertex)
            return ""
        made = self.objects.setdefault(id, _empty(id, known, comment))
        _cover(made, said)
        for part, value in fit:
            self._add_part(made, known.relations[part.relation], part, value, said)
        return id

    def refer(self, object: str, relationship: str, target: str, said: Said) -> None:
        """Add a reference from an object to another thing of the event."""
        id = reference_uuid(object, relationship, target)
        references = self.objects[object]["ObjectReference"]
        made = references.setdefault(
            id,
            {
                "uuid": id,
                "object_uuid": object,
                "referenced_uuid": target,
                "relationship_type": relationship,
                "comment": said.comment,
                "timestamp": seconds(said.last),
                "deleted": False,
            },
        )
        made["timestamp"] = _later(made["timestamp"], seconds(said.last))

    def is_object(self, id: str) -> bool:
        """Tell whether a thing of the event is an object: references start at these only."""
        return id in self.objects

    def holds(self, object: str, target: str) -> bool:
        """Tell whether an object has the value of an attribute that is in none."""
        there = self.attributes.get(target)
        if there is None:
            return False
        return any(part["value"] == there["value"] for part in self.objects[object]["Attribute"].values())

    def withhold(self, what: str, reason: str, vertex: str = "") -> None:
        """Say that something is left out."""
        self._withheld.append(Withheld(what=what, reason=reason, vertex=vertex))

    def withhold_one_of(self, what: str, reason: str) -> None:
        """Say that one more of many things of a kind is left out."""
        self._counted[what, reason] += 1

    def finish(self) -> tuple[list[Document], list[Document]]:
        """Return the attributes and the objects, sorted by uuid; no guarded value raises an alarm in any."""
        objects = []
        for _, made in sorted(self.objects.items()):
            parts = [part for _, part in sorted(made["Attribute"].items())]
            made["timestamp"] = max([made["timestamp"], *(part["timestamp"] for part in parts)], key=int)
            references = [one for _, one in sorted(made["ObjectReference"].items())]
            objects.append(made | {"Attribute": parts, "ObjectReference": references})
        attributes = [one for _, one in sorted(self.attributes.items())]
        for one in (*attributes, *(part for made in objects for part in made["Attribute"])):
            one["to_ids"] = one["to_ids"] and not self._guarded.has(one["type"], one["value"])
        return attributes, objects

    def _fit(self, parts: Sequence[Part], said: Said, name: str) -> list[tuple[Part, str]]:
        """Return the parts that a server keeps, with their values in its form."""
        fit = []
        for part in parts:
            if not part.value:
                continue
            type = template(name).relations[part.relation].type
            try:
                fit.append((part, canonical_value(type, part.value)))
            except UnfitValueError as error:
                what = f'{said.what}: {part.relation} "{part.value[:_SHOWN]}" of an object {name}'
                self.withhold(what, str(error), said.vertex)
        return fit

    def _add_part(self, made: Document, relation: Relation, part: Part, value: str, said: Said) -> None:
        attributes = made["Attribute"]
        id = object_attribute_uuid(made["uuid"], part.relation, value)
        if not relation.multiple and any(
            one["object_relation"] == part.relation and one["uuid"] != id for one in attributes.values()
        ):
            if part.yields:
                return
            what = f'{said.what}: a second {part.relation} "{value[:_SHOWN]}" of an object {made["name"]}'
            self.withhold(what, "its template takes one only", said.vertex)
            return
        alarm = part.alarm and said.alarming and attribute_types()[relation.type].alarms
        new = _attribute(id, relation.type, relation.category, value, said, alarm=alarm, data=part.data)
        new["object_relation"] = part.relation
        if part.alarm:
            self._guard(value, said)
        there = attributes.setdefault(id, new)
        if there is not new:
            _unite(there, new)

    def _guard(self, value: str, said: Said) -> None:
        if said.guarded:
            self._guarded.add(value)


def _empty(id: str, known: Template, comment: str) -> Document:
    """Return an object without anything in it; what is in it is by uuid until the event is finished."""
    return {
        "uuid": id,
        "name": known.name,
        "meta-category": known.meta_category,
        "description": known.description,
        "template_uuid": known.uuid,
        "template_version": known.version,
        "distribution": INHERITED,
        "deleted": False,
        "comment": comment,
        "timestamp": "0",
        "Attribute": {},
        "ObjectReference": {},
    }


def _attribute(
    id: str, type: str, category: str, value: str, said: Said, *, alarm: bool, data: bytes | None
) -> Document:
    made = {
        "uuid": id,
        "type": type,
        "category": category,
        "value": value,
        "to_ids": alarm,
        "comment": said.comment,
        "timestamp": seconds(said.last),
        "distribution": INHERITED,
        "deleted": False,
    }
    if said.first > 0:
        made |= {"first_seen": seen(said.first), "last_seen": seen(max(said.first, said.last))}
    if data is not None:
        made["data"] = base64.b64encode(data).decode()
    return made


def _later(first: str, second: str) -> str:
    return max(first, second, key=int)


def _unite(there: Document, new: Document) -> None:
    """Make one attribute of two that say the same."""
    there["to_ids"] = there["to_ids"] or new["to_ids"]
    said = dict.fromkeys(text for one in (there, new) for text in one["comment"].split("; ") if text)
    there["comment"] = "; ".join(said)
    _span(there, new)


def _cover(made: Document, said: Said) -> None:
    """Let an object's times cover what is said now."""
    new: Document = {"timestamp": seconds(said.last)}
    if said.first > 0:
        new |= {"first_seen": seen(said.first), "last_seen": seen(max(said.first, said.last))}
    _span(made, new)


def _span(there: Document, new: Document) -> None:
    there["timestamp"] = _later(there["timestamp"], new["timestamp"])
    if "first_seen" in new:
        there["first_seen"] = min(there.get("first_seen", new["first_seen"]), new["first_seen"])
        there["last_seen"] = max(there.get("last_seen", new["last_seen"]), new["last_seen"])
