"""What the graph's routes answer: rows for lists, and pictures. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from vedette.graph.port import Change, EdgeView, Mention, Picture, VertexView


@dataclass(frozen=True, kw_only=True, slots=True)
class VertexLine:
    """A vertex as it is now."""

    id: str
    """Stable: made of type and canonical name, the same on every machine."""
    type: str
    """Its vertexType."""
    observable_type: str
    """Its observableType, or empty."""
    name: str
    """Its name."""
    properties: Mapping[str, JsonValue]
    """Its other properties, merged by the ontology's rules; sets are lists."""
    first_seen: int
    """Microseconds since 1970: earliest observation."""
    last_seen: int
    """Microseconds since 1970: latest observation."""
    mentions: int
    """How often it was mentioned."""
    members: tuple[str, ...]
    """Ids that were found to be the same thing, its own among them; empty where there is only one."""

    @classmethod
    def of(cls, vertex: VertexView) -> VertexLine:
        """Return a vertex as a row."""
        return cls(**_fields(vertex))


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLine(VertexLine):
    """A vertex that became known or was mentioned again."""

    changed_at: int
    """Microseconds since 1970: when the graph learned of it."""

    @classmethod
    def of_change(cls, change: Change) -> ChangeLine:
        """Return a change as a row."""
        return cls(changed_at=change.changed_at, **_fields(change.vertex))


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeLine:
    """An edge as it is now: one for all statements of the same relation between the same vertices."""

    out_id: str
    """Id of the vertex that it leaves."""
    out_type: str
    """Its type; empty where the list does not know it."""
    out_name: str
    """Its name."""
    relation: str
    """The relation."""
    in_id: str
    """Id of the vertex that it enters."""
    in_type: str
    """Its type."""
    in_name: str
    """Its name."""
    count: int
    """How often it was stated."""
    first_seen: int
    """Microseconds since 1970: earliest statement."""
    last_seen: int
    """Microseconds since 1970: latest statement."""
    confidence: float
    """The highest of its statements, 0 to 1."""

    @classmethod
    def of(cls, edge: EdgeView, known: Mapping[str, VertexView]) -> EdgeLine:
        """Return an edge as a row, with what is known of its ends."""
        out, into = known.get(edge.out_id), known.get(edge.in_id)
        return cls(
            out_type=out.type if out else "",
            out_name=out.name if out else "",
            in_type=into.type if into else "",
            in_name=into.name if into else "",
            **asdict(edge),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionLine:
    """One statement, who makes it, and where in which document."""

    item: str
    """Uuid of the item that says it."""
    sha256: str
    """Of the document's bytes, hex."""
    source: str
    """The item's routing key."""
    agent: str
    """Bare JID of who collected it."""
    extractor: str
    """Who read it."""
    version: str
    """The extractor's version."""
    observed_at: int
    """Microseconds since 1970: when it was collected."""
    confidence: float
    """How sure it is, 0 to 1."""
    place: str
    """Where in the document, in words; empty: the whole."""
    start: int | None
    """Offset of its first byte there; null: not known."""
    end: int | None
    """Offset behind its last byte."""
    properties: Mapping[str, JsonValue]
    """What exactly is said, in the document's own words."""
    withdrawn: bool
    """Whether it was taken back."""
    item_path: str
    """Where the item is."""
    document_path: str
    """Where the document's bytes are."""
    proof_path: str
    """Where the proof is that these bytes existed, and since when."""
    gone: str
    """Why these bytes are not there any more: who deleted them when and why; empty: they are there."""

    @classmethod
    def of(cls, mention: Mention, *, gone: Mapping[str, str]) -> MentionLine:
        """Return a mention as a row; `gone` says of items why their bytes are not there."""
        item = f"/v1/items/{mention.origin.item}"
        return cls(
            **asdict(mention.origin),
            place=mention.position.label,
            start=mention.position.start,
            end=mention.position.end,
            properties=_plain(mention.properties),
            withdrawn=mention.withdrawn,
            item_path=item,
            document_path=f"{item}/payload",
            proof_path=f"{item}/proof",
            gone=gone.get(mention.origin.item, ""),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DayLine:
    """How often a vertex was mentioned on a day."""

    day: int
    """Microseconds since 1970: midnight, UTC."""
    mentions: int
    """How often."""


class PictureAnswer(BaseModel):
    """A part of the graph."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    vertices: list[VertexLine]
    """Nearest first; of a path, in its order."""
    edges: list[EdgeLine]
    """Those that were followed."""
    cut: dict[str, int]
    """Vertices whose edges were not all followed, and how many of each were left out."""


def picture_fields(picture: Picture) -> dict[str, Any]:
    """Return a picture as JSON has it."""
    known = {vertex.id: vertex for vertex in picture.vertices}
    return {
        "vertices": [VertexLine.of(vertex) for vertex in picture.vertices],
        "edges": [EdgeLine.of(edge, known) for edge in picture.edges],
        "cut": dict(picture.cut),
    }


def _fields(vertex: VertexView) -> dict[str, Any]:
    names = ("id", "type", "observable_type", "name", "first_seen", "last_seen", "mentions", "members")
    fields: dict[str, Any] = {name: getattr(vertex, name) for name in names}
    return fields | {"properties": _plain(vertex.properties)}


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in properties.items()}
