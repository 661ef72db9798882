"""A part of the graph as a STIX 2.1 bundle: the same part, the same bytes. Pure, no I/O.

Ids of observables are those that STIX prescribes (section 2.9); all others are made of the vertices' own, so that an
export that is imported again, here or elsewhere, updates what is there.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping

from vedette.canonical import canonical_json
from vedette.extraction.stix.vocabulary import CUSTOM
from vedette.graph.port import Picture
from vedette.graph.stix_objects import OURS, collects, extension_objects, objects_of
from vedette.graph.stix_observables import Stix
from vedette.graph.stix_relationships import Relationships


def stix_bundle(picture: Picture) -> bytes:
    """Return a bundle of the vertices, the relationships between them, and what these refer to."""
    made: dict[str, Stix] = {}
    becomes: dict[str, str] = {}
    ends: defaultdict[str, set[str]] = defaultdict(set)
    for edge in picture.edges:
        ends[edge.out_id].add(edge.in_id)
    # What is about others comes after these.
    for vertex in sorted(picture.vertices, key=lambda one: (collects(one), one.id)):
        objects = objects_of(vertex, _collected(ends[vertex.id] - {vertex.id}, becomes) if collects(vertex) else ())
        becomes[vertex.id] = objects[0]["id"]
        for one in objects:
            made.setdefault(one["id"], one)
    relationships = Relationships()
    for edge in picture.edges:
        if edge.out_id in becomes and edge.in_id in becomes:
            relationships.add(edge, becomes[edge.out_id], becomes[edge.in_id])
    objects = sorted((*made.values(), *relationships), key=lambda one: str(one["id"]))
    if any(one["type"] == CUSTOM for one in objects):
        objects = [*extension_objects(), *objects]
    return _bundle(objects)


def _collected(ends: Iterable[str], becomes: Mapping[str, str]) -> list[str]:
    """Return the objects at the ends of edges, custom ones apart: STIX' own cannot refer to these."""
    return [becomes[end] for end in ends if end in becomes and not becomes[end].startswith("x-")]


def _bundle(objects: Iterable[Stix]) -> bytes:
    listed = list(objects)
    id = uuid.uuid5(OURS, canonical_json(listed).decode())
    # A bundle without objects is one, too (section 8).
    return canonical_json({"type": "bundle", "id": f"bundle--{id}", **({"objects": listed} if listed else {})})
