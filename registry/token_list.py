"""The list of time-stamp tokens: who said when, over which batch."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select

from registry import tables
from registry.evidence_tables import evidence_record
from registry.listing import Order, Page, read_page
from registry.reading import Reads

TOKENS: Final = Order(name="tokens", columns=(tables.token.c.id,), kinds=(int,))
"""Newest first."""

_OF_TOKEN = ("id", "tsa", "external", "gen_time", "policy", "serial", "not_after", "obtained_at")
_OF_BATCH = ("number", "first_index", "last_index")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLine:
    """A token, verified before it was stored."""

    id: int
    """Its number in the store."""
    tsa: str
    """Name of the authority."""
    external: bool
    """False: the time is self-asserted."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    policy: str
    """OID of its policy."""
    serial: str
    """Its serial number, decimal."""
    not_after: int
    """Microseconds since 1970: when the first certificate of its chain ends."""
    obtained_at: int
    """Microseconds since 1970 by the engine's clock."""
    engine: str
    """Bare JID of the engine whose batch it is over."""
    epoch: str
    """Epoch of that engine's log."""
    batch: int
    """Number of the batch."""
    first_index: int
    """First `log_index` of the batch."""
    last_index: int
    """Last `log_index` of the batch."""
    renewals: int
    """How often its record was renewed."""
    void: str
    """Why it counts no more; empty while it does."""
    token: str
    """DER of the TimeStampToken (RFC 3161) in base64."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokensWanted:
    """Which tokens to list; what is None does not matter."""

    tsa: str | None = None
    """Name of the authority."""
    since: int | None = None
    """Microseconds since 1970: obtained then or later."""
    until: int | None = None
    """Microseconds since 1970: obtained before."""


class TokenList:
    """The list of all tokens of a store."""

    def __init__(self, *, database: Reads) -> None:
        self._database = database

    async def page(self, *, wanted: TokensWanted, limit: int, cursor: str | None = None) -> Page[TokenLine]:
        """Return the newest tokens that are wanted, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = token_query(wanted)

        def keep(row: RowMapping) -> bool:
            at: int = row["obtained_at"]
            return (wanted.since is None or at >= wanted.since) and (wanted.until is None or at < wanted.until)

        return await self._database.read(
            lambda connection: read_page(
                connection, query, order=TOKENS, limit=limit, cursor=cursor, row=_line, keep=keep
            )
        )


def token_query(wanted: TokensWanted) -> Select[Any]:
    """Return the query of the list; when a token came is not in it."""
    token, batch, chain, record = tables.token, tables.batch, tables.chain, evidence_record
    query = select(
        *(token.c[name] for name in (*_OF_TOKEN, "token")),
        *(batch.c[name] for name in _OF_BATCH),
        chain.c.engine,
        chain.c.epoch,
        record.c.renewals,
        record.c.void,
    )
    query = query.join(batch, batch.c.id == token.c.batch_id).join(chain, chain.c.id == batch.c.chain_id)
    query = query.join(record, record.c.token_id == token.c.id)
    return query if wanted.tsa is None else query.where(token.c.tsa == wanted.tsa)


def _line(row: RowMapping) -> TokenLine:
    names = (*_OF_TOKEN, "first_index", "last_index", "engine", "epoch", "renewals", "void")
    token = base64.b64encode(row["token"]).decode()
    return TokenLine(**{name: row[name] for name in names}, batch=row["number"], token=token)
