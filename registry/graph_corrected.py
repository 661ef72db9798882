"""What people corrected in items' texts after a time, to be corrected again in an older state of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import orjson
from sqlalchemy import Connection, insert, or_, select, update

from registry.database import Database
from registry.graph_correcting import GraphCorrecting
from registry.graph_corrections import CorrectionLine, line_of
from registry.graph_tables import correction as table
from registry.graph_writing import GraphWriter
from vedette.clock import Clock
from vedette.storable import storable


def read_corrected(connection: Connection, *, since: int) -> tuple[CorrectionLine, ...]:
    """Return what people corrected, or took back, since a time (UTC, microseconds), in its order."""
    query = select(table).where(or_(table.c.made_at >= since, table.c.undone_at >= since)).order_by(table.c.id)
    return tuple(line_of(row) for row in connection.execute(query).mappings())


async def correct_again(database: Database, lines: Sequence[CorrectionLine], *, clock: Clock) -> int:
    """Correct in a graph what was corrected in a newer state of it; again changes nothing.

    An item that the graph does not know yet is said as corrected once it is read.

    Returns:
        How many corrections were made, or taken back, again.

    Raises:
        StoreError: the graph cannot be written.
        KeepingError: what was kept of a text is damaged.
    """
    done = await database.write(partial(_write, lines=lines))
    writing = GraphWriter(database=database, clock=clock)
    await GraphCorrecting(database=database, writing=writing).reread({line.item for line in lines})
    return done


def _write(connection: Connection, *, lines: Sequence[CorrectionLine]) -> int:
    return sum(_write_one(connection, line) for line in lines)


def _write_one(connection: Connection, line: CorrectionLine) -> bool:
    said = storable(orjson.dumps(line.correction.model_dump()).decode())
    undone = {"undone_at": line.undone_at, "undone_by": line.undone_by, "undone_why": line.undone_why}
    same = (table.c.item == line.item, table.c.made_at == line.made_at, table.c.made_by == line.made_by)
    known = select(table.c.id, table.c.undone_at).where(*same, table.c.said == said)
    row = connection.execute(known.order_by(table.c.id).limit(1)).one_or_none()
    if row is None:
        made = {"item": line.item, "said": said, "why": line.why, "made_at": line.made_at, "made_by": line.made_by}
        connection.execute(insert(table).values(made | undone))
        return True
    if row.undone_at == line.undone_at:
        return False
    connection.execute(update(table).where(table.c.id == row.id).values(undone))
    return True
