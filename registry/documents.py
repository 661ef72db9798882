"""The document store: bytes in content-addressed files, what is said about them in the database."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Collection
from dataclasses import asdict, dataclass
from typing import BinaryIO

from sqlalchemy import Connection, delete, insert, select

from registry.content import PIECE, Content, ContentFolder, PartialFile, check_id
from registry.database import ConcurrentWriteError, Database
from registry.document_tables import document, document_tombstone
from registry.text import storable
from vedette.clock import Clock
from vedette.errors import ConflictError, RefusedError, StoreError, VedetteError
from vedette.messages.limits import MAX_TEXT

_GATHER = PIECE // 4
"""Bytes that are gathered before they are handed to a thread: a hand-over costs as much as hashing 64 KiB."""


class UnknownDocumentError(VedetteError):
    """There is no document with this id."""


class DeletedDocumentError(UnknownDocumentError):
    """There was a document with this id; the message says when and why it was deleted."""


class DigestError(ConflictError):
    """The bytes that came are not those that the id names; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What is known of a stored document."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal: its id."""
    size: int
    """Bytes."""
    content_type: str
    """MIME type, as its first sender said."""
    created_at: int
    """Microseconds since 1970: when it came first."""
    created_by: str
    """Who handed it in first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """What is left of a deleted document."""

    sha256: str
    """Its id."""
    size: int
    """Bytes that it had."""
    content_type: str
    """MIME type."""
    created_at: int
    """Microseconds since 1970: when it came."""
    created_by: str
    """Who handed it in."""
    deleted_at: int
    """Microseconds since 1970."""
    deleted_by: str
    """Who deleted it."""
    reason: str
    """Why."""


class Documents:
    """The documents of a store."""

    def __init__(self, *, database: Database, folder: ContentFolder, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        # Else a deletion could take the file of an upload that is just being entered.
        self._changing = asyncio.Lock()

    @property
    def limit(self) -> int:
        """Bytes that a document may have."""
        return self._folder.limit

    async def open(self) -> None:
        """Make the folder, and finish what a crash left half done.

        Raises:
            StoreError: the folder cannot be used, or the database failed.
        """
        await asyncio.to_thread(self._folder.prepare)
        for sha256 in await self._database.read(_deleted_ids):
            await asyncio.to_thread(self._folder.remove, sha256)

    async def receive(
        self, pieces: AsyncIterable[bytes], *, content_type: str, by: str, expected: str | None = None
    ) -> tuple[Document, bool]:
        """Store what comes and return it, and whether it is new; it is on disk then.

        Args:
            pieces: the bytes.
            content_type: their MIME type.
            by: who hands them in.
            expected: the id that they must have.

        Raises:
            TooLargeError: they are more than the limit.
            DigestError: they are not what `expected` names.
            NoRoomError: the disk is full.
            StoreError: the file or the database cannot be written.
        """
        partial = await asyncio.to_thread(self._folder.begin)
        try:
            await _fill(partial, pieces)
            if expected is not None and partial.sha256 != expected:
                raise DigestError("id", f"is {expected}, but the SHA-256 of the bytes that came is {partial.sha256}")
            async with self._changing:
                content = await asyncio.to_thread(partial.commit)
                return await self._enter(content, content_type=content_type, by=by)
        finally:
            partial.close()

    async def _enter(self, content: Content, *, content_type: str, by: str) -> tuple[Document, bool]:
        entry = Document(
            sha256=content.sha256,
            size=content.size,
            content_type=storable(content_type, limit=MAX_TEXT),
            created_at=self._clock.now(),
            created_by=by,
        )
        try:
            return await self._database.write(lambda connection: _insert(connection, entry))
        except ConcurrentWriteError:
            return await self.find(content.sha256), False

    async def find(self, id: str) -> Document:
        """Return what is known of a document.

        Raises:
            DeletedDocumentError: it was deleted; says when and why.
            UnknownDocumentError: there never was one, or it is no id.
            StoreError: the database failed.
        """
        try:
            check_id(id)
        except RefusedError as error:
            raise UnknownDocumentError("there is no document with this id") from error
        found = await self._database.read(lambda connection: _find(connection, id))
        if isinstance(found, Document):
            return found
        if found is not None:
            raise DeletedDocumentError(f"the document was deleted: {found.reason}")
        raise UnknownDocumentError("there is no document with this id")

    async def read(self, id: str, *, verify: bool = False) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a document, a piece at a time.

        Args:
            id: which one.
            verify: hold the last piece back until the digest of all is right.

        Raises:
            UnknownDocumentError: there is none.
            StoreError: the file is missing or, with `verify`, damaged.
        """
        await self.find(id)
        # Not in a thread: who is cancelled while one opens it would never get the file to close.
        with self._folder.open(id) as file:
            async with contextlib.aclosing(_pieces(file, id if verify else None)) as pieces:
                async for piece in pieces:
                    yield piece

    async def delete(self, id: str, *, by: str, reason: str) -> Tombstone:
        """Delete a document's bytes and return the tombstone that stays; what was proved about it stays, too.

        Raises:
            UnknownDocumentError: there is none.
            RefusedError: no reason is given.
            StoreError: the file or the database cannot be written.
        """
        if not reason.strip():
            raise RefusedError("reason", "is required: a deletion must be explained")
        async with self._changing:
            entry = await self.find(id)
            why = storable(reason, limit=MAX_TEXT)
            tombstone = Tombstone(**asdict(entry), deleted_at=self._clock.now(), deleted_by=by, reason=why)
            await self._database.write(lambda connection: _bury(connection, tombstone))
            await asyncio.to_thread(self._folder.remove, id)
        return tombstone

    async def tombstones(self, id: str) -> list[Tombstone]:
        """Return what is left of a deleted document, the last deletion first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: _tombstones(connection, id))


def known_documents(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Return the sizes in bytes of those documents that are stored."""
    if not ids:
        return {}
    query = select(document.c.sha256, document.c.size).where(document.c.sha256.in_(list(ids)))
    return {sha256: size for sha256, size in connection.execute(query)}


async def _fill(partial: PartialFile, pieces: AsyncIterable[bytes]) -> None:
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= _GATHER:
            await asyncio.to_thread(partial.write, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(partial.write, bytes(gathered))


async def _pieces(file: BinaryIO, expected: str | None) -> AsyncGenerator[bytes, None]:
    digest = hashlib.sha256()
    piece = await asyncio.to_thread(file.read, _GATHER)
    while piece:
        if expected is not None:
            await asyncio.to_thread(digest.update, piece)
        following = await asyncio.to_thread(file.read, _GATHER)
        if expected is not None and not following and digest.hexdigest() != expected:
            raise StoreError(f"{expected}: the file of the document is damaged; restore it from a safety copy")
        yield piece
        piece = following


_FIELDS = tuple(Document.__dataclass_fields__)


def _insert(connection: Connection, entry: Document) -> tuple[Document, bool]:
    found = _find(connection, entry.sha256)
    if isinstance(found, Document):
        return found, False
    connection.execute(insert(document).values(asdict(entry)))
    return entry, True


def _find(connection: Connection, id: str) -> Document | Tombstone | None:
    query = select(*(document.c[name] for name in _FIELDS)).where(document.c.sha256 == id)
    row = connection.execute(query).mappings().one_or_none()
    if row is not None:
        return Document(**row)
    return next(iter(_tombstones(connection, id)), None)


def _bury(connection: Connection, tombstone: Tombstone) -> None:
    connection.execute(insert(document_tombstone).values(asdict(tombstone)))
    connection.execute(delete(document).where(document.c.sha256 == tombstone.sha256))


def _tombstones(connection: Connection, id: str) -> list[Tombstone]:
    table = document_tombstone
    query = select(*(table.c[name] for name in Tombstone.__dataclass_fields__)).where(table.c.sha256 == id)
    return [Tombstone(**row) for row in connection.execute(query.order_by(table.c.id.desc())).mappings()]


def _deleted_ids(connection: Connection) -> list[str]:
    """Return the ids of deleted documents that did not come again."""
    table = document_tombstone
    again = select(document.c.sha256).where(document.c.sha256 == table.c.sha256).exists()
    return list(connection.execute(select(table.c.sha256).where(~again).distinct()).scalars())
