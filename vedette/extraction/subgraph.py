"""The subgraph of one document: vertices and edges in Stucco's form, each with the place where it is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Value = str | int | float | tuple[str, ...]
"""A property: a single value, or a set of texts in the order in which they were first said."""

MAX_NAME = 2000
"""Characters of a vertex' name, or of any other single text but a description."""

MAX_TEXT = 100_000
"""Characters of a description."""

_POSITION = re.compile(r"(?P<label>.{0,200}?)(?: \[(?P<start>\d{1,18})-(?P<end>\d{1,18})\])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a document something is said."""

    label: str
    """In words: `row 3`, `entry CVE-2013-2361`, `objects[4]`; the whole document where it is empty."""
    start: int | None = None
    """Offset of its first byte in the document; None: not known."""
    end: int | None = None
    """Offset behind its last byte."""

    def __str__(self) -> str:
        """Return the form in which it is kept: the label, and the offsets in brackets."""
        return self.label if self.start is None else f"{self.label} [{self.start}-{self.end}]"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that `str` wrote."""
        found = _POSITION.fullmatch(text)
        if found is None or found["start"] is None:
            return cls(text)
        return cls(found["label"], int(found["start"]), int(found["end"]))


WHOLE = Position("")
"""The whole document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vertex:
    """One thing that a document speaks of: a mention."""

    id: str
    """Unique in the subgraph; Stucco's form `stucco:TYPE-UUID`, or the document's own id."""
    properties: Mapping[str, Value]
    """Stucco's properties; `vertexType` and `name` always, `observableType` with `vertexType` Observable or IP."""
    position: Position = WHOLE
    """Where it is said."""

    @property
    def type(self) -> str:
        """Its `vertexType`."""
        return str(self.properties["vertexType"])

    @property
    def observable_type(self) -> str:
        """Its `observableType`; empty where it has none."""
        return str(self.properties.get("observableType", ""))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.properties["name"])

    def as_stucco(self) -> dict[str, Any]:
        """Return its properties as JSON has them: sets are lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.properties.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One relation that a document states, from the out-vertex to the in-vertex."""

    out_id: str
    """Id of the vertex that it leaves."""
    in_id: str
    """Id of the vertex that it enters."""
    relation: str
    """Stucco's name of the relation."""
    position: Position = WHOLE
    """Where it is said."""
    properties: Mapping[str, Value] = field(default_factory=dict)
    """What is said of the relation itself, such as a time."""

    def as_stucco(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"outVertID": self.out_id, "inVertID": self.in_id, "relation": self.relation}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A part of a document that could not be read, and was skipped."""

    position: Position
    """Where."""
    reason: str
    """Why, in words for a person."""

    def __str__(self) -> str:
        """Return both in a line; the reason alone where it is about the whole document."""
        return f"{self.position}: {self.reason}" if self.position.label else self.reason


@dataclass(frozen=True, kw_only=True)
class Subgraph:
    """What one document states."""

    vertices: Mapping[str, Vertex]
    """By id."""
    edges: tuple[Edge, ...] = ()
    """Each relation once; both ends are in `vertices`."""
    problems: tuple[Problem, ...] = ()
    """What was skipped; the first 1,000."""
    skipped: int = 0
    """How many parts were skipped in all."""

    def __bool__(self) -> bool:
        """Tell whether anything is stated."""
        return bool(self.vertices)

    def as_stucco(self) -> dict[str, Any]:
        """Return Stucco's JSON form: `{"vertices": {id: {…}}, "edges": [{outVertID, inVertID, relation}]}`."""
        return {
            "vertices": {name: vertex.as_stucco() for name, vertex in self.vertices.items()},
            "edges": [edge.as_stucco() for edge in self.edges],
        }
