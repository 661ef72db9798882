"""Looking through all files of documents: whether each is what its name says, and which belong to nothing."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import islice

from registry.content import PIECE, ContentFolder
from registry.content_lock import changing
from registry.database import Database
from registry.document_rows import known_documents, page_of_ids
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import StoreError
from vedette.evidence.finding import Finding

TOGETHER = 500
"""Documents in one query."""

YOUNG = 3_600 * MICROSECONDS
"""Microseconds for which a file may belong to nothing: an older release may be entering it without our lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Orphan:
    """A file that no document is of: a crash left it between the file and the database."""

    sha256: str
    """Its name."""
    size: int
    """Bytes."""


class DocumentInspection:
    """Goes through the documents of a store at a bounded rate."""

    def __init__(self, *, database: Database, folder: ContentFolder, clock: Clock, rate: float) -> None:
        """Describe it.

        Args:
            database: the store.
            folder: the files.
            clock: what tells the time.
            rate: bytes a second that are read, at most.
        """
        self._database = database
        self._folder = folder
        self._clock = clock
        self._rate = rate
        self.documents = 0
        """Documents that were looked at."""
        self.size = 0
        """Bytes that were read."""

    async def findings(self) -> AsyncGenerator[Finding, None]:
        """Yield what is wrong with each document, in the order of their ids.

        Raises:
            StoreError: the database failed.
        """
        after = ""
        while ids := await self._ids_after(after):
            for sha256 in ids:
                self.documents += 1
                if flaw := await self._flaw(sha256):
                    yield Finding(kind="document", place=f"document {sha256}", text=flaw)
            after = ids[-1]

    async def orphans(self, *, remove: bool) -> list[Orphan]:
        """Return the files that no document is of and that are not just coming; with `remove`, they are gone then.

        Raises:
            StoreError: the database failed, or a file cannot be removed.
        """
        found: list[Orphan] = []
        ids = self._folder.ids()
        while names := await asyncio.to_thread(lambda: list(islice(ids, TOGETHER))):
            found += await asyncio.to_thread(self._orphans, names, remove)
        return found

    def _orphans(self, names: list[str], remove: bool) -> list[Orphan]:
        if len(self._database.read_sync(lambda connection: known_documents(connection, names))) == len(names):
            return []
        # Under the lock: what an upload puts in its place meanwhile has its row when the lock is let go.
        with changing(self._folder):
            known = self._database.read_sync(lambda connection: known_documents(connection, names))
            found = [one for name in names if name not in known and (one := self._orphan(name)) is not None]
            for one in found if remove else ():
                self._folder.remove(one.sha256)
        return found

    def _orphan(self, sha256: str) -> Orphan | None:
        try:
            status = self._folder.path_of(sha256).stat()
        except OSError:
            return None
        if status.st_mtime_ns // 1_000 > self._clock.now() - YOUNG:
            return None
        return Orphan(sha256=sha256, size=status.st_size)

    async def _ids_after(self, after: str) -> list[str]:
        return await self._database.read(lambda connection: page_of_ids(connection, after=after, limit=TOGETHER))

    async def _flaw(self, sha256: str) -> str:
        try:
            digest = await self._digest(sha256)
        except (StoreError, OSError):
            # It may have been deleted since its id was read.
            known = await self._database.read(lambda connection: known_documents(connection, [sha256]))
            return "its file is missing or cannot be read" if known else ""
        return "" if digest == sha256 else "its file is damaged; restore it from a safety copy, or upload it again"

    async def _digest(self, sha256: str) -> str:
        digest = hashlib.sha256()
        with self._folder.open(sha256) as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                started = time.monotonic()
                await asyncio.to_thread(digest.update, piece)
                self.size += len(piece)
                await asyncio.sleep(max(0.0, len(piece) / self._rate - (time.monotonic() - started)))
        return digest.hexdigest()
