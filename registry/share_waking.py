"""Which shares items wake: looked up in the store, by the same filters by which an investigation is gathered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, select

from registry import tables
from registry.callers import Actor
from registry.database import Database
from registry.exports import Exports
from registry.item_list import ItemsWanted, chooser_of, list_query
from registry.job_tables import job, job_run
from registry.sharing_items import wanted_items
from vedette.clock import to_datetime
from vedette.configuration.sharing import Per, ShareSection
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

_PIECE: Final = 500
"""Items of one question."""

Wakes = Mapping[str, Sequence[str]]
"""Parts by names of shares; an empty part is all of it."""


class ShareWaking:
    """Asks for the exports of the shares that items belong to."""

    def __init__(self, *, database: Database, exports: Exports) -> None:
        self._database = database
        self._exports = exports

    async def wake(self, uuids: Sequence[str], *, by: Actor) -> list[Export]:
        """Ask for an export of each share that some of these items belong to, at each of its destinations.

        Doing so again changes nothing but when they are asked for: what waits is woken.

        Raises:
            StoreError: the database failed.
            RefusedError: too many exports wait.
        """
        shares = [share for share in self._exports.sharing.shares if share.when != "manual"]
        if not shares:
            return []
        wakes = await self._database.read(lambda connection: self._wakes(connection, shares, uuids))
        requests: defaultdict[float, list[ExportRequest]] = defaultdict(list)
        for share in shares:
            for part in wakes[share.name]:
                requests[share.settle] += self._requests(share, part)
        return [
            one
            for settle, some in requests.items()
            for one in await self._exports.request_all(some, by=by, settle=settle)
        ]

    async def ask(self, share: ShareSection, *, by: Actor, part: str = "", settle: float = 0.0) -> list[Export]:
        """Ask for an export of a share, or of one part of it, at each of its destinations.

        Raises:
            RefusedError: too many exports wait, or there is no such part.
            StoreError: the database failed.
        """
        return await self._exports.request_all(self._requests(share, part), by=by, settle=settle)

    def _requests(self, share: ShareSection, part: str) -> list[ExportRequest]:
        text = Selection.of_share(share.name, share.select, clock=self._exports.clock, part=part).text
        approval = share.when == "approval"
        return [
            ExportRequest(select=text, destination=name, share=share.name, approval=approval) for name in share.to
        ]

    def _wakes(self, connection: Connection, shares: Sequence[ShareSection], uuids: Sequence[str]) -> Wakes:
        clock = self._exports.clock
        found: dict[str, list[str]] = {}
        for share in shares:
            selection = Selection.of_share(share.name, share.select, clock=clock)
            rows = _rows(connection, selection, uuids)
            parts = (_part(share.per, row) for row in rows)
            found[share.name] = sorted({part for part in parts if part is not None})
        return found


def _rows(connection: Connection, selection: Selection, uuids: Sequence[str]) -> list[RowMapping]:
    """Return those of some items that a selection means, with what a share is split by."""
    if selection.is_of_graph:
        # Whatever is read into the graph may be near, or found: all of them.
        wanted, words = None, {}
    else:
        # How far an item is proved shows later: the export waits for that.
        wanted, words = replace(wanted_items(selection), state=None), dict(selection.words)
    names = [] if wanted is None else [*wanted.exact, *(["source"] if wanted.is_pattern else [])]
    columns = sorted({"uuid", "target", "received_at", *names})
    rows: list[RowMapping] = []
    for start in range(0, len(uuids), _PIECE):
        some = list(uuids[start : start + _PIECE])
        query = _query(wanted, columns).where(tables.item.c.uuid.in_(some)).order_by(tables.item.c.uuid)
        keep = _all if wanted is None else chooser_of(wanted, names)
        rows += [row for row in connection.execute(query).mappings() if keep(row) and _is_of(row, words)]
    return rows


def _query(wanted: ItemsWanted | None, columns: Sequence[str]) -> Select[Any]:
    """Return the query for items, each with the job that it is of."""
    item = tables.item
    of_job = select(job.c.uuid).join(job_run, job.c.id == job_run.c.job_id).where(job_run.c.uuid == item.c.uuid)
    query = (
        select(*(item.c[name] for name in columns)) if wanted is None else list_query(wanted, None, columns=columns)
    )
    return query.add_columns(of_job.limit(1).correlate(item).scalar_subquery().label("job"))


def _all(row: RowMapping) -> bool:
    return True


def _is_of(row: RowMapping, words: Mapping[str, str]) -> bool:
    return all(row[column] == words[key] for key, column in (("item", "uuid"), ("job", "job")) if key in words)


def _part(per: Per, row: RowMapping) -> str | None:
    """Return the part of a share that an item belongs to; None: it has no such part."""
    match per:
        case "all":
            return ""
        case "day":
            return f"day={to_datetime(row['received_at']):%Y-%m-%d}"
        case _:
            return None if not row[per] else f"{per}={row[per]}"
