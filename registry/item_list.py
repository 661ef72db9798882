"""The list of items, filtered: one condition leads through an index, the others choose among what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal_column, select

from registry import tables
from registry.admission import MAX_INDEXED
from registry.items import ItemSummary, state_column
from registry.listing import Order, Page, read_page
from registry.proof_state import ProofState
from registry.reading import Reads
from vedette.routing import ANY, ONE, check_pattern, matches
from vedette.storable import storable

ITEMS: Final = Order(
    name="items",
    columns=(tables.item.c.received_at, tables.item.c.chain_id, tables.item.c.log_index),
    kinds=(int, int, int),
)
"""Newest first, by the engine's clock."""

_LEADING = ("target", "source", "check", "verdict", "agent", "type")
"""Conditions that have an index, those that usually find the fewest first."""

_COLUMNS = tuple(name for name in ItemSummary.__dataclass_fields__ if name != "state")


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemsWanted:
    """Which items to list; what is None does not matter."""

    agent: str | None = None
    """Bare JID of the sender."""
    type: str | None = None
    """`meta.type`."""
    format: str | None = None
    """Format of the payload."""
    check: str | None = None
    """`meta.check`."""
    target: str | None = None
    """`meta.target`."""
    source: str | None = None
    """`meta.source`: a routing key, or a pattern with `*` and `#`."""
    verdict: str | None = None
    """`meta.verdict`."""
    state: ProofState | None = None
    """How far proved."""
    since: int | None = None
    """Microseconds since 1970: received then or later."""
    until: int | None = None
    """Microseconds since 1970: received before."""

    @property
    def exact(self) -> dict[str, str]:
        """The columns that must hold exactly this."""
        names = ("agent", "type", "format", "check", "target", "verdict")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.source is not None and not self.is_pattern:
            given["source"] = self.source
        return given

    @property
    def is_pattern(self) -> bool:
        """Whether `source` stands for more than one routing key."""
        return self.source is not None and not {ONE, ANY}.isdisjoint(self.source.split("."))


class ItemList:
    """The list of all items of a store."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def page(self, *, wanted: ItemsWanted, limit: int, cursor: str | None = None) -> Page[ItemSummary]:
        """Return the newest items that are wanted, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's, or the source is no pattern.
            StoreError: the database failed.
        """
        if wanted.source is not None:
            check_pattern(wanted.source)
        if any(storable(value) != value for value in wanted.exact.values()):
            # Neither database could hold such a text.
            return Page(rows=[])
        return await self._database.read(lambda connection: _page(connection, wanted, limit=limit, cursor=cursor))


def _page(connection: Connection, wanted: ItemsWanted, *, limit: int, cursor: str | None) -> Page[ItemSummary]:
    leading, others = leading_of(wanted), others_of(wanted)
    if not others:
        query = list_query(wanted, leading, columns=_COLUMNS, state=True)
        return read_page(connection, query, order=ITEMS, limit=limit, cursor=cursor, row=_summary)
    # Of what is only looked at, no more is read than it takes to choose.
    names, state = [name for name in others if name != "state"], wanted.state is not None
    query = list_query(wanted, leading, columns=["uuid", *names], state=state)
    keep = chooser_of(wanted, names)
    page = read_page(
        connection, query, order=ITEMS, limit=limit, cursor=cursor, row=lambda row: str(row["uuid"]), keep=keep
    )
    return Page(rows=_summaries(connection, page.rows), next=page.next, previous=page.previous)


def leading_of(wanted: ItemsWanted) -> str | None:
    """Return the condition whose index leads; None: the time of arrival does."""
    exact = wanted.exact
    return next((name for name in _LEADING if _is_indexed(name, exact.get(name))), None)


def list_query(
    wanted: ItemsWanted, leading: str | None, *, columns: Sequence[str] = ("uuid",), state: bool = False
) -> Select[Any]:
    """Return the query that an index answers, which finds what meets the leading condition and the times.

    Args:
        wanted: what is wanted.
        leading: the condition that leads.
        columns: what to read.
        state: whether to read how far each item is proved, too.
    """
    table = tables.item
    query = select(*(table.c[name] for name in columns))
    if state:
        query = query.add_columns(state_column().label("state"))
    if leading is not None:
        query = query.where(*_lead(leading, wanted.exact[leading]))
    if wanted.since is not None:
        query = query.where(table.c.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.received_at < wanted.until)
    return query


def others_of(wanted: ItemsWanted) -> list[str]:
    """Return the columns that have to be looked at beside the leading one."""
    leading, pattern = leading_of(wanted), ["source"] if wanted.is_pattern else []
    names = [name for name in wanted.exact if name != leading] + pattern
    return names if wanted.state is None else [*names, "state"]


def _is_indexed(name: str, value: str | None) -> bool:
    if value is None or len(value) > MAX_INDEXED:
        return False
    return name != "verdict" or value != tables.USUAL_VERDICT


def _lead(name: str, value: str) -> list[ColumnElement[bool]]:
    """Return the condition in the words of its index: those of a partial index must stand in the query."""
    column = tables.item.c[name]
    conditions = [column == value]
    if name in tables.PARTLY_INDEXED:
        conditions.append(func.length(column) <= literal_column(str(MAX_INDEXED)))
    if name == "verdict":
        conditions.append(column != literal_column(f"'{tables.USUAL_VERDICT}'"))
    return conditions


def chooser_of(wanted: ItemsWanted, names: Sequence[str]) -> Callable[[RowMapping], bool]:
    """Return what tells whether a row that the leading condition found is wanted."""
    exact = {name: value for name, value in wanted.exact.items() if name in names}
    state = None if wanted.state is None else wanted.state.value
    pattern = wanted.source if wanted.is_pattern else None

    def keep(row: RowMapping) -> bool:
        if any(row[name] != value for name, value in exact.items()):
            return False
        return (state is None or row["state"] == state) and (pattern is None or matches(pattern, row["source"]))

    return keep


def _summaries(connection: Connection, uuids: Sequence[str]) -> list[ItemSummary]:
    """Return items in the order of their uuids."""
    columns = [tables.item.c[name] for name in _COLUMNS]
    query = select(*columns, state_column().label("state")).where(tables.item.c.uuid.in_(uuids))
    found = {row["uuid"]: _summary(row) for row in connection.execute(query).mappings()}
    return [found[uuid] for uuid in uuids]


def _summary(row: RowMapping) -> ItemSummary:
    return ItemSummary(**{name: row[name] for name in _COLUMNS}, state=ProofState(row["state"]))
