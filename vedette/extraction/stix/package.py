"""STIX 1.x packages: components and observables become vertices, what holds or refers to another becomes an edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.extraction.building import (
    EXPLOIT_TARGET_RELATED,
    EXPLOITS,
    OBSERVABLE,
    SUB_OBSERVABLE,
    USES_IP,
    Building,
)
from vedette.extraction.drafting import Given
from vedette.extraction.interface import ExtractionError
from vedette.extraction.stix.components import COMPONENTS, Described, sources
from vedette.extraction.stix.cybox_types import INLINE, kept_properties, object_type
from vedette.extraction.stix.observables import Naming, Thing, object_properties
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.xml_tree import XmlElement

MAX_SOURCE_DOCUMENT = 16_384
"""Bytes of an element that are repeated as `sourceDocument`; longer ones are found by their position alone."""

_ROOTS: Final = frozenset({"STIX_Package", "Observables", *COMPONENTS, OBSERVABLE})
"""Elements that may be without content."""

_OBJECTS: Final = frozenset({"Related_Object", "Associated_Object", "Affected_Object"})
"""Objects in an observable that are observables themselves."""

_UNRELATED: Final = frozenset(
    {"Handling", "Information_Source", "Kill_Chain_Phases", "Observable_Source", "Producer", "STIX_Header"}
)
"""Parts in which nothing refers to a component."""

_RELATIONS: Final[Mapping[str, str]] = {
    "Attributed_Threat_Actor": "RelatedThreatActor",
    "Threat_Actor": "RelatedThreatActor",
}
"""Relations that are not called as the element around the component is."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A component that became vertices."""

    component: str
    """Name of its element."""
    type: str
    """`vertexType` of the first."""
    ids: tuple[str, ...]
    """Of its vertices."""

    @property
    def observable(self) -> bool:
        return self.component == OBSERVABLE


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference that is resolved when all components are known."""

    out: _Made
    element: XmlElement
    target: str
    around: XmlElement


class PackageReader:
    """Reads one package, or any element of one."""

    def __init__(self, content: bytes, root: XmlElement) -> None:
        """Read the tree of a document's bytes."""
        self._content = content
        self._root = root
        header = root.child("STIX_Header")
        named = sources(header) if header else []
        self._building = Building(source=named[0] if named else "")
        self._made: dict[str, _Made] = {}
        self._same: dict[tuple[str, str, str], str] = {}
        self._references: list[_Reference] = []
        index = {name: element for element in root.walk() if (name := _id(element))}
        self._naming = Naming(index)

    def read(self) -> Subgraph:
        """Return what it states.

        Raises:
            ExtractionError: it holds nothing of STIX, or too much.
        """
        self._visit(self._root, None, self._root)
        for reference in self._references:
            target = self._made.get(reference.target)
            if target is None:
                where = reference.element.position(_label(reference.element, reference.target))
                self._building.skip(where, f"it refers to {reference.target}, which is not in the document")
            else:
                self._relate(reference.out, target, reference.element, reference.around)
        done = self._building.done()
        if not done and self._root.name not in _ROOTS:
            raise ExtractionError(
                f"it is no STIX: it begins with <{self._root.name[:40]}>, and holds no component of it"
            )
        return done

    def _visit(self, element: XmlElement, outer: _Made | None, around: XmlElement) -> None:
        if element.name in _UNRELATED:
            return
        target = element.attribute("idref") or element.attribute("object_reference")
        if target:
            if outer:
                self._references.append(_Reference(outer, element, target, around))
            return
        made = self._draft(element, outer)
        if made and outer:
            self._relate(outer, made, element, around)
        for child in element.children:
            self._visit(child, made or outer, element)

    # Vertices --------------------------------------------------------------------------

    def _draft(self, element: XmlElement, outer: _Made | None) -> _Made | None:
        """Return the vertices of an element; None: it is none itself."""
        if element.name == OBSERVABLE and element.child(OBSERVABLE) is None:
            return self._observable(element)
        if outer and outer.observable:
            return self._object_within(element)
        describe = COMPONENTS.get(element.name)
        # An element around a component may have the component's name (`ttp:Exploit_Target`).
        if describe is None or (element.child(element.name) is not None and not _id(element)):
            return None
        described = [one for one in describe(element) if one.says_something or _id(element)]
        return self._components(element, described) if described else None

    def _components(self, element: XmlElement, described: list[Described]) -> _Made:
        place = element.position(_label(element, _id(element)))
        first, *others = described
        ids = [self._component(element, first, _id(element), place)]
        ids += [self._component(element, other, "", place) for other in others]
        return self._keep(element, _Made(element.name, first.type, tuple(ids)))

    def _component(self, element: XmlElement, described: Described, id: str, place: Position) -> str:
        said = {**described.properties, "sourceDocument": self._source_document(element)}
        if said.get("title") == described.type:
            del said["title"]
        name = described.name or ("" if id else str(said.get("title") or ""))
        return self._vertex(Thing(type=described.type, observable="", name=name), said, id, place)

    def _observable(self, element: XmlElement) -> _Made | None:
        holder = element.child("Object") or element
        properties = holder.child("Properties")
        if properties is None:
            if not _id(element) and not element.children:
                return None
            kind = next((kind for part, kind in _PARTS.items() if element.child(part)), OBSERVABLE)
            thing = Thing(type="Observable", observable=kind, name="")
        else:
            thing = self._naming.thing(properties)
        return self._thing(element, thing, holder, properties)

    def _object_within(self, element: XmlElement) -> _Made | None:
        """Return the vertex of an object in another one; None: it is none, or nothing is known of it."""
        if element.name in _OBJECTS:
            properties = object_properties(element)
            return self._thing(element, self._naming.thing(properties), element, properties) if properties else None
        type = INLINE.get(element.name)
        if type is None or not element.children:
            return None
        thing = self._naming.thing(element, type)
        return self._thing(element, thing, element, element, type) if thing.name else None

    def _thing(
        self,
        element: XmlElement,
        thing: Thing,
        holder: XmlElement,
        properties: XmlElement | None,
        type: str = "",
    ) -> _Made:
        place = element.position(_label(element, _id(element) or thing.name))
        described = [part for part in (element, holder, properties) if part]
        said: dict[str, Given] = {
            "description": [text for part in described for text in part.texts("Description")] or thing.name,
            "source": sources(element) or None,
            # Where it has a name, its title says what kind of thing it is.
            "title": "" if thing.name or element.name != OBSERVABLE else element.find("Title"),
            "sourceDocument": self._source_document(element),
            **thing.properties,
        }
        if properties is not None:
            said |= kept_properties(type or object_type(properties), properties)
        made = _Made(OBSERVABLE, thing.type, (self._vertex(thing, said, _id(element), place),))
        for one in self._naming.several(properties, type) if properties is not None else ():
            part = self._building.add(one.type, one.name, one.properties, observable=one.observable, position=place)
            self._building.edge(made.ids[0], part, SUB_OBSERVABLE, place)
        return self._keep(element, made)

    def _vertex(self, thing: Thing, said: Mapping[str, Given], id: str, place: Position) -> str:
        """Return the id of a vertex; two components of the same name are the same thing."""
        # The package's source is that of components which name none.
        said = {name: value for name, value in said.items() if name != "source" or value}
        key = (thing.type, thing.observable, thing.name)
        known = self._same.get(key, id) if thing.name else id
        made = self._building.add(thing.type, thing.name, said, observable=thing.observable, id=known, position=place)
        if thing.name:
            self._same.setdefault(key, made)
        return made

    def _keep(self, element: XmlElement, made: _Made) -> _Made:
        """Remember under which ids an element can be referred to."""
        holder = element.child("Object")
        for name in (_id(element), _id(holder) if holder else ""):
            if name:
                self._made.setdefault(name, made)
        return made

    def _source_document(self, element: XmlElement) -> str:
        if element.start < 0 or not 0 < element.end - element.start <= MAX_SOURCE_DOCUMENT:
            return ""
        return self._content[element.start : element.end].decode("utf-8", errors="replace")

    # Edges -----------------------------------------------------------------------------

    def _relate(self, out: _Made, into: _Made, element: XmlElement, around: XmlElement) -> None:
        said = around.find("Relationship") or element.find("Relationship")
        place = element.position(_label(element, _id(element) or element.attribute("idref")))
        for target in into.ids:
            if target != out.ids[0]:
                relation = _relation(out, into, element, around)
                self._building.edge(out.ids[0], target, relation, place, relationship=said)


_PARTS: Final[Mapping[str, str]] = {"Event": "Event", "Observable_Composition": "Observable Composition"}


def _relation(out: _Made, into: _Made, element: XmlElement, around: XmlElement) -> str:
    """Return Stucco's relation between a component and one that it holds or refers to."""
    if into.observable:
        return _observed(out, into, around)
    if out.type == "Exploit" and into.component == "Exploit_Target":
        return EXPLOITS
    called = _RELATIONS.get(around.name)
    if called:
        return called
    if around.name in {out.component, f"{element.name}s"}:
        return f"Related{element.name.replace('_', '')}"
    return around.name.replace("_", "")


def _observed(out: _Made, into: _Made, around: XmlElement) -> str:
    if out.observable:
        return SUB_OBSERVABLE
    if out.component == "TTP":
        return USES_IP if into.type == "IP" else OBSERVABLE
    if out.component == "Exploit_Target":
        return EXPLOIT_TARGET_RELATED
    return "RelatedObservable" if around.name == "Related_Observable" else OBSERVABLE


def _id(element: XmlElement) -> str:
    return element.attribute("id")


def _label(element: XmlElement, name: str) -> str:
    return f"{element.name} {name}"[:200].strip()
