"""Lists of the API as iterators that follow the cursors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from vedette.client.address import Query
from vedette.client.connection import Connection
from vedette.client.errors import UnexpectedAnswerError
from vedette.client.model import Model, parsed

LARGEST = 1_000
"""Rows in a page."""

M = TypeVar("M", bound=Model)


class _Page(Model):
    items: list[Any]
    next: str | None


async def rows(
    connection: Connection, path: str, kind: type[M], *, query: Query | None = None, limit: int | None = None
) -> AsyncIterator[M]:
    """Yield a list's rows from its beginning, page after page.

    Args:
        connection: to the hub.
        path: of the list.
        kind: of the rows.
        query: filters.
        limit: rows at most; None: all.

    Raises:
        ApiError: the hub refuses.
        ConnectionFailedError: it cannot be reached.
        UnexpectedAnswerError: the answer is not understood.
    """
    left, cursor = limit, None
    while left is None or left > 0:
        wanted = LARGEST if left is None else min(left, LARGEST)
        page = parsed(_Page, await connection.get(path, {**(query or {}), "limit": wanted, "cursor": cursor}))
        for row in page.items[:left]:
            yield parsed(kind, row)
        left = None if left is None else left - len(page.items)
        if page.next is None:
            return
        if page.next == cursor:
            raise UnexpectedAnswerError(f"{connection.url}{path}: the list does not go on; use its release's client")
        cursor = page.next
