"""The collections of our TAXII server, as exporters fill them: `Collections` of `vedette/sharing/exporter.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, or_, select

from registry.database import Database
from registry.taxii_rows import CollectionRows, read_held
from registry.taxii_tables import taxii_held, taxii_said
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.pieces import pieces
from vedette.sharing.exporter import Difference
from vedette.sharing.taxii.holding import Said, Step, current_id, published, revoked, said, say, unsay

T = TypeVar("T")

_BATCH: Final = 500
"""Objects of one transaction: intake and console wait for no longer one."""

_Statement = tuple[str, Mapping[str, Any], Said]


class TaxiiCollections:
    """Fills collections; several processes may."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def compare(
        self, collection: str, group: str, objects: Iterable[Mapping[str, Any]]
    ) -> Sequence[Difference]:
        """Say what `replace` would do; nothing is changed.

        Raises:
            StoreError: the database failed.
        """
        found: list[Difference] = []
        given: set[str] = set()
        async for batch in _batches(objects, given):
            found += await self._database.read(partial(_differences, collection=collection, group=group, batch=batch))
        for ids in pieces(await self._gone(collection, group, given), _BATCH):
            goes = partial(_going, collection=collection, group=group, ids=ids)
            found += [("remove", id) for id in await self._database.read(goes)]
        return found

    async def replace(
        self, collection: str, group: str, objects: Iterable[Mapping[str, Any]]
    ) -> tuple[int, int, int]:
        """Make `objects` all that `group` has in a collection; returns added, changed, removed.

        What is added comes before what goes, in transactions of a bounded size: whoever is interrupted does it again,
        and what is done already is not done twice.

        Raises:
            StoreError: the database failed.
        """
        names = await self._database.read(lambda connection: _names(connection, collection))
        given: set[str] = set()
        added = changed = 0
        async for batch in _batches(objects, given):
            enter = partial(_enter, batch=batch, group=group, names=names)
            steps = await self._database.write(self._in(collection, enter))
            added, changed = added + steps.count(Step.ADD), changed + steps.count(Step.CHANGE)
        removed = 0
        for ids in pieces(await self._gone(collection, group, given), _BATCH):
            withdraw = partial(_withdraw, group=group, ids=ids, now=self._clock.now())
            removed += await self._database.write(self._in(collection, withdraw))
        return added, changed, removed

    def _in(self, collection: str, work: Callable[[CollectionRows], T]) -> Callable[[Connection], T]:
        return lambda connection: work(CollectionRows(connection, collection, now=self._clock.now()))

    async def _gone(self, collection: str, group: str, given: set[str]) -> list[str]:
        theirs = select(taxii_said.c.source_id).where(
            taxii_said.c.collection == collection, taxii_said.c.group_id == group
        )
        rows = await self._database.read(lambda connection: connection.execute(theirs).scalars().all())
        return sorted(id for id in rows if id not in given)


async def _batches(objects: Iterable[Mapping[str, Any]], given: set[str]) -> AsyncIterator[list[_Statement]]:
    """Yield objects in batches, made and hashed in a thread; `given` gets their ids, and each comes once."""
    iterator = iter(objects)

    def following() -> tuple[bool, list[_Statement]]:
        taken = list(islice(iterator, _BATCH))
        found = []
        for value in taken:
            id = str(value["id"])
            if id not in given:
                given.add(id)
                found.append((id, value, said(value)))
        return bool(taken), found

    while True:
        some, batch = await asyncio.to_thread(following)
        if not some:
            return
        if batch:
            yield batch


def _names(connection: Connection, collection: str) -> dict[str, str]:
    """Return the ids of what came back after it was revoked, or would now, by the ids that exporters know."""
    columns = (taxii_held.c.source_id, taxii_held.c.turn, taxii_held.c.revoked)
    some = or_(taxii_held.c.turn > 0, taxii_held.c.revoked)
    rows = connection.execute(select(*columns).where(taxii_held.c.collection == collection, some))
    return {row.source_id: current_id(row.source_id, row.turn + int(row.revoked)) for row in rows}


def _differences(
    connection: Connection, *, collection: str, group: str, batch: Sequence[_Statement]
) -> list[Difference]:
    held = read_held(connection, collection, [id for id, _, _ in batch])
    steps = [(id, say(held.get(id), group, what)[1]) for id, _, what in batch]
    return [("add" if step is Step.ADD else "change", id) for id, step in steps if step is not Step.NOTHING]


def _going(connection: Connection, *, collection: str, group: str, ids: Sequence[str]) -> list[str]:
    held = read_held(connection, collection, ids)
    return [id for id in ids if id in held and unsay(held[id], group, now=0)[1]]


def _enter(rows: CollectionRows, *, group: str, batch: Sequence[_Statement], names: Mapping[str, str]) -> list[Step]:
    before = rows.held([id for id, _, _ in batch])
    done = {id: say(before.get(id), group, what) for id, _, what in batch}
    # What came back since the names were read counts, too.
    named = {**names, **{id: current_id(id, held.turn) for id, (held, _) in done.items() if held.turn}}
    new: list[tuple[str, Mapping[str, Any], bool]] = []
    outdated: list[str] = []
    replaced: list[str] = []
    for id, value, what in batch:
        held, step = done[id]
        if step is Step.NOTHING:
            continue
        made = published(value, held, named)
        new.append((id, made, step is Step.ADD or what.version is None))
        if step is Step.CHANGE:
            (replaced if what.version is None else outdated).append(made["id"])
    rows.outdate(outdated)
    rows.forget(replaced)
    for id, one, first in new:
        rows.add(id, one, first=first)
    rows.hold(before, {id: held for id, (held, _) in done.items()})
    rows.finish()
    return [step for _, step in done.values()]


def _withdraw(rows: CollectionRows, *, group: str, ids: Sequence[str], now: int) -> int:
    """Withdraw what a group says no more; returns how many objects go with that."""
    before = rows.held(ids)
    outcome = {id: unsay(held, group, now=now) for id, held in before.items()}
    bodies = rows.last_bodies([current_id(id, before[id].turn) for id, (_, goes) in outcome.items() if goes])
    forgotten, last = [], []
    for id, (held, goes) in outcome.items():
        there = current_id(id, before[id].turn)
        if goes and held is None:
            forgotten.append(there)
        elif goes and held is not None and there in bodies:
            last.append((id, revoked(parse_json(bodies[there]), held)))
    rows.forget(forgotten)
    rows.outdate([value["id"] for _, value in last])
    for id, value in last:
        rows.add(id, value, first=False)
    rows.hold(before, {id: held for id, (held, _) in outcome.items()})
    rows.finish()
    return sum(goes for _, goes in outcome.values())
