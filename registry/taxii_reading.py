"""What a collection of our TAXII server holds, in pages that lose nothing while more is added.

A collection is ordered by `date_added`, which grows with every commit: whoever goes on after the last one that was
seen misses nothing, and an object that changes in the meantime comes again behind it (TAXII 2.1, section 3.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, or_, select

from registry.database import Database
from registry.taxii_tables import taxii_status, taxii_version

MAX_PAGE: Final = 1_000
"""Versions of a page at most."""

MAX_PAGE_BYTES: Final = 8 * 1024 * 1024
"""Bytes of its objects at most, but for a single larger one."""

_SHOWN: Final = ("date_added", "object_id", "version_text", "size")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which versions of which objects; all conditions hold together."""

    ids: frozenset[str] = frozenset()
    """Ids of objects; empty: all."""
    types: frozenset[str] = frozenset()
    """Types of objects; empty: all."""
    versions: frozenset[int | Literal["first", "last", "all"]] = frozenset({"last"})
    """Versions, microseconds, or which of them; one is enough."""
    after: int = -1
    """Only what was added later than this, microseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of an object in a collection."""

    date_added: int
    """When it was added, microseconds."""
    object_id: str
    version_text: str
    """When it was modified, as the object has it."""
    body: bytes = b""
    """The object, where it was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionPage:
    """Versions, the earliest added first."""

    versions: Sequence[Version]
    more: bool
    """Whether others follow."""


class TaxiiReading:
    """Reads collections."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(self, collection: str, wanted: Wanted, *, limit: int, bodies: bool) -> VersionPage:
        """Return versions.

        Args:
            collection: its name.
            wanted: which.
            limit: how many at most.
            bodies: whether the objects themselves are wanted.

        Raises:
            StoreError: the database failed.
        """
        most = min(limit, MAX_PAGE)
        return await self._database.read(lambda connection: _page(connection, collection, wanted, most, bodies))

    async def holds(self, collection: str, id: str) -> bool:
        """Tell whether a collection has an object.

        Raises:
            StoreError: the database failed.
        """
        there = select(taxii_version.c.object_id).where(_of(collection), taxii_version.c.object_id == id).limit(1)
        return await self._database.read(lambda connection: connection.execute(there).first() is not None)

    async def status(self, id: str, *, holder: str) -> bytes | None:
        """Return what became of what somebody posted; None: nothing is known of it, or it was another one.

        Raises:
            StoreError: the database failed.
        """
        theirs = select(taxii_status.c.body).where(taxii_status.c.id == id, taxii_status.c.holder == holder)
        found = await self._database.read(lambda connection: connection.execute(theirs).scalar_one_or_none())
        return None if found is None else bytes(found)


def _page(connection: Connection, collection: str, wanted: Wanted, limit: int, bodies: bool) -> VersionPage:
    rows = connection.execute(selected(collection, wanted).limit(limit + 1)).mappings().all()
    kept = _within(rows[:limit]) if bodies else rows[:limit]
    found = _bodies(connection, collection, [row["date_added"] for row in kept]) if bodies else {}
    versions = [
        Version(
            date_added=row["date_added"],
            object_id=row["object_id"],
            version_text=row["version_text"],
            body=found.get(row["date_added"], b""),
        )
        for row in kept
    ]
    return VersionPage(versions=versions, more=len(rows) > len(kept))


def _within(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    size = 0
    for number, row in enumerate(rows):
        size += row["size"]
        if size > MAX_PAGE_BYTES and number:
            return rows[:number]
    return rows


def _bodies(connection: Connection, collection: str, added: Sequence[int]) -> dict[int, bytes]:
    if not added:
        return {}
    columns = (taxii_version.c.date_added, taxii_version.c.body)
    rows = connection.execute(select(*columns).where(_of(collection), taxii_version.c.date_added.in_(added)))
    return {row.date_added: bytes(row.body) for row in rows}


def selected(collection: str, wanted: Wanted) -> Select[Any]:
    """Return what finds versions, the earliest added first; without the objects themselves."""
    conditions = [_of(collection), taxii_version.c.date_added > wanted.after, _versions(wanted)]
    if wanted.ids:
        conditions.append(taxii_version.c.object_id.in_(sorted(wanted.ids)))
    if wanted.types:
        conditions.append(taxii_version.c.type.in_(sorted(wanted.types)))
    columns = (taxii_version.c[name] for name in _SHOWN)
    return select(*columns).where(and_(*conditions)).order_by(taxii_version.c.date_added)


def _versions(wanted: Wanted) -> ColumnElement[bool]:
    if "all" in wanted.versions:
        return taxii_version.c.date_added.is_not(None)
    moments = sorted(one for one in wanted.versions if isinstance(one, int))
    named = {"first": taxii_version.c.earliest.is_(True), "last": taxii_version.c.latest.is_(True)}
    either: list[ColumnElement[bool]] = [named[one] for one in ("first", "last") if one in wanted.versions]
    return or_(*either, taxii_version.c.version.in_(moments)) if moments else or_(*either)


def _of(collection: str) -> ColumnElement[bool]:
    return taxii_version.c.collection == collection
