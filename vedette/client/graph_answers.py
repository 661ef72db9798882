"""What the knowledge graph answers: vertices, edges, who says so, and what was decided."""

from __future__ import annotations

from pydantic import JsonValue

from vedette.client.model import Model


class Vertex(Model):
    """A vertex as it is now."""

    id: str
    """Stable: made of type and canonical name, the same on every machine."""
    type: str
    """Its vertexType."""
    observable_type: str
    """Its observableType, or empty."""
    name: str
    """Its name."""
    properties: dict[str, JsonValue]
    """Its other properties, merged."""
    first_seen: int
    """Microseconds since 1970: earliest observation."""
    last_seen: int
    """Microseconds since 1970: latest observation."""
    mentions: int
    """How often it was mentioned."""
    members: tuple[str, ...]
    """Ids that were found to be the same thing; empty where there is only one."""


class ChangedVertex(Vertex):
    """A vertex that became known or was mentioned again."""

    changed_at: int
    """Microseconds since 1970: when the graph learned of it."""


class Edge(Model):
    """An edge as it is now."""

    out_id: str
    """Id of the vertex that it leaves."""
    out_type: str
    """Its type."""
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


class GraphPicture(Model):
    """A part of the graph."""

    vertices: tuple[Vertex, ...]
    """Nearest first; of a path, in its order."""
    edges: tuple[Edge, ...]
    """Those that were followed."""
    cut: dict[str, int]
    """Vertices whose edges were not all followed, and how many of each were left out."""


class Mention(Model):
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
    """Offset of its first byte there; None: not known."""
    end: int | None
    """Offset behind its last byte."""
    properties: dict[str, JsonValue]
    """What exactly is said."""
    withdrawn: bool
    """Whether it was taken back."""
    item_path: str
    """Where the item is."""
    document_path: str
    """Where the document's bytes are."""
    proof_path: str
    """Where the proof is."""
    gone: str = ""
    """Why the bytes are not there any more: who deleted them when and why; empty: they are there."""


class GraphDecision(Model):
    """Why two vertices are, may be, or are not the same thing."""

    id: int
    """Its number."""
    first: str
    """Id of the one."""
    second: str
    """Id of the other."""
    rule: str
    """`alias`, `key`, `name` or `person`."""
    state: str
    """same, review, different or withdrawn."""
    score: float
    """How alike, 0 to 1."""
    who: str
    """The rule's version, or the person."""
    why: str
    """Why."""
    at: int
    """Microseconds since 1970."""


class GraphExplanation(Model):
    """Why two vertices were or were not merged."""

    same: bool
    """Whether they are one vertex now."""
    decisions: tuple[GraphDecision, ...]
    """The chain that connects them, or what was decided of the pair."""
    reasons: tuple[str, ...]
    """In words, a line each."""


class GraphCounts(Model):
    """How much there is."""

    vertices: int
    """Things."""
    edges: int
    """Relations between them."""
    mentions: int
    """Statements about things."""
    origins: int
    """Subgraphs, one an item and extractor."""
    reviews: int
    """Pairs that wait for a person."""
