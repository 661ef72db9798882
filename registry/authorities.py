"""What each time-stamping authority gave this store, whether it is configured now or was once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from registry import tables
from registry.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityTokens:
    """The tokens of one authority."""

    count: int
    """How many there are, of batches."""
    last_at: int
    """Time in the newest, microseconds since 1970."""


async def tokens_by_authority(database: Database) -> dict[str, AuthorityTokens]:
    """Return what each authority gave, by its name.

    Raises:
        StoreError: the database failed.
    """
    return await database.read(_tokens)


def _tokens(connection: Connection) -> dict[str, AuthorityTokens]:
    token = tables.token
    query = select(token.c.tsa, func.count(), func.max(token.c.gen_time)).group_by(token.c.tsa).order_by(token.c.tsa)
    return {tsa: AuthorityTokens(count=count, last_at=last) for tsa, count, last in connection.execute(query)}
