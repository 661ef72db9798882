"""The lists of what the correlation found and of what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping, Select, select

from registry.correlation_memory import unpacked
from registry.correlation_tables import check_history, finding, finding_witness
from registry.listing import Order, Page, read_page
from registry.reading import Reads
from vedette.correlation.finding import Change, FindingKind, Severity, Witness
from vedette.storable import storable

SHOWN = 200
"""Characters of a text in an event; the store has the whole."""

CHANGES = 20
"""Changes and witnesses in an event at most; the store has all."""

FINDINGS: Final = Order(name="findings", columns=(finding.c.id,), kinds=(int,))
"""Newest first."""

CHECKS: Final = Order(name="checks", columns=(check_history.c.last_seen, check_history.c.number), kinds=(int, int))
"""Those that looked last first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFinding:
    """A finding as it is kept."""

    id: int
    """Names it; later ones have higher numbers."""
    kind: FindingKind
    """What kind."""
    severity: Severity
    """How much it matters."""
    rule: str
    """Name of the rule that said so, empty where none did."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look showed it."""
    at: int
    """When it was observed first, microseconds since 1970."""
    found_at: int
    """When it was found."""
    text: str
    """More about it, in words."""
    changes: tuple[Change, ...]
    """What exactly."""
    more: int
    """Changes that are not listed."""
    witnesses: tuple[Witness, ...]
    """The items that show it, by time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RememberedCheck:
    """What is remembered of a check."""

    check: str
    """Its name."""
    agent: str
    """Bare JID of who looks."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look it is."""
    first_seen: int
    """When it was first observed, microseconds since 1970."""
    last_seen: int
    """When it was last observed."""
    runs: int
    """Looks so far."""
    unchanged: int
    """Looks since the last change."""
    steady_since: int
    """Since when the facts are what they are."""
    interval: int | None
    """Usual time between two looks, microseconds."""
    verdict: str | None
    """The last verdict."""
    error: str | None
    """Why the last look failed."""
    flapping: bool
    """Whether it flaps."""
    missing: bool
    """Whether nothing came for too long."""
    item: str
    """Its newest item's uuid."""
    facts: int
    """How many facts it saw last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingsWanted:
    """Which findings to list; what is None does not matter."""

    kind: FindingKind | None = None
    """Of this kind."""
    subject: str | None = None
    """About this."""
    item: str | None = None
    """Shown by this item."""


class FindingList:
    """The findings of a store."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def page(self, *, wanted: FindingsWanted, limit: int, cursor: str | None = None) -> Page[RecordedFinding]:
        """Return the newest findings that are wanted, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = _wanted(wanted)

        def work(connection: Connection) -> Page[RecordedFinding]:
            page = read_page(connection, query, order=FINDINGS, limit=limit, cursor=cursor, row=_row)
            return Page(rows=_recorded(connection, page.rows), next=page.next, previous=page.previous)

        return await self._database.read(work)

    async def after(self, id: int, *, limit: int, engine: str | None = None) -> list[RecordedFinding]:
        """Return the findings that follow one, oldest first; all, or those of one engine.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(
            lambda connection: findings_after(connection, id, limit=limit, engine=engine)
        )

    async def newest(self) -> int:
        """Return the number of the newest finding, 0 where there is none.

        Raises:
            StoreError: the database failed.
        """
        query = select(finding.c.id).order_by(finding.c.id.desc()).limit(1)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none()) or 0

    async def checks(
        self, *, subject: str | None = None, limit: int, cursor: str | None = None
    ) -> Page[RememberedCheck]:
        """Return the checks that are remembered, all or those of one subject.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed, or a history is damaged.
        """
        query = select(check_history)
        if subject is not None:
            query = query.where(check_history.c.subject == storable(subject))
        return await self._database.read(
            lambda connection: read_page(
                connection, query, order=CHECKS, limit=limit, cursor=cursor, row=_check, most=100
            )
        )


def findings_after(
    connection: Connection, id: int, *, limit: int, engine: str | None = None
) -> list[RecordedFinding]:
    """Return the findings that follow one, oldest first; all, or those of one engine."""
    query = select(finding).where(finding.c.id > id).order_by(finding.c.id).limit(limit)
    if engine is not None:
        query = query.where(finding.c.engine == engine)
    return _recorded(connection, connection.execute(query).mappings().all())


def finding_fields(found: RecordedFinding) -> dict[str, Any]:
    """Return a finding as events have it: long texts are cut, of many changes the first are listed. Pure."""
    fields = {name: _shown(value) for name, value in asdict(found).items()}
    listed = found.changes[:CHANGES]
    fields["changes"] = [{name: _shown(value) for name, value in asdict(change).items()} for change in listed]
    fields["more"] = found.more + len(found.changes) - len(listed)
    fields["witnesses"] = fields["witnesses"][:CHANGES]
    return fields


def _shown(value: Any) -> Any:
    return value[:SHOWN] if isinstance(value, str) else value


def _wanted(wanted: FindingsWanted) -> Select[Any]:
    query = select(finding)
    if wanted.kind is not None:
        query = query.where(finding.c.kind == wanted.kind.value)
    if wanted.subject is not None:
        query = query.where(finding.c.subject == storable(wanted.subject))
    if wanted.item is not None:
        shown = select(finding_witness.c.finding_id).where(finding_witness.c.item == storable(wanted.item))
        query = query.where(finding.c.id.in_(shown))
    return query


def _row(row: RowMapping) -> RowMapping:
    return row


def _recorded(connection: Connection, rows: Sequence[RowMapping]) -> list[RecordedFinding]:
    table = finding_witness
    query = (
        select(table).where(table.c.finding_id.in_([row["id"] for row in rows])).order_by(table.c.at, table.c.item)
    )
    witnesses: dict[int, list[Witness]] = {}
    for row in connection.execute(query):
        witnesses.setdefault(row.finding_id, []).append(Witness(agent=row.agent, item=row.item, at=row.at))
    return [_finding(row, witnesses.get(row["id"], [])) for row in rows]


_COPIED = ("id", "rule", "subject", "family", "at", "found_at", "text", "more")


def _finding(row: RowMapping, witnesses: list[Witness]) -> RecordedFinding:
    changes = (Change(fact=fact, before=before, after=after) for fact, before, after in orjson.loads(row["changes"]))
    return RecordedFinding(
        **{name: row[name] for name in _COPIED},
        kind=FindingKind(row["kind"]),
        severity=Severity(row["severity"]),
        changes=tuple(changes),
        witnesses=tuple(witnesses),
    )


_REMEMBERED = (
    "first_seen",
    "last_seen",
    "runs",
    "unchanged",
    "steady_since",
    "interval",
    "verdict",
    "error",
    "flapping",
    "missing",
)


def _check(row: RowMapping) -> RememberedCheck:
    history = unpacked(row["history"])
    return RememberedCheck(
        **{name: row[name] for name in ("check", "agent", "subject", "family")},
        **{name: getattr(history, name) for name in _REMEMBERED},
        item=history.last.item,
        facts=len(history.facts),
    )
