"""The runs of one check: which items came before another, and which after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, tuple_

from registry import tables
from registry.reading import Reads

EXAMINED: Final = 1_000
"""Items that are looked at each way: agents may share a check's name, and each has runs of its own."""

MAX_BEFORE: Final = 40
"""Runs before that are told of."""

MAX_AFTER: Final = 20
"""Runs after that are told of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRun:
    """An item as one run of its check."""

    uuid: str
    """The item's uuid."""
    format: str
    """Format of the payload."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    size: int
    """Bytes of the decoded payload."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    verdict: str | None
    """`meta.verdict`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsAround:
    """The runs of a check beside one of them."""

    before: tuple[ItemRun, ...] = ()
    """Those before it, the nearest first."""
    this: ItemRun | None = None
    """The one itself; None where it names no check."""
    after: tuple[ItemRun, ...] = ()
    """Those after it, the nearest first."""


class ItemRuns:
    """The runs of the checks of a store."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def around(self, uuid: str) -> RunsAround:
        """Return what the same agent's same check brought of the same target, before an item and after it.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _around(connection, uuid))


_PLACE = (tables.item.c.received_at, tables.item.c.chain_id, tables.item.c.log_index)
_FIELDS = tuple(ItemRun.__dataclass_fields__)


def _around(connection: Connection, uuid: str) -> RunsAround:
    item = tables.item
    names = ("agent", "check", "target", "chain_id", "log_index", *_FIELDS)
    this = connection.execute(select(*(item.c[name] for name in names)).where(item.c.uuid == uuid)).one_or_none()
    if this is None or this.check is None:
        return RunsAround()
    return RunsAround(
        before=_beside(connection, this, after=False, limit=MAX_BEFORE),
        this=_run(this),
        after=_beside(connection, this, after=True, limit=MAX_AFTER),
    )


def _beside(connection: Connection, this: Row[Any], *, after: bool, limit: int) -> tuple[ItemRun, ...]:
    item = tables.item
    here = (this.received_at, this.chain_id, this.log_index)
    query = select(*(item.c[name] for name in ("agent", "target", *_FIELDS))).where(item.c.check == this.check)
    # The time alone, too: neither database finds that bound in a comparison of rows by itself.
    if after:
        query = query.where(item.c.received_at >= this.received_at, tuple_(*_PLACE) > tuple_(*here))
    else:
        query = query.where(item.c.received_at <= this.received_at, tuple_(*_PLACE) < tuple_(*here))
    order = [column.asc() if after else column.desc() for column in _PLACE]
    runs: list[ItemRun] = []
    for row in connection.execute(query.order_by(*order).limit(EXAMINED)):
        if (row.agent, row.target) == (this.agent, this.target):
            runs.append(_run(row))
        if len(runs) == limit:
            break
    return tuple(runs)


def _run(row: Row[Any]) -> ItemRun:
    return ItemRun(**{name: getattr(row, name) for name in _FIELDS})
