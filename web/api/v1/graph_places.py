"""What all routes of the graph share: the graph, which may not be there, ids, and pages by number of rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Path
from pydantic import Field

from registry.listing import Cursor, Order, Page, read_cursor, write_cursor
from vedette.errors import RefusedError
from vedette.graph.port import GraphReading, VertexView
from vedette.graph.stucco_question import MAX_OFFSET
from web.api.problems import ProblemError

T = TypeVar("T")

NO_GRAPH: Final = "there is no graph here; name one in the configuration (graph:) and start an RT agent"
"""What is said where the hub has none."""

MAX_ID: Final = 200
"""Characters of a vertex' id."""

ID: Final = r"^[^\x00/]+$"

VertexId = Annotated[
    str,
    Path(
        min_length=1, max_length=MAX_ID, pattern=ID, description="A vertex' id, or of a member; its UUID is enough."
    ),
]


OneId = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=ID)]
"""The same outside of a path."""


def the_graph(graph: GraphReading | None) -> GraphReading:
    """Return the graph.

    Raises:
        ProblemError: 503: the hub has none.
    """
    if graph is None:
        raise ProblemError(503, NO_GRAPH)
    return graph


async def the_vertex(graph: GraphReading, id: str) -> VertexView:
    """Return a vertex.

    Raises:
        ProblemError: 404: there is none.
    """
    found = await graph.vertex(id)
    if found is None:
        raise ProblemError(404, "there is no such vertex; look for it: /v1/graph/vertices?text=…")
    return found


async def by_offset(
    name: str, limit: int, cursor: str | None, read: Callable[[int, int], Awaitable[Sequence[T]]]
) -> Page[T]:
    """Return a page of a list that is not read by key.

    Args:
        name: the list's.
        limit: rows in the page.
        cursor: as a page of this list gave it.
        read: returns rows; takes how many, and how many are passed over.

    Raises:
        RefusedError: the cursor is not one of this list's, or leads too far.
    """
    order = Order(name=name, columns=(), kinds=(int,), descending=False)
    offset = 0 if cursor is None else int(read_cursor(order, cursor).key[0])
    if not 0 <= offset <= MAX_OFFSET:
        raise RefusedError(
            "cursor", f"passes over more than {MAX_OFFSET} rows; ask for less, such as one type or day"
        )
    rows = list(await read(limit, offset))
    more = len(rows) == limit
    following = write_cursor(order, Cursor(following=True, key=(offset + limit,))) if more else None
    return Page(rows=rows, next=following)
