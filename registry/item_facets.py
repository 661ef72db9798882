"""What items may be filtered by: the values that occur, found by walking an index and not the items."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, func, literal_column, select

from registry import tables
from registry.admission import MAX_INDEXED
from registry.database import Database

MAX_VALUES = 40
"""Values of one kind at most: agents write what they want."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemFacets:
    """Values that occur, in their order."""

    types: tuple[str, ...]
    """`meta.type`."""
    agents: tuple[str, ...]
    """Bare JIDs of senders."""
    verdicts: tuple[str, ...]
    """`meta.verdict`, the usual one first."""


class Facets:
    """The values that occur among a store's items."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def read(self) -> ItemFacets:
        """Return them.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(_facets)


def _facets(connection: Connection) -> ItemFacets:
    columns = tables.item.c
    # The words of the partial index must stand in the query.
    unusual = (
        func.length(columns.verdict) <= literal_column(str(MAX_INDEXED)),
        columns.verdict != literal_column(f"'{tables.USUAL_VERDICT}'"),
    )
    return ItemFacets(
        types=_values(connection, columns.type),
        agents=_values(connection, columns.agent),
        verdicts=(tables.USUAL_VERDICT, *_values(connection, columns.verdict, *unusual)),
    )


def _values(connection: Connection, column: Column[str], *conditions: ColumnElement[bool]) -> tuple[str, ...]:
    """Return the values of an indexed column: one step down the index for each, however many items have it."""
    found: list[str] = []
    while len(found) < MAX_VALUES:
        query = select(column).where(*conditions).order_by(column).limit(1)
        if found:
            query = query.where(column > found[-1])
        value = connection.execute(query).scalar_one_or_none()
        if value is None:
            break
        found.append(value)
    return tuple(found)
