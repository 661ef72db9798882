"""The graph connection: what is written to the knowledge graph, what is asked of it, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vedette.errors import VedetteError
from vedette.extraction.prose.keeping import Kept, Reading
from vedette.extraction.subgraph import Position, Subgraph, Value
from vedette.graph.drafted import Drafted

MAX_DEPTH = 6
"""Hops of a neighbourhood or a path."""

MAX_FAN_OUT = 500
"""Edges of one vertex that a neighbourhood follows at most."""

MAX_PICTURE = 2000
"""Vertices of a neighbourhood at most."""

MAX_PAGE = 1000
"""Rows of any answer at most."""

Direction = Literal["in", "out", "both"]
"""Which edges of a vertex."""


class UnknownVertexError(VedetteError):
    """There is no such vertex, or no such decision."""


class TooWideError(VedetteError):
    """Too much lies between two vertices to look at all of it; says how far it came."""


# What is written -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a subgraph comes from: one item, read by one extractor."""

    item: str
    """The item's uuid."""
    sha256: str
    """Of the document's bytes, hex."""
    source: str
    """The item's routing key (`meta.source`)."""
    agent: str
    """Bare JID of who collected it."""
    extractor: str
    """Its name."""
    version: str
    """Its version: a newer one of the same item replaces what the older one said."""
    observed_at: int
    """When it was collected, UTC, microseconds."""
    confidence: float = 1.0
    """How sure it is of what is said, 0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A subgraph and where it comes from."""

    origin: Origin
    subgraph: Subgraph | Drafted
    """As it was extracted, or ready to be merged."""
    annotation: Kept | None = None
    """What was read, where it was prose: kept as long as the graph knows what the item says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What merging did."""

    origins: int = 0
    """Subgraphs that are new."""
    unchanged: int = 0
    """Subgraphs that were there already: the same item, extractor and version."""
    mentions: int = 0
    """Mentions that were added."""
    vertices: int = 0
    """Vertices that are new."""
    edges: int = 0
    """Edges that are new."""
    reviews: int = 0
    """Pairs that wait for a person's decision."""


class GraphWriting(Protocol):
    """Merges subgraphs; safe beside other writers, and doing the same again changes nothing."""

    async def merge(self, said: Sequence[Said]) -> Merged:
        """Merge subgraphs, all of them or none.

        Raises:
            StoreError: the graph cannot be written.
        """

    async def withdraw(self, *, item: str | None = None, source: str | None = None, who: str, why: str) -> int:
        """Take back what only an item, or only the items of a routing key, said; returns how many origins.

        Raises:
            StoreError: the graph cannot be written.
        """

    async def decide(self, first: str, second: str, *, same: bool, who: str, why: str) -> int:
        """Say that two vertices are, or are not, the same thing; returns the id of the decision.

        Raises:
            UnknownVertexError: there is no such vertex.
            StoreError: the graph cannot be written.
        """

    async def undo(self, decision: int, *, who: str, why: str) -> None:
        """Withdraw a decision, a person's or one of the rules; vertices are again what they would be without it.

        Raises:
            UnknownVertexError: there is no such decision.
            StoreError: the graph cannot be written.
        """


# What comes back -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class VertexView:
    """A vertex as it is now."""

    id: str
    """Stable: made of type and canonical name, the same on every machine."""
    type: str
    """`vertexType`."""
    observable_type: str
    """`observableType`, or empty."""
    name: str
    """Its name."""
    properties: Mapping[str, Value]
    """Merged by the ontology's rules; without vertexType, observableType and name."""
    first_seen: int
    """Earliest observation, UTC, microseconds."""
    last_seen: int
    """Latest observation."""
    mentions: int
    """How often it was mentioned."""
    members: tuple[str, ...] = ()
    """Ids that were found to be the same thing, its own among them; empty where there is only one."""

    def texts(self, name: str) -> list[str]:
        """Return the values of a property as texts, without blank ones."""
        value = self.properties.get(name, ())
        return [text for one in (value if isinstance(value, tuple) else (value,)) if (text := str(one)).strip()]

    def as_stucco(self) -> dict[str, object]:
        """Return all properties in Stucco's JSON form."""
        listed = {name: list(value) if isinstance(value, tuple) else value for name, value in self.properties.items()}
        observable = {"observableType": self.observable_type} if self.observable_type else {}
        return {"vertexType": self.type, **observable, "name": self.name, **listed}


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeView:
    """An edge as it is now: one for all statements of the same relation between the same vertices."""

    out_id: str
    in_id: str
    relation: str
    count: int
    """How often it was stated."""
    first_seen: int
    last_seen: int
    confidence: float
    """The highest of its statements."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """One statement about a vertex or an edge."""

    origin: Origin
    """The item that says it."""
    position: Position
    """Where in the document."""
    properties: Mapping[str, Value]
    """What exactly is said, in the document's own words."""
    withdrawn: bool = False
    """Whether it was taken back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnnotation:
    """What was read of an item's prose, by the newest reader; nobody's corrections are in it."""

    origin: Origin
    """The item, and who read it: `version` is the reader's."""
    language: str
    """ISO 639-1 code; empty: not known."""
    read: bool
    """Whether it was read, or is in a language that is not."""
    merged_at: int
    """When, UTC, microseconds."""
    reading: Reading
    """The annotated document, and how it was made."""

    @property
    def document(self) -> bytes:
        """The annotated document's JSON."""
        return self.reading.document

    @property
    def version(self) -> str:
        """The reader's version."""
        return self.origin.version


@dataclass(frozen=True, kw_only=True, slots=True)
class VertexFilter:
    """Which vertices; all conditions hold together."""

    type: str = ""
    observable_type: str = ""
    name: str = ""
    """Equal to the name, or to an alias, in its canonical form."""
    equals: Mapping[str, str] = field(default_factory=dict)
    """Property equals, or its set holds, this text."""
    contains: Mapping[str, str] = field(default_factory=dict)
    """Property contains this text, whatever the case."""
    text: str = ""
    """Full text: words in names, aliases and descriptions."""
    since: int = 0
    """Last seen then or later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundVertices:
    """A page of vertices."""

    vertices: tuple[VertexView, ...]
    count: int
    """How many there are in all, as far as was counted."""
    more: bool
    """Whether there are further pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundEdges:
    """A page of a vertex' edges, and the vertices at their other ends."""

    edges: tuple[EdgeView, ...]
    vertices: Mapping[str, VertexView]
    after: str = ""
    """Where the next page begins; empty where this is the last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A part of the graph."""

    vertices: tuple[VertexView, ...]
    edges: tuple[EdgeView, ...]
    cut: Mapping[str, int] = field(default_factory=dict)
    """Vertices whose edges were not all followed, and how many of each were left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A vertex that became known or was mentioned again."""

    vertex: VertexView
    changed_at: int
    """When the graph learned of it, UTC, microseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Why two vertices are, may be, or are not the same thing."""

    id: int
    first: str
    second: str
    rule: str
    """`alias`, `key`, `name` (fuzzy) or `person`."""
    state: Literal["same", "review", "different", "withdrawn"]
    score: float
    """How alike, 0 to 1."""
    who: str
    """The rule's version, or the person."""
    why: str
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why two vertices were or were not merged."""

    same: bool
    """Whether they are one vertex now."""
    decisions: tuple[Decision, ...]
    """The chain that connects them, or what was decided of the pair."""
    reasons: tuple[str, ...]
    """In words, a line each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphCounts:
    """How much there is."""

    vertices: int
    edges: int
    mentions: int
    origins: int
    reviews: int


class GraphReading(Protocol):
    """Answers questions; ids of vertices that were merged into another lead to that one. All raise StoreError."""

    async def vertex(self, vertex: str) -> VertexView | None:
        """Return a vertex; None: there is none."""

    async def find(self, wanted: VertexFilter, *, limit: int = 100, offset: int = 0) -> FoundVertices:
        """Return vertices, best and then latest first."""

    async def edges(
        self,
        vertex: str,
        *,
        direction: Direction = "both",
        relation: str = "",
        limit: int = 100,
        after: str = "",
        offset: int = 0,
    ) -> FoundEdges:
        """Return a page of a vertex' edges, none where there is no such vertex.

        Args:
            vertex: whose.
            direction: those that enter it, that leave it, or all.
            relation: only these; empty: all.
            limit: how many at most.
            after: where another page ended; that is as fast for the last page as for the first.
            offset: how many are passed over, for who counts pages.

        Raises:
            RefusedError: `after` is not what a page of edges ended with.
        """

    async def neighbourhood(
        self,
        seeds: Sequence[str],
        *,
        depth: int = 1,
        relations: Sequence[str] = (),
        types: Sequence[str] = (),
        limit: int = MAX_PICTURE,
        fan_out: int = MAX_FAN_OUT,
    ) -> Picture:
        """Return what lies around vertices, nearest first, within the limits."""

    async def path(self, start: str, goal: str, *, hops: int = MAX_DEPTH) -> Picture | None:
        """Return a shortest path, in whichever direction the edges go; None: there is none so short.

        Raises:
            TooWideError: more lies between them than is looked at.
        """

    async def changes(self, since: int, *, limit: int = 100) -> tuple[Change, ...]:
        """Return what became known after an instant, oldest first."""

    async def timeline(self, vertex: str, *, limit: int = 500) -> tuple[tuple[int, int], ...]:
        """Return on which days (UTC midnight, microseconds) a vertex was mentioned, and how often."""

    async def mentions(
        self, vertex: str, *, property: str = "", value: str = "", limit: int = 100, offset: int = 0
    ) -> tuple[Mention, ...]:
        """Return who says that a vertex is there, or that a property of it holds this value; latest first."""

    async def edge_mentions(
        self, out: str, into: str, relation: str, *, limit: int = 100, offset: int = 0
    ) -> tuple[Mention, ...]:
        """Return who states an edge; latest first."""

    async def said_by(self, item: str, *, limit: int = 100, offset: int = 0) -> FoundVertices:
        """Return the vertices that an item mentions; what was taken back is not among them."""

    async def annotation(self, item: str, *, tokens: bool = True) -> KeptAnnotation | None:
        """Return what was read of an item's prose; None: it was not read so, or was taken back.

        Args:
            item: the item's uuid.
            tokens: whether the sentences come with their tokens, which are most of a long document.
        """

    async def explain(self, first: str, second: str) -> Explanation:
        """Return why two vertices were or were not merged.

        Raises:
            UnknownVertexError: there is no such vertex.
        """

    async def reviews(self, *, limit: int = 100, offset: int = 0) -> tuple[Decision, ...]:
        """Return the pairs that wait for a person, most alike first."""

    async def counts(self, *, since: int = 0) -> GraphCounts:
        """Return how much there is, or how much was seen since an instant."""
