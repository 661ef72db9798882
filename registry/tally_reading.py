"""What the tallies say: which values occur how often, and how many items came when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from registry.tally import ALL, DAY, EVER, HOUR, MAX_VALUES
from registry.tally_tables import item_tally
from registry.time_buckets import Buckets

HOURLY = 7 * DAY
"""The longest span that is counted in hours; a longer one is counted in days."""

FOUND = 20
"""Values that a search finds at most."""

_number = func.sum(item_tally.c.number)


def most_frequent(connection: Connection, kind: str, *, limit: int) -> list[tuple[str, int]]:
    """Return the values of a kind that most items have, with how many have it."""
    query = select(item_tally.c.value, _number.label("items"))
    query = query.where(item_tally.c.kind == kind, item_tally.c.step == EVER).group_by(item_tally.c.value)
    rows = connection.execute(query.order_by(_number.desc(), item_tally.c.value).limit(limit))
    return [(row.value, int(row.items)) for row in rows]


def counted_between(
    connection: Connection, kind: str, values: Sequence[str], *, since: int | None, until: int | None, now: int
) -> dict[str, int]:
    """Return how many items have which of these values, in whole hours or, of a long span, whole days."""
    if since is None and until is None:
        query = _rows(kind, item_tally.c.step == EVER)
    else:
        step = HOUR if since is not None and (until or now) - since <= HOURLY else DAY
        query = _within(_rows(kind, item_tally.c.step == step), since=since, until=until, step=step)
    query = query.where(item_tally.c.value.in_(values)).group_by(item_tally.c.value)
    return {row.value: int(row.items) for row in connection.execute(query)}


def hours_between(connection: Connection, kind: str, value: str) -> tuple[int, int] | None:
    """Return the beginning of the first hour in which such an item came, and the end of the last; None: none did."""
    start = item_tally.c.start
    query = select(start).where(item_tally.c.kind == kind, item_tally.c.value == value, item_tally.c.step == HOUR)
    first = connection.execute(query.order_by(start).limit(1)).scalar_one_or_none()
    last = connection.execute(query.order_by(start.desc()).limit(1)).scalar_one_or_none()
    return None if first is None or last is None else (first, last + HOUR)


def counted_in(connection: Connection, kind: str, value: str, buckets: Buckets) -> list[int]:
    """Return how many such items came in each of these pieces, which are of whole hours."""
    step, table = DAY if buckets.step % DAY == 0 else HOUR, item_tally.c
    query = select(table.start, table.number).where(table.kind == kind, table.value == value, table.step == step)
    counts = [0] * buckets.number
    for at, items in connection.execute(query.where(table.start >= buckets.first, table.start < buckets.end)):
        number = buckets.of(at)
        if number is not None:
            counts[number] += items
    return counts


def _rows(kind: str, counted: ColumnElement[bool]) -> Select[Any]:
    query = select(item_tally.c.value, _number.label("items"))
    return query.where(item_tally.c.kind == kind, counted)


def _within(query: Select[Any], *, since: int | None, until: int | None, step: int) -> Select[Any]:
    if since is not None:
        query = query.where(item_tally.c.start >= max(0, since // step * step))
    if until is not None:
        query = query.where(item_tally.c.start < until)
    return query


def values_with(connection: Connection, kind: str, text: str) -> list[str]:
    """Return the values of a kind that have a text in them, in lower case; of all that are counted."""
    query = select(item_tally.c.value).where(item_tally.c.kind == kind, item_tally.c.step == EVER).distinct()
    values = connection.execute(query.order_by(item_tally.c.value).limit(MAX_VALUES)).scalars()
    return list(islice((value for value in values if text in value.casefold()), FOUND))


def total(connection: Connection, kind: str = ALL, value: str = "") -> int:
    """Return how many such items there are."""
    query = select(func.coalesce(_number, 0))
    query = query.where(item_tally.c.kind == kind, item_tally.c.value == value, item_tally.c.step == EVER)
    return int(connection.execute(query).scalar_one())
