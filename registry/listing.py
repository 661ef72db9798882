"""Lists in pages: a page begins where a cursor points, goes either way, and never shifts while rows arrive.

A cursor is the key of a row, not a number of rows, so the millionth page costs what the first one does. It is
opaque to clients but not secret: it is checked for its form, and whatever it says it only chooses a place.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, tuple_

from vedette.errors import RefusedError
from vedette.storable import storable

T = TypeVar("T")

MAX_PAGE = 1_000
"""Rows in one page at most."""

EXAMINED = 2_000
"""Rows that one page looks at: a filter without an index may need many to find a few."""

_PIECE = 1_000
_MAX_CURSOR = 8_192
_KEY_LABEL = "key_{}"

Key = tuple[int | str, ...]
"""The values of a row's order columns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """How a list is ordered; together the columns tell every row from every other."""

    name: str
    """The list: its cursors are good nowhere else."""
    columns: tuple[ColumnElement[Any], ...]
    """What it is ordered by."""
    kinds: tuple[type[int] | type[str], ...]
    """What those hold."""
    descending: bool = True
    """Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """A place in a list, and which way to go from it."""

    following: bool
    """On through the list, or back towards its beginning."""
    key: Key
    """The row beside which the page lies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list."""

    rows: list[T]
    """The rows; there may be none although there are more pages, where a filter finds few."""
    next: str | None = None
    """Cursor of the page that follows; None at the end."""
    previous: str | None = None
    """Cursor of the page before; None at the beginning."""


def write_cursor(order: Order, cursor: Cursor) -> str:
    """Return a cursor as text."""
    parts = [order.name, int(cursor.following), *cursor.key]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


def read_cursor(order: Order, text: str) -> Cursor:
    """Return the cursor that a text is.

    Raises:
        RefusedError: this list never gave it.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        parts = orjson.loads(base64.urlsafe_b64decode(padded)) if len(text) <= _MAX_CURSOR else None
    except (binascii.Error, ValueError) as error:
        raise _foreign(order) from error
    if not isinstance(parts, list) or len(parts) != len(order.kinds) + 2:
        raise _foreign(order)
    name, way, *key = parts
    known = name == order.name and way in (0, 1) and all(map(_fits, key, order.kinds))
    cursor = Cursor(following=bool(way), key=tuple(key))
    if not known or write_cursor(order, cursor) != text:
        raise _foreign(order)
    return cursor


def _foreign(order: Order) -> RefusedError:
    return RefusedError("cursor", f"is not one that a list of {order.name} gave")


def _fits(value: object, kind: type) -> bool:
    if type(value) is not kind:
        return False
    return -(2**63) <= value < 2**63 if isinstance(value, int) else storable(str(value)) == value


def read_page(
    connection: Connection,
    query: Select[Any],
    *,
    order: Order,
    limit: int,
    cursor: str | None,
    row: Callable[[RowMapping], T],
    keep: Callable[[RowMapping], bool] | None = None,
    most: int = MAX_PAGE,
) -> Page[T]:
    """Return the page of a query's rows that the cursor points at, or the first one.

    Args:
        connection: to read from.
        query: the rows, neither ordered nor limited.
        order: how they are ordered.
        limit: rows in the page.
        cursor: as a page of this list gave it.
        row: makes what the page holds.
        keep: which of the query's rows belong to the list; None: all.
        most: rows in the page, whatever `limit` says.

    Raises:
        RefusedError: the cursor is not one of this list's.
    """
    place = None if cursor is None else read_cursor(order, cursor)
    limit = max(1, min(limit, most))
    walk = _Walk(connection, query, order=order, place=place)
    found = walk.collect(limit + 1, keep=keep)
    following = place is None or place.following
    more, found = len(found) > limit or not walk.ended, found[:limit]
    # Where to go on: after the last row shown, or after all that were looked at and did not fit.
    far = walk.key_of(found[-1]) if len(found) == limit else walk.last
    near = walk.key_of(found[0]) if found else far
    if not following:
        found.reverse()
    beyond, back = (
        _text(order, far if more else None, following),
        _text(order, near if place else None, not following),
    )
    return Page(
        rows=[row(one) for one in found],
        next=beyond if following else back,
        previous=back if following else beyond,
    )


def _text(order: Order, key: Key | None, following: bool) -> str | None:
    return None if key is None else write_cursor(order, Cursor(following=following, key=key))


class _Walk:
    """Reading a query's rows from a place on, a piece at a time."""

    def __init__(self, connection: Connection, query: Select[Any], *, order: Order, place: Cursor | None) -> None:
        self._connection = connection
        self._order = order
        self._down = order.descending == (place is None or place.following)
        self._labels = [_KEY_LABEL.format(number) for number in range(len(order.columns))]
        keys = [column.label(label) for column, label in zip(order.columns, self._labels, strict=True)]
        sorting = [column.desc() if self._down else column.asc() for column in order.columns]
        self._query = query.add_columns(*keys).order_by(*sorting)
        self.last: Key | None = None if place is None else place.key
        self.ended = False

    def collect(self, count: int, *, keep: Callable[[RowMapping], bool] | None) -> list[RowMapping]:
        """Return the next rows that are to be kept, up to `count`, having looked at a bounded number."""
        found: list[RowMapping] = []
        examined, piece = 0, count
        while len(found) < count and examined < EXAMINED and not self.ended:
            rows = self._read(piece)
            examined += len(rows)
            found += rows if keep is None else filter(keep, rows)
            piece = max(piece, _PIECE)
        return found[:count]

    def _read(self, piece: int) -> Sequence[RowMapping]:
        query = self._query if self.last is None else self._query.where(*self._beyond(self.last))
        rows = self._connection.execute(query.limit(piece)).mappings().all()
        self.ended = len(rows) < piece
        if rows:
            self.last = self.key_of(rows[-1])
        return rows

    def _beyond(self, key: Key) -> list[ColumnElement[bool]]:
        first, columns = self._order.columns[0], self._order.columns
        if len(columns) == 1:
            return [first < key[0] if self._down else first > key[0]]
        # The first column alone, too: neither database finds that bound in a comparison of rows by itself.
        if self._down:
            return [first <= key[0], tuple_(*columns) < tuple_(*key)]
        return [first >= key[0], tuple_(*columns) > tuple_(*key)]

    def key_of(self, row: RowMapping) -> Key:
        """Return the values of a row's order columns."""
        return tuple(row[label] for label in self._labels)


def made_of(kind: Callable[..., T], columns: Sequence[str]) -> Callable[[RowMapping], T]:
    """Return what makes a value from the columns of a row that have its fields' names."""
    return lambda row: kind(**{name: row[name] for name in columns})
