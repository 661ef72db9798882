"""What an annotated document states, as a subgraph in Stucco's form: named and related as feeds name and relate it.

- Relations are those that a STIX 2.1 bundle has here (`vedette.extraction.stix.vocabulary`), or Stucco's own, so that
  a report and a feed that say the same say it of the same edge. Where a sentence denies something there is no edge.
- What is only mentioned is a vertex if its name says which thing it is (a malware, a CVE, an address …); what is a
  word of many texts (a place, a vendor, a file's name, "buffer overflow") is one only where a sentence relates it.
  No vertex stands for the document: each mention leads to it anyway, and a report on ten threats relates no two.
- Vendor, name and versions together are a product (`products`); two spellings of one thing are one vertex.
"""

from __future__ import annotations

from typing import Final

from vedette.extraction.building import EXPLOIT_TARGET_RELATED, RELATED_TTP, Building
from vedette.extraction.drafting import Given
from vedette.extraction.interface import LEAST_CONFIDENCE
from vedette.extraction.listed import accuse, place_file
from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation
from vedette.extraction.prose.graph.kinds import (
    ALIASED,
    HASHES,
    KINDS,
    LISTED,
    PRODUCTS,
    SUBJECTS,
    TELLING,
    is_own_name,
)
from vedette.extraction.prose.graph.products import named, place_versions
from vedette.extraction.prose.graph.telling import Telling, sureness, words_of
from vedette.extraction.prose.keeping import Places
from vedette.extraction.stix.vocabulary import relation as stix_relation
from vedette.extraction.subgraph import Position, Subgraph

MAX_SENTENCE: Final = 500
"""Characters of a sentence that stand on the edge that it states."""

SUBJECT_OF_TECHNIQUE: Final = 0.8
"""What remains of a technique's confidence for its being used by the only actor or malware of its sentence."""

_FOLDED: Final = frozenset({"vendor-of", "version-of", "not-version", "same-as"})
"""Relations that are in the names and properties of vertices."""

_OF_PRODUCTS: Final = frozenset({"vulnerability-of", "cve-of"})

Ends = dict[str, list[str]]
"""Ids of vertices, each with the ranges of versions that are meant."""


def subgraph_of(
    document: AnnotatedDocument, *, places: Places = (), least_confidence: float = LEAST_CONFIDENCE
) -> Subgraph:
    """Return what a document states.

    Args:
        document: annotated.
        places: of each sentence the bytes in which it stands, where they are known.
        least_confidence: below it nothing is said; of what a sentence does not vouch for, half of it is enough.
    """
    return _Stating(document, places=places, least_confidence=least_confidence).done()


Names = tuple[str, str, str]
"""`vertexType`, `observableType` and name of a vertex."""


def vertices_of(document: AnnotatedDocument, *, least_confidence: float = LEAST_CONFIDENCE) -> dict[int, Names]:
    """Return which vertex each entity is, by its id; one that is none in the graph is left out."""
    return _Stating(document, places=(), least_confidence=least_confidence).names()


class _Stating:
    def __init__(self, document: AnnotatedDocument, *, places: Places, least_confidence: float) -> None:
        self._document = document
        self._places = places
        self._least = least_confidence
        self._building = Building(source="Text")
        self._telling = Telling(document, least_confidence=least_confidence)
        self._made: dict[tuple[int, int | None], Ends] = {}

    def done(self) -> Subgraph:
        """Return the subgraph."""
        for thing, confidence in self._telling.things():
            if self._tells(thing):
                for made in self._ends(thing.id):
                    self._building.amend(made, "greatest", certainty=_rounded(confidence))
        for relation in self._telling.relations:
            if relation.relation == "same-as":
                self._call(relation)
            elif relation.relation not in _FOLDED:
                self._relate(relation)
        self._add_techniques()
        return self._building.done()

    def names(self) -> dict[int, Names]:
        """Return which vertex each entity is."""
        vertices = self.done().vertices
        found: dict[int, Names] = {}
        for entity in self._telling.entities.values():
            thing = self._telling.thing(entity.id)
            made = self._made.get((thing, entity.sentence)) or self._made.get((thing, None))
            vertex = vertices[next(iter(made))] if made else None
            if vertex is not None:
                found[entity.id] = (vertex.type, vertex.observable_type, vertex.name)
        return found

    def _tells(self, thing: Entity) -> bool:
        if thing.label in PRODUCTS:
            return bool(self._telling.vendor(thing.id) or self._telling.versions(thing.id))
        if thing.label == "VULNERABILITY":
            return is_own_name(thing.name)
        return thing.label in TELLING

    # Vertices --------------------------------------------------------------------------

    def _ends(self, thing: int, sentence: int | None = None) -> Ends:
        """Return the vertices that a thing is, as a sentence speaks of it."""
        entity = self._telling.entities[thing]
        key = (thing, sentence if entity.label in PRODUCTS else None)
        if key not in self._made:
            # First of all: two that are named by each other must not go round in circles.
            self._made[key] = {}
            self._made[key] = {made: ranges for made, ranges in self._place(entity, sentence).items() if made}
        return self._made[key]

    def _place(self, entity: Entity, sentence: int | None) -> Ends:
        position = self._position(entity.sentence)
        said: dict[str, Given] = {"certainty": _rounded(sureness(entity))}
        if entity.label in PRODUCTS:
            product = named(entity.name, vendor=self._telling.vendor(entity.id), is_system=entity.label == "OS")
            versions = self._telling.versions(entity.id, sentence)
            return place_versions(self._building, product, versions, position, **said)
        if entity.label == "VULNERABILITY":
            return self._vulnerability(entity, position, said)
        return {self._named(entity, position, said): []}

    def _named(self, entity: Entity, position: Position, said: dict[str, Given]) -> str:
        """Return the id of what its name alone says; empty where the label is that of no thing."""
        building, name = self._building, entity.name
        if entity.label in HASHES:
            return place_file(building, name, position, **said)
        if entity.label in LISTED:
            return accuse(building, "", name, position, properties=said)
        if entity.label == "ASN":
            return building.autonomous_system(name, position, **said)
        kind = KINDS.get(entity.label)
        if kind is None:
            return ""
        if entity.label == "SECTOR":
            said["sectors"] = [name.lower()]
        properties = {"description": name, **kind.properties, **said}
        return building.add(kind.type, name, properties, observable=kind.observable, position=position)

    def _vulnerability(self, entity: Entity, position: Position, said: dict[str, Given]) -> Ends:
        """Return what a vulnerability without an id is: those whose ids a sentence tells, else what its words say."""
        building, telling = self._building, self._telling
        found: Ends = {}
        for relation in telling.entering(entity.id, "cve-of"):
            found |= self._ends(telling.thing(relation.head))
        for made in found:
            building.say(made, tags=[words_of(entity.name.lower(), 100)])
        if found:
            return found
        if is_own_name(entity.name):
            return {building.vulnerability(entity.name, position, **said): []}
        # Of no one vulnerability in particular: STIX 1's word for whatever can be exploited.
        for relation in telling.leaving(entity.id, "vulnerability-of"):
            product = telling.entities[relation.tail]
            of = words_of(f"{telling.vendor(telling.thing(product.id))} {product.name}", 200)
            name = f"{words_of(entity.name, 200)} in {of}"
            return {building.add("Exploit_Target", name, {"description": name, **said}, position=position): []}
        return {}

    def _call(self, relation: EntityRelation) -> None:
        """Give a thing another name, where a sentence says so outright."""
        head, tail = (self._telling.entities[id] for id in (relation.head, relation.tail))
        thing = self._telling.entities[self._telling.thing(head.id)]
        if relation.hedged or thing.label not in ALIASED:
            return
        others = {one.name for one in (head, tail) if one.label == thing.label or is_own_name(one.name)}
        for made in self._ends(thing.id):
            self._building.say(made, alias=sorted(others - {thing.name}))

    # Edges -----------------------------------------------------------------------------

    def _relate(self, relation: EntityRelation) -> None:
        telling = self._telling
        head, tail = (telling.entities[telling.thing(id)] for id in (relation.head, relation.tail))
        if relation.relation == "cve-of" and tail.label == "VULNERABILITY":
            # Its words are said of the vulnerability with the id.
            self._ends(tail.id)
            return
        outs, ins = self._ends(head.id, relation.sentence), self._ends(tail.id, relation.sentence)
        for out in outs:
            if relation.relation == "communicates-with" and tail.label in LISTED:
                position = self._position(relation.sentence)
                accuse(self._building, out, tail.name, position, relation=self._said(relation))
                continue
            for into, ranges in ins.items():
                self._edge(out, into, relation, ranges)

    def _edge(self, out: str, into: str, relation: EntityRelation, ranges: list[str]) -> None:
        if out == into:
            return
        said = self._said(relation)
        if relation.relation in _OF_PRODUCTS:
            name = EXPLOIT_TARGET_RELATED
            unaffected = self._telling.versions(self._telling.thing(relation.tail), relation.sentence).unaffected
            said |= {"versionRanges": ranges, "notVulnerable": unaffected}
        else:
            name = stix_relation(relation.relation, self._type(into))
        self._building.edge(out, into, name, self._position(relation.sentence), **said)

    def _type(self, id: str) -> str:
        type = self._building.type_of(id)
        # Exploited as a vulnerability is.
        return "Vulnerability" if type == "Exploit_Target" else type

    def _said(self, relation: EntityRelation) -> dict[str, Given]:
        confidence = 1.0 if relation.origin == "person" else relation.confidence
        return {
            "certainty": _rounded(confidence),
            "sentence": self._sentence(relation.sentence),
            "hedged": "true" if relation.hedged else None,
        }

    def _add_techniques(self) -> None:
        """State which techniques sentences describe, and who uses them where there is but one who could be meant."""
        building = self._building
        users: dict[int, set[int]] = {}
        for entity in self._telling.entities.values():
            if entity.label in SUBJECTS:
                users.setdefault(entity.sentence, set()).add(self._telling.thing(entity.id))
        for number, sentence in enumerate(self._document.sentences):
            here = users.get(number, set())
            for technique in sentence.techniques:
                position = self._position(number)
                made = building.vertex("TTP", technique.id, position=position, description=technique.id)
                building.amend(made, "greatest", certainty=_rounded(technique.confidence))
                certainty = technique.confidence * SUBJECT_OF_TECHNIQUE
                if len(here) == 1 and certainty >= self._least:
                    said: dict[str, Given] = {"certainty": _rounded(certainty), "sentence": self._sentence(number)}
                    for user in self._ends(next(iter(here))):
                        building.edge(user, made, RELATED_TTP, position, **said)

    # Places ----------------------------------------------------------------------------

    def _position(self, sentence: int) -> Position:
        label = f"sentence {sentence + 1}"
        place = self._places[sentence] if sentence < len(self._places) else None
        return Position(label) if place is None else Position(label, *place)

    def _sentence(self, number: int) -> str:
        sentences = self._document.sentences
        if number >= len(sentences):
            return ""
        return words_of(self._document.text[sentences[number].start : sentences[number].end], MAX_SENTENCE)


def _rounded(confidence: float) -> float:
    # Two decimals: what is said the same is kept once, and nobody is surer than that.
    return round(confidence, 2)
