"""What people corrected in what was read of items: rows of the graph's database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from registry.graph_tables import correction as table
from vedette.extraction.prose.corrections.kinds import Correction, parse_correction
from vedette.messages.limits import MAX_TEXT
from vedette.pieces import pieces
from vedette.storable import storable

_LOOK_UP: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionLine:
    """A correction, who made it and why."""

    id: int
    """Its number; corrections of an item are applied in this order."""
    item: str
    """Uuid of the item."""
    correction: Correction
    """What is corrected."""
    why: str
    """Why; empty where nothing was said."""
    made_at: int
    """Microseconds since 1970."""
    made_by: str
    """Who."""
    undone_at: int | None
    """Microseconds since 1970: when it was taken back; null while it counts."""
    undone_by: str
    """Who took it back."""
    undone_why: str
    """Why."""

    @property
    def counts(self) -> bool:
        """Whether it was not taken back."""
        return self.undone_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """What people say of one item's text now."""

    revision: int
    """Corrections and undoings so far: grows with each."""
    corrections: tuple[Correction, ...]
    """Those that count, in their order."""


def corrections_of(connection: Connection, items: Collection[str]) -> dict[str, Corrected]:
    """Return what people corrected, by item; those that nobody ever corrected are left out."""
    found: defaultdict[str, list[CorrectionLine]] = defaultdict(list)
    for some in pieces(sorted(items), _LOOK_UP):
        for line in read_lines(connection, some):
            found[line.item].append(line)
    return {
        item: Corrected(
            revision=len(lines) + sum(not line.counts for line in lines),
            corrections=tuple(line.correction for line in lines if line.counts),
        )
        for item, lines in found.items()
    }


def read_lines(connection: Connection, items: Collection[str]) -> list[CorrectionLine]:
    """Return all corrections of some items, in their order, those that were taken back, too."""
    query = select(table).where(table.c.item.in_(list(items))).order_by(table.c.id)
    return [line_of(row) for row in connection.execute(query).mappings()]


def find_line(connection: Connection, id: int) -> CorrectionLine | None:
    """Return a correction; None: there is none."""
    row = connection.execute(select(table).where(table.c.id == id)).mappings().one_or_none()
    return None if row is None else line_of(row)


def corrected_items(connection: Connection, *, after: str, limit: int) -> Sequence[str]:
    """Return the next uuids of items with corrections that count, in their order."""
    query = select(table.c.item).distinct().where(table.c.item > after, table.c.undone_at.is_(None))
    return connection.execute(query.order_by(table.c.item).limit(limit)).scalars().all()


def size_of(connection: Connection, item: str) -> int:
    """Return how many characters an item's corrections have that count."""
    size = select(func.coalesce(func.sum(func.length(table.c.said)), 0))
    return int(connection.execute(size.where(table.c.item == item, table.c.undone_at.is_(None))).scalar_one())


def insert_line(
    connection: Connection, *, item: str, correction: Correction, why: str, by: str, at: int
) -> CorrectionLine:
    """Write a correction down."""
    values: dict[str, Any] = {
        "item": item,
        "said": storable(orjson.dumps(correction.model_dump()).decode()),
        "why": storable(why, limit=MAX_TEXT),
        "made_at": at,
        "made_by": storable(by, limit=MAX_TEXT),
    }
    id = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    row = connection.execute(select(table).where(table.c.id == id)).mappings().one()
    return line_of(row)


def undo_line(connection: Connection, id: int, *, why: str, by: str, at: int) -> bool:
    """Take a correction back; returns whether it counted until now."""
    values = {
        "undone_at": at,
        "undone_by": storable(by, limit=MAX_TEXT),
        "undone_why": storable(why, limit=MAX_TEXT),
    }
    mine = (table.c.id == id, table.c.undone_at.is_(None))
    return connection.execute(update(table).where(*mine).values(values)).rowcount == 1


def forget_corrections(connection: Connection, items: Collection[str]) -> None:
    """Delete the corrections of items whose text is gone: they quote it."""
    for some in pieces(sorted(items), _LOOK_UP):
        connection.execute(delete(table).where(table.c.item.in_(some)))


def line_of(row: RowMapping) -> CorrectionLine:
    """Return a correction from its row."""
    told = dict(row)
    return CorrectionLine(correction=parse_correction(orjson.loads(told.pop("said"))), **told)
