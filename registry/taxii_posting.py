"""What clients put into a collection and take out of it again (TAXII 2.1, sections 5.5 and 5.7).

An object belongs to who put it there first: others do not change it, and clients do not change what an investigation
of this fleet says. The same version is taken once; observables have no versions, so the first word counts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import uuid4

import orjson
from sqlalchemy import Connection, and_, delete, insert, select, update

from registry.database import Database
from registry.taxii_reading import Wanted, selected
from registry.taxii_rows import CollectionRows, read_last_bodies
from registry.taxii_tables import taxii_status, taxii_version
from vedette.canonical import parse_json
from vedette.clock import MICROSECONDS, Clock, iso_time
from vedette.errors import RefusedError, VedetteError
from vedette.sharing.taxii.holding import Held, said
from vedette.sharing.taxii.resources import body_of, instant, is_id, object_id, version_of

STATUS_KEPT: Final = 86_400 * MICROSECONDS
"""How long a client can ask what became of what it posted, microseconds."""

_CLIENT: Final = "client "
_FOREIGN: Final = "belongs to somebody else here; a new version of it is not taken from you"
_BATCH: Final = 500


class NotTheirsError(VedetteError):
    """Somebody wants to take out of a collection what another one put there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one posted object."""

    id: str
    version: str
    """When it was modified, as it has it; when it was added, where it has no versions."""
    problem: str = ""
    """Why it was not taken; empty: it is there."""


class TaxiiPosting:
    """Takes what clients post and delete."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def news(self, collection: str, objects: Sequence[Any]) -> bool:
        """Tell whether some of what somebody posts is an object that is not there yet as it is.

        Raises:
            StoreError: the database failed.
        """
        bodies = await asyncio.to_thread(_bodies, objects)
        ids = list(bodies)
        for start in range(0, len(ids), _BATCH):
            part = ids[start : start + _BATCH]
            there = await self._database.read(partial(read_last_bodies, collection=collection, ids=part))
            if any(there.get(id) != bodies[id] for id in part):
                return True
        return False

    async def post(self, collection: str, holder: str, objects: Sequence[Any]) -> Sequence[Outcome]:
        """Put objects into a collection; returns what became of each, in their order.

        Raises:
            StoreError: the database failed; what was put in before is there, and can be posted again.
        """
        found: list[Outcome] = []
        for start in range(0, len(objects), _BATCH):
            part = objects[start : start + _BATCH]
            take = partial(_take, collection=collection, holder=holder, now=self._clock.now(), objects=part)
            found += await self._database.write(take)
        return found

    async def note(self, holder: str, outcomes: Sequence[Outcome]) -> bytes:
        """Keep what became of what was posted, and return the status resource (section 4.3.1).

        Raises:
            StoreError: the database failed.
        """
        now, id = self._clock.now(), str(uuid4())
        body = orjson.dumps(_status(outcomes, id=id, at=now))
        row = {"id": id, "at": now, "holder": holder, "body": body}

        def work(connection: Connection) -> None:
            connection.execute(delete(taxii_status).where(taxii_status.c.at < now - STATUS_KEPT))
            connection.execute(insert(taxii_status).values(row))

        await self._database.write(work)
        return body

    async def delete(self, collection: str, wanted: Wanted, *, holder: str | None) -> int:
        """Take versions of objects out of a collection; returns how many went.

        Args:
            collection: its name.
            wanted: which.
            holder: who wants it, and may take out what they put in; None: whoever may take out anybody's.

        Raises:
            NotTheirsError: another one put it there, or an investigation says it.
            StoreError: the database failed.
        """
        now = self._clock.now()
        return await self._database.write(lambda connection: _delete(connection, collection, wanted, holder, now=now))


def _bodies(objects: Sequence[Any]) -> dict[str, bytes]:
    """Return those of values that are objects, by their ids."""
    found = {}
    for value in objects:
        with contextlib.suppress(RefusedError):
            if isinstance(value, dict):
                found[object_id(value)] = body_of(value)
    return found


def _take(connection: Connection, *, collection: str, holder: str, now: int, objects: Sequence[Any]) -> list[Outcome]:
    return _Posting(connection, collection, holder, now=now).take(objects)


class _Posting:
    """Objects that one client posts, in one transaction."""

    def __init__(self, connection: Connection, collection: str, holder: str, *, now: int) -> None:
        self._connection = connection
        self._collection = collection
        self._rows = CollectionRows(connection, collection, now=now)
        self._group = f"{_CLIENT}{holder}"
        self._now = now
        self._there: dict[str, Held] = {}
        self._fresh: dict[str, Held] = {}
        self._foreign: set[str] = set()

    def take(self, objects: Sequence[Any]) -> list[Outcome]:
        ids = {one["id"] for one in objects if isinstance(one, dict) and is_id(one.get("id"))}
        self._there = self._rows.held(ids)
        # What came back under another id: its exporter knows it by the one before.
        self._foreign = set(self._rows.last_bodies(ids - self._there.keys()))
        found = [self._one(value) for value in objects]
        self._settle()
        self._rows.finish()
        return found

    def _one(self, value: Any) -> Outcome:
        shown = str(value.get("id", ""))[:300] if isinstance(value, dict) else ""
        version = iso_time(self._now)
        try:
            if not isinstance(value, dict):
                raise RefusedError("objects", "is no JSON object")
            id = object_id(value)
            version = version_of(value) or version
            self._enter(id, value, instant(version))
        except RefusedError as error:
            return Outcome(id=shown, version=version, problem=str(error))
        return Outcome(id=id, version=version)

    def _enter(self, id: str, value: Mapping[str, Any], version: int) -> None:
        body, what = body_of(value), said(value)
        new = Held(digest=what.digest, version=what.version, groups={self._group: (what.digest, what.strictness)})
        if id in self._foreign:
            raise RefusedError("id", _FOREIGN)
        if id not in self._there and id not in self._fresh:
            self._rows.add(id, value, first=True)
            self._fresh[id] = new
            return
        # What this transaction added before must be seen.
        self._settle()
        held, there = self._rows.held([id])[id], self._versions(id)
        if what.version is None or version in there:
            if what.version is not None and there[version] != body:
                raise RefusedError(
                    "modified", "this version is there with another content; a change needs a later one"
                )
            return
        if set(held.groups) != {self._group}:
            raise RefusedError("id", _FOREIGN)
        if parse_json(there[max(there)]).get("revoked") is True:
            raise RefusedError("id", "was revoked: there is no later version of it (STIX 2.1, section 3.2)")
        first, last = version < min(there), version > max(there)
        if last:
            self._rows.outdate([id])
            self._rows.hold({id: held}, {id: new})
        if first:
            self._connection.execute(update(taxii_version).where(_is(self._collection, id)).values(earliest=False))
        self._rows.add(id, value, first=first, last=last)

    def _settle(self) -> None:
        """Write what was only noted so far."""
        self._rows.flush()
        self._rows.hold({}, self._fresh)
        self._there |= self._fresh
        self._fresh = {}

    def _versions(self, id: str) -> dict[int, bytes]:
        columns = (taxii_version.c.version, taxii_version.c.body)
        rows = self._connection.execute(select(*columns).where(_is(self._collection, id)))
        return {row.version: bytes(row.body) for row in rows}


def _delete(connection: Connection, collection: str, wanted: Wanted, holder: str | None, *, now: int) -> int:
    rows = CollectionRows(connection, collection, now=now)
    places: dict[str, list[int]] = {}
    for row in connection.execute(selected(collection, wanted)):
        places.setdefault(row.object_id, []).append(row.date_added)
    held = rows.held(list(places))
    for id in places:
        groups = held[id].groups if id in held else {}
        if not groups or not all(group.startswith(_CLIENT) for group in groups):
            raise NotTheirsError(f"{id} is said by an investigation of this fleet, which alone takes it back")
        if holder is not None and set(groups) != {f"{_CLIENT}{holder}"}:
            raise NotTheirsError(f"{id} was put here by somebody else; an administrator can take it out")
    for id, added in places.items():
        gone = and_(taxii_version.c.collection == collection, taxii_version.c.date_added.in_(added))
        connection.execute(delete(taxii_version).where(gone))
        rows.hold(held, {id: _rest(connection, collection, id, held[id])})
    return sum(map(len, places.values()))


def _rest(connection: Connection, collection: str, id: str, held: Held) -> Held | None:
    """Mark what is left of an object, and return what is held of it then."""
    order = (taxii_version.c.version, taxii_version.c.date_added)
    left = connection.execute(select(taxii_version).where(_is(collection, id)).order_by(*order)).all()
    if not left:
        return None
    for column, row in (("earliest", left[0]), ("latest", left[-1])):
        marked = and_(taxii_version.c.collection == collection, taxii_version.c.date_added == row.date_added)
        connection.execute(update(taxii_version).where(marked).values({column: True}))
    what = said(parse_json(left[-1].body))
    group = next(iter(held.groups))
    return Held(digest=what.digest, version=what.version, groups={group: (what.digest, what.strictness)})


def _is(collection: str, id: str) -> Any:
    return and_(taxii_version.c.collection == collection, taxii_version.c.object_id == id)


def _status(outcomes: Sequence[Outcome], *, id: str, at: int) -> dict[str, Any]:
    good = [{"id": one.id, "version": one.version} for one in outcomes if not one.problem]
    bad = [{"id": one.id, "version": one.version, "message": one.problem} for one in outcomes if one.problem]
    return {
        "id": id,
        "status": "complete",
        "request_timestamp": iso_time(at),
        "total_count": len(outcomes),
        "success_count": len(good),
        "failure_count": len(bad),
        "pending_count": 0,
        **({"successes": good} if good else {}),
        **({"failures": bad} if bad else {}),
    }
