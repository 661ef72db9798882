"""The partitions of PostgreSQL's table of payloads, each for some days of `received_at`; SQLite has none.

They are made ahead. What comes where none was made goes into the one for all the rest, and is moved when one is made.
Nothing waits long for a lock: whoever reads for hours, as a safety copy does, must not stop the intake behind us.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from registry.database import Database
from vedette.clock import Clock, to_datetime
from vedette.evidence.partition_retention import DAY

REST: Final = "item_payload_rest"
"""The partition of what no other is for."""

MOVED: Final = 50_000
"""Payloads that are moved from there at most, as nobody can read any meanwhile; where there are more, they stay."""

LOCK_WAIT = "2s"
"""For how long a table's lock is waited for: whoever comes after us waits as long."""

_AHEAD: Final = 7 * DAY
"""How far ahead there are partitions at least."""

_LOCK: Final = 0x7665_7061
"""Key of PostgreSQL's advisory lock around making partitions."""

_BOUNDS: Final = re.compile(r"FROM \('(-?\d+)'\) TO \('(-?\d+)'\)")

_LIST: Final = text(
    "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits"
    " JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass('item_payload')"
)
_IN_REST: Final = text(
    f"SELECT count(*) FROM (SELECT 1 FROM {REST}"  # noqa: S608  # our own name
    " WHERE received_at >= :start AND received_at < :end LIMIT :most) AS waiting"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """A partition, by the `received_at` of what is in it: microseconds since 1970."""

    name: str
    """Name of its table."""
    start: int
    """The first time that it is for."""
    end: int
    """The first time after it."""


class Partitions:
    """The partitions of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        """Describe them.

        Args:
            database: the store.
            clock: what tells the time.
        """
        self._database = database
        self._clock = clock

    async def all(self) -> list[Partition]:
        """Return them, oldest first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(read_partitions)

    async def make_ahead(self, *, days: int) -> list[Partition]:
        """Make what is missing for now and the next days, and return it; does nothing while another process does.

        Args:
            days: how many each new one is for.

        Raises:
            StoreError: the database failed, or somebody reads there for too long: try again later.
        """
        if self._database.dialect == "sqlite":
            return []
        now = self._clock.now()
        known = await self.all()
        if not _missing(known, now=now, width=days * DAY):
            return []

        def work(connection: Connection) -> list[Partition]:
            if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one():
                return []
            missing = _missing(read_partitions(connection), now=now, width=days * DAY)
            return [one for one in missing if _make(connection, one)]

        return await self._database.write(work)


def read_partitions(connection: Connection) -> list[Partition]:
    """Return the partitions, oldest first; without the one for the rest."""
    if connection.dialect.name == "sqlite":
        return []
    found = []
    for name, bounds in connection.execute(_LIST):
        if between := _BOUNDS.search(bounds):
            found.append(Partition(name=name, start=int(between[1]), end=int(between[2])))
    return sorted(found, key=lambda one: one.start)


def wait_shortly(connection: Connection) -> None:
    """Let the rest of the transaction give up where it does not get a table's lock soon."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))


def _missing(known: Sequence[Partition], *, now: int, width: int) -> list[Partition]:
    """Return the partitions to make: side by side, from today's midnight on."""
    found: list[Partition] = []
    start = now - now % DAY
    while start < now + max(_AHEAD, width):
        end = next((one.end for one in known if one.start <= start < one.end), None)
        if end is None:
            end = min([start + width, *(one.start for one in known if one.start > start)])
            found.append(Partition(name=f"item_payload_{to_datetime(start):%Y%m%d}", start=start, end=end))
        start = end
    return found


def _make(connection: Connection, one: Partition) -> bool:
    """Make a partition with what waited for it in the rest; False: that is too much."""
    wait_shortly(connection)
    # Attaching takes this lock, too: taken first, nothing comes between what is moved and that.
    connection.execute(text(f"LOCK TABLE {REST} IN ACCESS EXCLUSIVE MODE"))
    within = {"start": one.start, "end": one.end}
    waiting = connection.execute(_IN_REST, within | {"most": MOVED + 1}).scalar_one()
    if waiting > MOVED:
        return False
    connection.execute(text(f"CREATE TABLE {one.name} (LIKE item_payload INCLUDING ALL)"))
    if waiting:
        condition = f"{REST} WHERE received_at >= :start AND received_at < :end"
        connection.execute(text(f"INSERT INTO {one.name} SELECT * FROM {condition}"), within)  # noqa: S608
        connection.execute(text(f"DELETE FROM {condition}"), within)  # noqa: S608  # our own names
    bounds = f"FOR VALUES FROM ({one.start:d}) TO ({one.end:d})"
    connection.execute(text(f"ALTER TABLE item_payload ATTACH PARTITION {one.name} {bounds}"))
    return True
