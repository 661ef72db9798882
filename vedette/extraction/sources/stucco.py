"""`stucco`: subgraphs in Stucco's own form, `{"vertices": {id: {…}}, "edges": [{outVertID, inVertID, relation}]}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import orjson

from vedette.extraction.drafting import Draft, Given
from vedette.extraction.entries import UTF8_MARK, refuse_empty
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.records import given_of
from vedette.extraction.subgraph import Position, Subgraph

MAX_GRAPH = 64 * 1024 * 1024
"""Bytes of a document that is read: as objects it takes up to twenty times its size."""

MAX_WORD = 250
"""Characters of a type, a relation, or a property's name."""

_PLACED: Final = frozenset({"_id", "_type", "name", "observableType", "vertexType"})
"""What is in a vertex anyway."""

_ENDS: Final = frozenset({"_id", "_type", "inVertID", "inVertTable", "outVertID", "outVertTable", "relation"})
"""What is in an edge anyway, or in its vertices."""

_NUMBERS: Final = frozenset({"endIPInt", "ipInt", "startIPInt"})
"""Numbers that some of Stucco's extractors write as texts."""

_LARGEST_V4: Final = 2**32 - 1


class Stucco(Extractor):
    """Reads a subgraph as it is; the same vertex or edge twice is one."""

    name: ClassVar[str] = "stucco"
    summary: ClassVar[str] = "Stucco's JSON subgraphs: vertices and edges"

    def extract(self, document: Document) -> Subgraph:
        """Return the subgraph; empty where it has no vertices."""
        refuse_empty(document)
        graph = _loaded(document.content)
        draft = Draft()
        known = {id: _add_vertex(draft, id, given) for id, given in _vertices(draft, graph.get("vertices"))}
        for number, given in enumerate(_list(draft, graph.get("edges"))):
            _add_edge(draft, known, Position(f"edges[{number}]"), given)
        done = draft.done()
        if not done and done.problems:
            raise ExtractionError(
                f"no vertex can be read; {done.problems[0].position.label}: {done.problems[0].reason}"
            )
        return done


def _loaded(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_GRAPH:
        raise ExtractionError(f"it has {len(content)} bytes; up to {MAX_GRAPH} are read: split it")
    try:
        graph = orjson.loads(memoryview(content)[len(UTF8_MARK) :] if content.startswith(UTF8_MARK) else content)
    except orjson.JSONDecodeError as error:
        raise ExtractionError(f"it is no JSON: {error}") from error
    if not isinstance(graph, dict):
        raise ExtractionError("it is no object with `vertices` and `edges`")
    if graph and not graph.keys() & {"vertices", "edges"}:
        raise ExtractionError("it has neither `vertices` nor `edges`")
    return graph


def _vertices(draft: Draft, given: object) -> Iterator[tuple[str, object]]:
    """Yield the vertices with their ids: of an object, or of a list of objects with an `_id`."""
    if isinstance(given, dict):
        yield from given.items()
        return
    for number, one in enumerate(_list(draft, given, "vertices")):
        id = one.get("_id") if isinstance(one, dict) else None
        yield (id if isinstance(id, str) else f"vertices[{number}]"), one


def _list(draft: Draft, given: object, name: str = "edges") -> list[Any]:
    if isinstance(given, list):
        return given
    if given is not None:
        draft.skip(Position(name), f"{name} are no list")
    return []


def _add_vertex(draft: Draft, id: str, given: object) -> str:
    """Return the id that a vertex has; empty where it cannot be read."""
    place = Position(f"vertices {id}"[:200])
    if not isinstance(given, dict) or not isinstance(given.get("vertexType"), str) or not given["vertexType"].strip():
        draft.skip(place, "it has no vertexType")
        return ""
    name, kind = given.get("name", ""), given.get("observableType", "")
    if not isinstance(name, str | int | float):
        draft.skip(place, "its name is no text")
        return ""
    type, observable = given["vertexType"].strip(), kind if isinstance(kind, str) else ""
    if len(max(type, observable, *given, key=len)) > MAX_WORD:
        draft.skip(place, f"a type or a property's name of more than {MAX_WORD} characters")
        return ""
    said = {field: _property(field, value) for field, value in given.items() if field not in _PLACED}
    return draft.add(type, str(name), said, observable=observable, id=id, position=place)


def _add_edge(draft: Draft, known: dict[str, str], place: Position, given: object) -> None:
    if not isinstance(given, dict):
        draft.skip(place, "it is no object")
        return
    out, into, relation = (given.get(field) for field in ("outVertID", "inVertID", "relation"))
    if not isinstance(out, str) or not isinstance(into, str) or not isinstance(relation, str) or not relation.strip():
        draft.skip(place, "it needs outVertID, inVertID and relation")
        return
    if len(max(relation, *given, key=len)) > MAX_WORD:
        draft.skip(place, f"a relation or a property's name of more than {MAX_WORD} characters")
        return
    missing = next((end for end in (out, into) if end not in known), None)
    if missing is not None:
        draft.skip(place, f"there is no vertex {missing[:200]}")
        return
    said = {field: _property(field, value) for field, value in given.items() if field not in _ENDS}
    # An end is empty where the vertex could not be read, which is said there.
    draft.edge(known[out], known[into], relation.strip(), place, **said)


def _property(field: str, value: object) -> Given:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and field in _NUMBERS:
        whole = value.strip().isascii() and value.strip().isdigit() and len(value) <= 20
        return int(value) if whole and int(value) <= _LARGEST_V4 else value
    return given_of(value)
