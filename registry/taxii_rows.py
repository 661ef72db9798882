"""The rows of collections: what is held, who says it, and the versions that clients get."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from registry.taxii_tables import taxii_collection, taxii_held, taxii_said, taxii_version
from vedette.clock import iso_time
from vedette.sharing.taxii.holding import Held
from vedette.sharing.taxii.resources import body_of, instant, version_of

MAX_VERSIONS: Final = 10
"""Versions of an object that are kept; the first of more go."""


class CollectionRows:
    """One collection within one transaction that writes into it; nobody else does meanwhile."""

    def __init__(self, connection: Connection, collection: str, *, now: int) -> None:
        """Lock it, and make it where there is none."""
        _plan_for_growth(connection)
        self._connection = connection
        self._collection = collection
        self._last = self._locked()
        self._now = now
        self._added: list[dict[str, Any]] = []
        self._grown: set[str] = set()

    def _locked(self) -> int:
        make = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        # Another process may make it at the same moment.
        made = make(taxii_collection).values(name=self._collection, last_added=-1).on_conflict_do_nothing()
        self._connection.execute(made)
        mine = taxii_collection.c.name == self._collection
        # A change of nothing: it locks the row in both databases.
        nothing = update(taxii_collection).where(mine).values(last_added=taxii_collection.c.last_added)
        return int(self._connection.execute(nothing.returning(taxii_collection.c.last_added)).scalar_one())

    # What is held -----------------------------------------------------------------------

    def held(self, ids: Collection[str]) -> dict[str, Held]:
        """Return what is held of some objects, with who says them."""
        return read_held(self._connection, self._collection, ids)

    def hold(self, before: Mapping[str, Held], after: Mapping[str, Held | None]) -> None:
        """Bring what is held from `before` to `after`; None: it is no longer there."""
        for table, rows_of in ((taxii_held, self._held_rows), (taxii_said, self._said_rows)):
            old = {key: row for id in after if id in before for key, row in rows_of(id, before[id]).items()}
            new = {
                key: row for id, held in after.items() if held is not None for key, row in rows_of(id, held).items()
            }
            self._replace(table, old, new)

    def _held_rows(self, id: str, held: Held) -> dict[tuple[str, ...], dict[str, Any]]:
        row = {"digest": held.digest, "version": held.version, "turn": held.turn, "revoked": held.revoked}
        return {(self._collection, id): row}

    def _said_rows(self, id: str, held: Held) -> dict[tuple[str, ...], dict[str, Any]]:
        return {
            (self._collection, id, group): {"digest": digest, "strictness": strictness}
            for group, (digest, strictness) in held.groups.items()
        }

    def _replace(
        self,
        table: Table,
        old: Mapping[tuple[str, ...], Mapping[str, Any]],
        new: Mapping[tuple[str, ...], Mapping[str, Any]],
    ) -> None:
        keys = [column.name for column in table.primary_key.columns]
        matched = and_(*(table.c[name] == bindparam(f"key_{name}") for name in keys))

        def named(key: tuple[str, ...]) -> dict[str, Any]:
            return {f"key_{name}": value for name, value in zip(keys, key, strict=True)}

        gone = [named(key) for key in old if key not in new]
        changed = [
            named(key) | {f"new_{name}": value for name, value in row.items()}
            for key, row in new.items()
            if key in old and old[key] != row
        ]
        added = [dict(zip(keys, key, strict=True)) | dict(row) for key, row in new.items() if key not in old]
        if gone:
            self._connection.execute(delete(table).where(matched), gone)
        if changed:
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in new[next(iter(new))]}
            self._connection.execute(update(table).where(matched).values(values), changed)
        if added:
            self._connection.execute(insert(table), added)

    # Versions ---------------------------------------------------------------------------

    def add(self, source_id: str, value: Mapping[str, Any], *, first: bool, last: bool = True) -> None:
        """Add a version; `first` and `last` say whether it is among those of its object."""
        self._last = max(self._now, self._last + 1)
        body, version = body_of(value), version_of(value) or iso_time(self._last)
        self._added.append(
            {
                "collection": self._collection,
                "date_added": self._last,
                "object_id": value["id"],
                "source_id": source_id,
                "type": value["type"],
                "version": instant(version),
                "version_text": version,
                "earliest": first,
                "latest": last,
                "size": len(body),
                "body": body,
            }
        )

    def outdate(self, ids: Iterable[str]) -> None:
        """Say that the last versions of objects are not the last any more."""
        theirs = and_(self._mine, taxii_version.c.object_id == bindparam("outdated"), taxii_version.c.latest)
        rows = [{"outdated": id} for id in ids]
        if rows:
            self._connection.execute(update(taxii_version).where(theirs).values(latest=False), rows)

    def forget(self, ids: Iterable[str]) -> None:
        """Take objects away with all their versions."""
        theirs = and_(self._mine, taxii_version.c.object_id == bindparam("forgotten"))
        rows = [{"forgotten": id} for id in ids]
        if rows:
            self._connection.execute(delete(taxii_version).where(theirs), rows)

    def last_bodies(self, ids: Collection[str]) -> dict[str, bytes]:
        """Return the last versions of objects."""
        return read_last_bodies(self._connection, self._collection, ids)

    def flush(self) -> None:
        """Write the versions that were added."""
        if self._added:
            self._connection.execute(insert(taxii_version), self._added)
        self._grown |= {row["object_id"] for row in self._added if not (row["earliest"] and row["latest"])}
        self._added = []

    def finish(self) -> None:
        """Write the versions that were added, and drop the first of those that are too many."""
        self.flush()
        self._trim(self._grown)
        here = update(taxii_collection).where(taxii_collection.c.name == self._collection)
        self._connection.execute(here.values(last_added=self._last))

    def _trim(self, ids: set[str]) -> None:
        if not ids:
            return
        theirs = _looked_up(self._connection, self._collection, taxii_version.c.object_id, ids).subquery()
        many = select(theirs.c.object_id).group_by(theirs.c.object_id).having(func.count() > MAX_VERSIONS)
        for id in self._connection.execute(many).scalars().all():
            its = and_(self._mine, taxii_version.c.object_id == id)
            order = (taxii_version.c.version.desc(), taxii_version.c.date_added.desc())
            kept = select(taxii_version.c.date_added).where(its).order_by(*order).limit(MAX_VERSIONS)
            places: Sequence[int] = self._connection.execute(kept).scalars().all()
            self._connection.execute(delete(taxii_version).where(its, taxii_version.c.date_added.not_in(places)))
            first = update(taxii_version).where(its, taxii_version.c.date_added == places[-1])
            self._connection.execute(first.values(earliest=True))

    @property
    def _mine(self) -> ColumnElement[bool]:
        return taxii_version.c.collection == self._collection


def read_held(connection: Connection, collection: str, ids: Collection[str]) -> dict[str, Held]:
    """Return what a collection holds of some objects, with who says them."""
    _plan_for_growth(connection)
    said: defaultdict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    theirs = _looked_up(connection, collection, taxii_said.c.source_id, ids, *taxii_said.c)
    for row in connection.execute(theirs):
        said[row.source_id][row.group_id] = (row.digest, row.strictness)
    held = _looked_up(connection, collection, taxii_held.c.source_id, ids, *taxii_held.c)
    return {
        row.source_id: Held(
            digest=row.digest, version=row.version, turn=row.turn, revoked=row.revoked, groups=said[row.source_id]
        )
        for row in connection.execute(held)
    }


def read_last_bodies(connection: Connection, collection: str, ids: Collection[str]) -> dict[str, bytes]:
    """Return the last versions of some objects of a collection."""
    _plan_for_growth(connection)
    id, body, latest = taxii_version.c.object_id, taxii_version.c.body, taxii_version.c.latest
    found = _looked_up(connection, collection, id, ids, id, body, where=latest)
    return {row.object_id: bytes(row.body) for row in connection.execute(found)}


def _plan_for_growth(connection: Connection) -> None:
    """Have PostgreSQL use indexes in this transaction, however small it believes the tables to be.

    A connection keeps its plans: one made for a page of rows would read all of the hundred thousand that follow.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET LOCAL enable_seqscan = off"))


def _looked_up(
    connection: Connection,
    collection: str,
    id: Column[str],
    ids: Collection[str],
    *columns: Column[Any],
    where: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """Return the query for the rows of a collection whose `id` is one of `ids`: each is looked up in an index.

    PostgreSQL would rather read the whole collection, and compare each row with each id, as long as it does not know
    that a collection is most of the table: until the first ANALYZE, or for good with a plan that it keeps. OFFSET 0
    leaves it no choice but to ask for one id after the other.
    """
    columns = columns or (id,)
    mine = and_(id.table.c.collection == collection, true() if where is None else where)
    if connection.dialect.name == "sqlite":
        return select(*columns).where(mine, id.in_(ids))
    listed = bindparam(None, sorted(set(ids)), type_=ARRAY(String))
    wanted = func.unnest(listed).table_valued("id").render_derived()
    one = select(*columns).where(mine, id == wanted.c.id).offset(0).lateral()
    return select(*one.c).select_from(wanted.join(one, true()))
