"""The document store: bytes in content-addressed files, what is said about them in the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import TypeVar

from sqlalchemy import Connection

from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF
from registry.content import Content, ContentFolder, PartialFile
from registry.content_lock import changing
from registry.correlation_forgetting import forget_document
from registry.database import Database
from registry.document_rows import (
    NOTHING_SAID,
    Document,
    Tombstone,
    bury_document,
    bytes_of,
    deleted_ids,
    enter_document,
    find_content,
    find_document,
    find_name,
    known_documents,
    tombstones_of,
)
from registry.document_streams import checked_pieces, fill, is_utf8
from registry.holds import HeldError, hold_on_document
from vedette.clock import Clock
from vedette.documents.description import is_name
from vedette.documents.quota import Quotas
from vedette.errors import ConflictError, RefusedError, VedetteError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable

__all__ = [
    "DeletedDocumentError",
    "DigestError",
    "Document",
    "Documents",
    "NameTakenError",
    "Tombstone",
    "UnknownDocumentError",
    "known_documents",
]

T = TypeVar("T")


class UnknownDocumentError(VedetteError):
    """There is no document with this id."""


class DeletedDocumentError(UnknownDocumentError):
    """There was a document with this id; the message says when and why it was deleted."""


class DigestError(ConflictError):
    """The bytes that came are not those that the id names; nothing was stored."""


class NameTakenError(ConflictError):
    """The name means another document; nothing was stored."""


class Documents:
    """The documents of a store."""

    def __init__(
        self, *, database: Database, folder: ContentFolder, clock: Clock, quotas: Quotas | None = None
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._quotas = quotas or Quotas()
        # Else those who wait for the folder would each take a thread.
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

        def finish() -> None:
            for sha256 in self._database.read_sync(deleted_ids):
                self._folder.remove(sha256)

        await self._change(finish)

    async def receive(
        self,
        pieces: AsyncIterable[bytes],
        *,
        content_type: str | Callable[[], str],
        by: str,
        expected: str | None = None,
        name: str = "",
        description: str | Callable[[], str] = NOTHING_SAID,
    ) -> tuple[Document, bool]:
        """Store what comes and return it, and whether it or its name is new; it is on disk then.

        Args:
            pieces: the bytes.
            content_type: their MIME type, or what returns it once all pieces came.
            by: who hands them in.
            expected: the id that they must have.
            name: what else they shall be called; empty: nothing.
            description: canonical JSON of what is said of them, or what returns it once all pieces came.

        Raises:
            TooLargeError: they are more than the limit.
            DigestError: they are not what `expected` names.
            NameTakenError: the name means another document.
            QuotaExceededError: who hands them in has its bytes full.
            NoRoomError: the disk is full.
            StoreError: the file or the database cannot be written.
        """
        partial = await asyncio.to_thread(self._folder.begin)
        try:
            await fill(partial, pieces)
            if expected is not None and partial.sha256 != expected:
                raise DigestError("id", f"is {expected}, but the SHA-256 of the bytes that came is {partial.sha256}")
            entry = Document(
                sha256=partial.sha256,
                size=partial.size,
                content_type=storable(_said(content_type), limit=MAX_TEXT),
                created_at=self._clock.now(),
                created_by=by,
                description=_said(description),
                name=name,
            )
            return await self._change(lambda: self._enter(partial, entry))
        finally:
            partial.close()

    def _enter(self, partial: PartialFile, entry: Document) -> tuple[Document, bool]:
        self._database.read_sync(lambda connection: self._check(connection, entry))
        content: Content = partial.commit()
        if content.sha256 != entry.sha256:
            raise DigestError("id", "changed while it was stored")
        return self._database.write_sync(lambda connection: enter_document(connection, entry))

    def _check(self, connection: Connection, entry: Document) -> None:
        new = not isinstance(find_content(connection, entry.sha256), Document)
        if new and self._quotas.of(entry.created_by) is not None:
            self._quotas.check(entry.created_by, used=bytes_of(connection, entry.created_by), more=entry.size)
        named = find_name(connection, entry.name) if entry.name else None
        if named is None or named.sha256 == entry.sha256:
            return
        if isinstance(find_content(connection, named.sha256), Document):
            raise NameTakenError("id", f"{entry.name} is another document; nothing was changed")

    async def find(self, id: str) -> Document:
        """Return what is known of a document, by its id or a name of it.

        Raises:
            DeletedDocumentError: it was deleted; says when and why.
            UnknownDocumentError: there never was one, or it is no id.
            StoreError: the database failed.
        """
        found = await self._database.read(lambda connection: _found(connection, id))
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
        sha256 = (await self.find(id)).sha256
        # Not in a thread: who is cancelled while one opens it would never get the file to close.
        with self._folder.open(sha256) as file:
            async with contextlib.aclosing(checked_pieces(file, sha256 if verify else None)) as pieces:
                async for piece in pieces:
                    yield piece

    async def is_utf8(self, sha256: str) -> bool:
        """Tell whether the bytes of a document are UTF-8 from the first to the last.

        Raises:
            StoreError: the file is missing or cannot be read.
        """
        with self._folder.open(sha256) as file:
            return await asyncio.to_thread(is_utf8, file)

    async def delete(self, id: str, *, by: str, reason: str, origin: str = ITSELF.origin) -> Tombstone:
        """Delete a document's bytes and return the tombstone that stays; what was proved about it stays, too.

        Args:
            id: its id or a name of it; no name of it finds it any more.
            by: who wants it.
            reason: why.
            origin: where from.

        Raises:
            UnknownDocumentError: there is none.
            HeldError: it is the payload of an item that is on hold.
            RefusedError: no reason is given.
            StoreError: the file or the database cannot be written.
        """
        if not reason.strip():
            raise RefusedError("reason", "is required: a deletion must be explained")
        sha256 = (await self.find(id)).sha256
        entry = AuditEntry(who=by, action="document.delete", object=sha256, origin=origin, detail=reason)

        def bury() -> Tombstone | None:
            now = self._clock.now()
            buried = self._database.write_sync(lambda connection: _bury(connection, entry, now=now))
            self._folder.remove(sha256)
            return buried

        tombstone = await self._change(bury)
        if tombstone is None:
            raise DeletedDocumentError("the document was deleted a moment ago")
        return tombstone

    async def tombstones(self, id: str) -> list[Tombstone]:
        """Return what is left of a deleted document, the last deletion first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: tombstones_of(connection, id))

    async def _change(self, work: Callable[[], T]) -> T:
        """Run what changes the folder in a thread, alone among all processes; who is cancelled waits for its end."""

        def alone() -> T:
            with changing(self._folder):
                return work()

        async with self._changing:
            running = asyncio.ensure_future(asyncio.to_thread(alone))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                raise


def _said(value: str | Callable[[], str]) -> str:
    return value if isinstance(value, str) else value()


def _found(connection: Connection, id: str) -> Document | Tombstone | None:
    # What is neither an id nor a name is not even looked for: PostgreSQL refuses a NUL.
    return find_document(connection, id) if is_name(id) or (len(id) == 64 and id.isalnum()) else None


def _bury(connection: Connection, entry: AuditEntry, *, now: int) -> Tombstone | None:
    hold = hold_on_document(connection, entry.object)
    if hold is not None:
        raise HeldError(f"item {hold.uuid} is on hold: {hold.reason}; release it first")
    buried = bury_document(connection, entry.object, at=now, by=entry.who, reason=entry.detail)
    if buried is not None:
        forget_document(connection, entry.object)
        record_audit(connection, entry, now=now)
    return buried
