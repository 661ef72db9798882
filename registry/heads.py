"""The heads of all logs, signed by the registry and kept: a log that is cut off or rewritten shows against them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import Connection, insert, select

from registry import tables
from registry.database import Database
from registry.head_tables import signed_heads
from registry.listing import Order, Page, made_of, read_page
from vedette.canonical import parse_json
from vedette.clock import Clock
from vedette.evidence.finding import Finding
from vedette.evidence.head_check import follow_heads
from vedette.messages.batch import Signed, parse_model
from vedette.messages.heads import ChainHead, HeadList
from vedette.signing import SigningKey

HEADS: Final = Order(name="signed heads", columns=(signed_heads.c.id,), kinds=(int,))
"""Newest first."""

MOST = 100
"""Lists in one page at most: a list grows with the logs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredHeads:
    """A list as it is kept."""

    id: int
    """Its number."""
    at: int
    """Microseconds since 1970: when it was signed."""
    text: str
    """The canonical JSON that was signed, a `HeadList`."""
    signature: str
    """Base64 of the Ed25519 signature over the bytes of `text`."""
    public_key: str
    """Base64 of the raw key that signed it: keys change."""

    @property
    def signed(self) -> Signed:
        """The list and its signature."""
        return Signed(text=self.text, signature=self.signature)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadsSigned:
    """What came of looking at the logs."""

    heads: HeadList
    """Where they stand."""
    signed: Signed | None
    """The new list; None where nothing changed since the last one."""
    findings: tuple[Finding, ...]
    """What is wrong."""


class SignedHeads:
    """The signed heads of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # What this process signed, and with which key, is believed before what the store says of it.
        self._last: tuple[HeadList, str] | None = None

    async def sign(self, *, registry: str, key: SigningKey) -> HeadsSigned:
        """Sign where the logs stand, if that changed since the last time, or the key did.

        Args:
            registry: its bare JID.
            key: its key.

        Raises:
            RefusedError: the last list in the store is not one.
            StoreError: the database failed.
        """
        now = self._clock.now()
        present = await self._database.read(_present)
        self._last = self._last or await self._last_stored()
        last, signed_by = self._last or (None, "")
        heads, findings = follow_heads([] if last is None else last.heads, present)
        if last is not None and last.heads == heads and signed_by == key.verifying.text:
            return HeadsSigned(heads=last, signed=None, findings=tuple(findings))
        new = HeadList(registry=registry, at=now, heads=heads)
        signed = Signed.seal(new, key)
        row = {"at": now, "text": signed.text, "signature": signed.signature, "public_key": key.verifying.text}
        await self._database.write(lambda connection: connection.execute(insert(signed_heads).values(row)) and None)
        self._last = new, key.verifying.text
        return HeadsSigned(heads=new, signed=signed, findings=tuple(findings))

    async def latest(self) -> StoredHeads | None:
        """Return the newest list; None before the first.

        Raises:
            StoreError: the database failed.
        """
        page = await self.page(limit=1)
        return page.rows[0] if page.rows else None

    async def page(self, *, limit: int, cursor: str | None = None) -> Page[StoredHeads]:
        """Return the newest lists, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        names = [field.name for field in fields(StoredHeads)]
        query = select(*(signed_heads.c[name] for name in names))
        row = made_of(StoredHeads, names)
        return await self._database.read(
            lambda connection: read_page(
                connection, query, order=HEADS, limit=limit, cursor=cursor, row=row, most=MOST
            )
        )

    async def _last_stored(self) -> tuple[HeadList, str] | None:
        stored = await self.latest()
        return None if stored is None else (parse_model(HeadList, parse_json(stored.text)), stored.public_key)


def _present(connection: Connection) -> list[ChainHead]:
    chain = tables.chain
    rows = connection.execute(select(chain.c.engine, chain.c.epoch, chain.c.next_index, chain.c.head))
    return [
        ChainHead(engine=row.engine, epoch=row.epoch, next_index=row.next_index, head=row.head.hex()) for row in rows
    ]
