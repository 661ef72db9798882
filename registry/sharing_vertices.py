"""Which vertices an investigation of the graph is about: what lies around one, or what a search finds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from vedette.errors import RefusedError
from vedette.graph.identity import parse_vertex_id
from vedette.graph.port import MAX_PAGE, GraphReading, VertexFilter
from vedette.sharing.judging import Judge
from vedette.sharing.selection import Selection

MAX_FOUND: Final = 10_000
"""Vertices that a search may mean."""

_SAME_NAME: Final = 20
"""Vertices of one name that a neighbourhood begins with at most."""


async def find_vertices(read: GraphReading, selection: Selection, judge: Judge) -> Collection[str]:
    """Return the ids of the vertices that a selection means.

    Args:
        read: the graph.
        selection: one of the graph.
        judge: learns what is left out.

    Raises:
        RefusedError: they are too many.
        StoreError: the graph cannot be read.
    """
    words = selection.words
    if "vertex" in words:
        seeds = await _seeds(read, words["vertex"], judge)
        picture = await read.neighbourhood(seeds, depth=int(words.get("depth", "1"))) if seeds else None
        for id, left_out in sorted(picture.cut.items() if picture is not None else ()):
            judge.withhold("edges", f"{left_out} edges of {id}", "there are too many around it", vertex=id)
        return [] if picture is None else [one.id for one in picture.vertices]
    wanted = VertexFilter(
        type=words.get("vertexType", ""),
        observable_type=words.get("observableType", ""),
        name=words.get("name", ""),
        text=words.get("text", ""),
        since=selection.since or 0,
    )
    found: dict[str, None] = {}
    for offset in range(0, MAX_FOUND + 1, MAX_PAGE):
        page = await read.find(wanted, limit=MAX_PAGE, offset=offset)
        found |= dict.fromkeys(one.id for one in page.vertices)
        if not page.more:
            return found
    raise RefusedError("select", f"finds more than {MAX_FOUND} vertices; say more words, or since=")


async def _seeds(read: GraphReading, text: str, judge: Judge) -> list[str]:
    """Return the vertices that an id, or a name, means."""
    if parse_vertex_id(text) is not None and await read.vertex(text) is not None:
        return [text]
    found = await read.find(VertexFilter(name=text), limit=_SAME_NAME)
    if found.more:
        judge.withhold(
            "further vertices", f"further vertices {text[:200]}", f"only {_SAME_NAME} of a name are shared"
        )
    return sorted(one.id for one in found.vertices)
