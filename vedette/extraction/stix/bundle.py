"""STIX 2.0 and 2.1 bundles: objects become vertices, relationships and references become edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vedette.extraction.building import OBSERVABLE, SUB_OBSERVABLE, Building
from vedette.extraction.dates import milliseconds
from vedette.extraction.drafting import Given
from vedette.extraction.entries import Entry
from vedette.extraction.interface import ExtractionError
from vedette.extraction.records import given_of
from vedette.extraction.stix.bundle_index import BundleIndex, external_ids
from vedette.extraction.stix.cyber_observables import Values, is_observable, observable_thing, single
from vedette.extraction.stix.domain_objects import domain_thing
from vedette.extraction.stix.observables import Thing
from vedette.extraction.stix.patterns import PatternError, observed
from vedette.extraction.stix.vocabulary import CUSTOM_RELATION, NO_THINGS, TIMES, property_name, related, relation
from vedette.extraction.subgraph import Position, Subgraph

MAX_FIELD = 250
"""Characters of a field's name or a relationship's type (STIX 2.1, section 3.1)."""

_PLACED: Final = frozenset({"id", "object_marking_refs", "spec_version", "type"})
"""Fields that are no property: they are in the vertex, or become something else."""

_OURS: Final = frozenset({"alias", "name", "observableType", "vertexType"})
"""Properties that no foreign field may set."""

_OBSERVED: Final = frozenset({"Observable", "IP", "AddressRange"})


class BundleReader:
    """Reads one bundle, a list of objects, or a single object."""

    def __init__(self, content: bytes) -> None:
        """Read a document.

        Raises:
            ExtractionError: nothing of it can be read.
        """
        self._index = BundleIndex(content)
        self._building = Building()
        self._types: dict[str, str] = {}
        self._vertices: dict[str, str] = {}
        self._edges: list[tuple[str, str, str, Position, dict[str, Given]]] = []

    def read(self) -> Subgraph:
        """Return what it states.

        Raises:
            ExtractionError: it holds nothing of STIX, or too much.
        """
        for number, entry in self._index.objects():
            self._object(number, entry)
        if self._index.broken:
            self._building.skip(Position("document"), self._index.broken)
        for out, into, relationship, place, said in self._edges:
            self._relate(out, into, relationship, place, said)
        done = self._building.done()
        if not done and done.problems:
            raise ExtractionError(
                f"nothing of STIX in it; {done.problems[0].position.label}: {done.problems[0].reason}"
            )
        return done

    def _object(self, number: int, entry: Entry[Any]) -> None:
        fields = entry.value
        id = single(fields.get("id")) if isinstance(fields, dict) else ""
        place = Position(f"objects[{number}] {id}"[:200].strip(), entry.start, entry.end)
        type = single(fields.get("type")) if isinstance(fields, dict) else ""
        if not type:
            self._building.skip(place, "it has no type: no object of STIX 2")
        elif type in {"relationship", CUSTOM_RELATION}:
            self._relationship(fields, place)
        elif type not in NO_THINGS:
            self._thing(id, fields, place)

    # Vertices --------------------------------------------------------------------------

    def _thing(self, id: str, fields: dict[str, Any], place: Position) -> None:
        observable = is_observable(fields)
        thing = observable_thing(fields, self._index.name) if observable else domain_thing(fields, self._index)
        if not id and not thing.name:
            self._building.skip(place, "it has neither an id nor a name")
            return
        made = self._add(thing, fields, id, place)
        self._vertices[id or made] = made
        self._types[made] = thing.type
        self._references(made, fields, place)
        for tactic in self._index.tactics(fields):
            self._edges.append((made, tactic, "kill_chain_phases", place, {"stix": "kill_chain_phases"}))
        if fields.get("type") == "indicator":
            self._pattern(made, fields, place)
        if fields.get("type") == "observed-data":
            self._contained(made, fields, place)

    def _add(self, thing: Thing, fields: Values, id: str, place: Position) -> str:
        said = {**self._properties(fields, place), **thing.properties}
        if thing.observable:
            said.setdefault("description", thing.name)
            said.pop("value", None)
        return self._building.add(thing.type, thing.name, said, observable=thing.observable, id=id, position=place)

    def _properties(self, fields: Values, place: Position) -> dict[str, Given]:
        """Return all fields of an object as properties, those of its extensions included."""
        said: dict[str, Given] = {"stixType": single(fields.get("type"))}
        for field, value in fields.items():
            if field in _PLACED or field.endswith(("_ref", "_refs")):
                continue
            if len(field) > MAX_FIELD:
                self._building.skip(place, f"a field's name of {len(field)} characters; up to {MAX_FIELD} are read")
            elif field in TIMES:
                said[TIMES[field]] = _time(value)
            elif field not in _HANDLED and (name := property_name(field)) not in _OURS:
                said.setdefault(name, _given(value))
        said["source"] = self._source(fields, place)
        said["marking"] = self._markings(fields)
        said["references"] = [
            url for one in _objects(fields.get("external_references")) if (url := single(one.get("url")))
        ]
        said["externalIds"] = [f"{source}:{name}" for source, name in external_ids(fields)]
        phases = _objects(fields.get("kill_chain_phases"))
        said["killChainPhases"] = [
            f"{single(one.get('kill_chain_name'))}:{single(one.get('phase_name'))}" for one in phases
        ]
        return said

    def _markings(self, fields: Values) -> list[str]:
        """Return how an object is marked; what is marked within it marks all of it, as a vertex has one marking."""
        granular = _objects(fields.get("granular_markings"))
        within = [text for one in granular for text in _texts(one.get("marking_ref"))]
        return [self._index.marking(mark) for mark in (*_texts(fields.get("object_marking_refs")), *within)]

    def _source(self, fields: Values, place: Position) -> str | None:
        maker = single(fields.get("created_by_ref"))
        if maker and maker not in self._index:
            self._dangling(maker, "created_by_ref", place)
        return self._index.name(maker) or None

    def _contained(self, out: str, fields: Values, place: Position) -> None:
        """Read the observables that STIX 2.0 keeps in the observed data."""
        given = fields.get("objects")
        within = (
            {key: value for key, value in given.items() if isinstance(value, dict)} if isinstance(given, dict) else {}
        )
        names = {key: single(value.get("value")) for key, value in within.items()}
        made: dict[str, str] = {}
        for key, value in within.items():
            thing = observable_thing(value, lambda other: names.get(other, ""))
            here = f"{out}#{key}" if not thing.name else ""
            marked = {"object_marking_refs": fields.get("object_marking_refs"), **value}
            made[key] = self._add(thing, marked, here, place)
            self._building.edge(out, made[key], OBSERVABLE, place)
        for key, value in within.items():
            for field, target in _refers(value):
                self._building.edge(made[key], made.get(target, ""), SUB_OBSERVABLE, place, stix=field)

    def _pattern(self, out: str, fields: Values, place: Position) -> None:
        if single(fields.get("pattern_type")) not in {"", "stix"}:
            return
        try:
            found = observed(single(fields.get("pattern")))
        except PatternError as error:
            self._building.skip(place, str(error))
            return
        for one in found:
            thing = observable_thing(one, lambda _: "")
            if thing.name:
                marked: dict[str, Given] = {"marking": self._markings(fields)}
                said = {**marked, "description": thing.name, **thing.properties}
                part = self._building.add(thing.type, thing.name, said, observable=thing.observable, position=place)
                self._building.edge(out, part, OBSERVABLE, place)

    # Edges -----------------------------------------------------------------------------

    def _references(self, out: str, fields: dict[str, Any], place: Position) -> None:
        for field, target in _refers(fields):
            self._edges.append((out, target, field, place, {"stix": field}))

    def _relationship(self, fields: Values, place: Position) -> None:
        out, into = single(fields.get("source_ref")), single(fields.get("target_ref"))
        kind = single(fields.get("relationship_type")) or single(fields.get("relation"))
        if not out or not into or not kind:
            self._building.skip(place, "a relationship needs source_ref, target_ref and relationship_type")
            return
        if len(kind) > MAX_FIELD:
            self._building.skip(place, f"a relationship_type of {len(kind)} characters; up to {MAX_FIELD} are read")
            return
        said = self._properties(fields, place) | {"stix": kind, "stixId": single(fields.get("id"))}
        for name in ("extensions", "relation", "relationshipType", "stixType"):
            said.pop(name, None)
        self._edges.append((out, into, f"={kind}", place, said))

    def _relate(self, out: str, into: str, kind: str, place: Position, said: Mapping[str, Given]) -> None:
        for end in (out, into):
            if end not in self._vertices and end not in self._types:
                self._dangling(end, kind.removeprefix("="), place)
                return
        out, into = self._vertices.get(out, out), self._vertices.get(into, into)
        target = self._types[into]
        if kind.startswith("="):
            name = relation(kind.removeprefix("="), target)
        elif self._types[out] in _OBSERVED and target in _OBSERVED:
            name = SUB_OBSERVABLE
        else:
            name = related(target)
        self._building.edge(out, into, name, place, **{key: value for key, value in said.items() if value})

    def _dangling(self, target: str, field: str, place: Position) -> None:
        self._building.skip(place, f"{field} refers to {target[:200]}, which is not in the document")


_HANDLED: Final = frozenset(
    {"external_references", "granular_markings", "kill_chain_phases", "name", "objects", "aliases"}
)
"""Fields that are read in their own way."""

_NO_EDGES: Final = frozenset({"created_by_ref", "object_marking_refs", "source_ref", "target_ref", "marking_ref"})


def _refers(fields: Values) -> Iterator[tuple[str, str]]:
    """Yield what an object refers to, with the field's name; also within its extensions."""
    waiting: list[object] = [fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        if not isinstance(value, dict):
            continue
        for field, held in value.items():
            if field in _NO_EDGES or field == "objects":
                continue
            if field.endswith(("_ref", "_refs")):
                yield from ((field, target) for target in _texts(held))
            elif isinstance(held, dict | list):
                waiting.append(held)


def _texts(value: object) -> list[str]:
    given = value if isinstance(value, list) else [value]
    return [text for one in given if (text := single(one))]


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _time(value: object) -> Given:
    return milliseconds(single(value))


def _given(value: object) -> Given:
    """Return a field as a property; what is not so is not said."""
    if isinstance(value, bool):
        return "true" if value else None
    return given_of(value)
