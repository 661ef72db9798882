"""What `vedette graph` asks of a graph, wherever it is: the database here or a hub's API; it answers the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from vedette.cli.output import Exit, complain
from vedette.client.graph import ExportFormat
from vedette.graph.identity import parse_vertex_id

Answer = dict[str, Any]
"""An answer as JSON has it."""

SHOWN_NAMES = 10
"""Vertices of one name that are listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which vertices; what is None does not matter."""

    text: str | None = None
    """Words in names, aliases, descriptions and values."""
    name: str | None = None
    """Equal to the name or an alias."""
    type: str | None = None
    """The vertexType."""
    observable_type: str | None = None
    """The observableType."""
    property: str | None = None
    """The property that `value` is about."""
    value: str | None = None
    """What it is equal to, or holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """How much of what lies around a vertex."""

    depth: int
    """Steps away from it."""
    relations: Sequence[str]
    """Only these; none: all."""
    types: Sequence[str]
    """Only vertices of these types; none: all."""
    limit: int
    """Vertices at most."""
    fan_out: int
    """Edges of one vertex that are followed at most."""


class GraphPlace(ABC):
    """A graph. A vertex is named by its id; what is not there ends the command: the answer is no."""

    @abstractmethod
    def search(self, wanted: Wanted, *, limit: int) -> list[Answer]:
        """Return vertices, those that fit best and then those seen last first."""

    @abstractmethod
    def show(self, vertex: str, *, limit: int) -> Answer:
        """Return a vertex, with its first edges."""

    @abstractmethod
    def neighbours(self, vertex: str, around: Around) -> Answer:
        """Return what lies around a vertex."""

    @abstractmethod
    def export(self, vertex: str, around: Around, *, format: ExportFormat) -> bytes:
        """Return what lies around a vertex as a file."""

    @abstractmethod
    def path(self, start: str, goal: str, *, hops: int) -> Answer:
        """Return a shortest path."""

    @abstractmethod
    def explain(self, first: str, second: str) -> Answer:
        """Return why two vertices were or were not merged."""

    @abstractmethod
    def mentions(self, vertex: str, *, property: str | None, value: str | None, limit: int) -> list[Answer]:
        """Return who says so, latest first."""

    @abstractmethod
    def reviews(self, *, limit: int) -> list[Answer]:
        """Return the pairs that wait for a person."""

    @abstractmethod
    def decide(self, first: str, second: str, *, same: bool, why: str) -> int:
        """Say that two vertices are, or are not, the same; returns the decision's number."""

    @abstractmethod
    def undo(self, decision: int, *, why: str) -> None:
        """Withdraw a decision."""

    @abstractmethod
    def withdraw(self, *, item: str | None, source: str | None, why: str) -> int:
        """Take back what an item or a source said; returns how many subgraphs."""

    def id_of(self, text: str) -> str:
        """Return the id of the vertex that a person means: an id, or a name that only one has."""
        if parse_vertex_id(text) is not None:
            return text
        found = self.search(Wanted(name=text), limit=SHOWN_NAMES)
        if len(found) == 1:
            return str(found[0]["id"])
        if not found:
            complain(f"{text}: nothing has this name; look for it: vedette graph search")
        for one in found:
            complain(f"{text}: may be {one['id']} ({kind_of(one)})")
        raise typer.Exit(Exit.NO)


def kind_of(vertex: Answer) -> str:
    """Return a vertex' type for a person."""
    return "/".join(part for part in (vertex["type"], vertex["observable_type"]) if part)
