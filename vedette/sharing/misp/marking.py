"""What is said of a fact in MISP, whatever it is: its times, who says it, whether sensors may look for it. Pure."""

from __future__ import annotations

from typing import Final

from vedette.graph.port import VertexView
from vedette.sharing.investigation import Fact
from vedette.sharing.misp.composing import Said
from vedette.sharing.misp.values import one_line

MAX_SOURCES: Final = 5
"""Sources that a comment names."""


def said_of(fact: Fact) -> Said:
    """Return what holds for all that a fact becomes."""
    vertex = fact.vertex
    return Said(
        what=f"{kind_of(vertex)} {vertex.name[:80]!r}",
        vertex=vertex.id,
        first=vertex.first_seen,
        last=max(vertex.first_seen, vertex.last_seen),
        comment=_comment(fact),
        alarming=fact.alarming,
        guarded=fact.own or bool(fact.warned),
    )


def kind_of(vertex: VertexView) -> str:
    """Return what a vertex is called by its type: `IP`, `Domain Name`."""
    return vertex.observable_type if vertex.type == "Observable" and vertex.observable_type else vertex.type


def _comment(fact: Fact) -> str:
    words = []
    if fact.sources:
        more = len(fact.sources) - MAX_SOURCES
        words.append(", ".join(fact.sources[:MAX_SOURCES]) + (f" and {more} more" if more > 0 else ""))
    if fact.confidence < 1:
        words.append(f"confidence {fact.confidence:.0%}")
    if fact.warned:
        words.append(f"on the warning list {fact.warned}")
    # The separator of what is united.
    return "; ".join(one_line(word).replace(";", ",") for word in words)
