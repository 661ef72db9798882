"""The outbox of a collector: what its sources remember is in the same file, and commits with what they brought."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from registry import outbox_work, source_work
from registry.lock import FileLock
from registry.outbox import Outbox
from registry.outbox_work import Tally
from registry.source_tables import make_source_tables
from registry.spool import Spool
from vedette.clock import Clock
from vedette.collection.memory import Changes, Drawn, SourceMemory
from vedette.collection.page_memory import PageMemory
from vedette.collection.robots import RobotsFile
from vedette.errors import StoreError

T = TypeVar("T")


class SourceOutbox(Outbox, SourceMemory):
    """An outbox whose items commit together with the state of the sources that brought them."""

    def __init__(
        self, path: Path, *, agent: str, clock: Clock, limit_items: int, limit_bytes: int, max_attempts: int = 5
    ) -> None:
        super().__init__(
            path,
            agent=agent,
            clock=clock,
            limit_items=limit_items,
            limit_bytes=limit_bytes,
            max_attempts=max_attempts,
        )
        self.spool = Spool(path.with_suffix(".documents"), outbox=self)
        """Payloads that are too large to travel inline."""
        self._lock = FileLock(path.with_suffix(".lock"), exclusive=True)
        self._held = False

    async def open(self) -> None:
        """Open the file and the spool, making what is not there.

        Raises:
            StoreError: the file is damaged, another agent's, or cannot be opened, or a collector uses it; names it.
        """
        # Two collectors with one state would each bring what the other brings, too.
        if not self._held:
            self._lock.acquire()
            self._held = True
        try:
            await super().open()
        except BaseException:
            self._let_go()
            raise

        def prepare(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
            make_source_tables(connection)
            return None, tally

        await self._write(prepare)
        await self.spool.open()

    async def close(self) -> None:
        """Finish what was handed in, and close the file; it can be opened again, also by others."""
        await super().close()
        self._let_go()

    def _let_go(self) -> None:
        self._lock.release()
        self._held = False

    async def page(self, source: str, url: str) -> PageMemory:
        """Return what a source remembers of a URL; a blank one where it is nothing.

        Raises:
            StoreError: it cannot be read.
        """
        return (await self.pages(source, [url])).get(url) or PageMemory(url=url)

    async def pages(self, source: str, urls: Sequence[str]) -> dict[str, PageMemory]:
        """Return what a source remembers of several URLs; those that it knows nothing of are left out.

        Raises:
            StoreError: it cannot be read.
        """
        return await self._read(lambda connection: source_work.get_pages(connection, source, urls))

    async def near(self, simhash: int) -> str | None:
        """Return the uuid of an item whose text is nearly the same; None where there is none.

        Raises:
            StoreError: it cannot be read.
        """
        return await self._read(lambda connection: source_work.near(connection, simhash))

    async def mark(self, source: str, name: str) -> str:
        """Return what a source remembers by a name; empty: nothing.

        Raises:
            StoreError: it cannot be read.
        """
        return await self._read(lambda connection: source_work.get_mark(connection, source, name))

    async def robots(self, origin: str) -> RobotsFile | None:
        """Return what a host's robots.txt said; None where it was never asked.

        Raises:
            StoreError: it cannot be read.
        """
        return await self._read(lambda connection: source_work.get_robots(connection, origin))

    async def remember_robots(self, file: RobotsFile) -> None:
        """Store what a host's robots.txt said.

        Raises:
            StoreError: it cannot be written.
        """

        def work(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
            source_work.put_robots(connection, file)
            return None, tally

        await self._write(work)

    async def commit(self, changes: Changes) -> None:
        """Store changes; they are on disk then.

        Raises:
            RefusedError: an item is not valid; nothing is stored.
            OutboxFullError: they do not fit; nothing is stored.
            StoreError: it cannot be written.
        """
        await self.with_files(changes.items, lambda: self._commit_changes(changes))

    async def with_files(self, items: Sequence[Drawn], commit: Callable[[], Awaitable[T]]) -> T:
        """Put the large payloads of items into the spool, then commit what refers to them; returns what that returns.

        Raises:
            StoreError: the spool cannot be written; and what `commit` raises.
        """
        large = [drawn for drawn in items if drawn.data is not None]
        if not large:
            return await commit()
        files = await asyncio.to_thread(self._write_files, large)
        return await self.spool.keep(files, commit)

    async def _commit_changes(self, changes: Changes) -> None:
        items = [drawn.item for drawn in changes.items]
        add = outbox_work.add(items, agent=self._agent, now=self._clock.now(), limits=self._limits)

        def work(connection: sqlite3.Connection, tally: Tally) -> tuple[list[dict[str, Any]], Tally]:
            added, after = add(connection, tally) if items else ([], tally)
            source_work.put_pages(connection, changes.source, changes.pages)
            source_work.put_marks(connection, changes.source, changes.marks)
            return added, after

        await self._write(work)
        if items:
            self.added.set()

    def _write_files(self, large: Sequence[Drawn]) -> dict[str, Path]:
        files: dict[str, Path] = {}
        try:
            for drawn in large:
                if drawn.item["payload"]["document"] in files:
                    continue
                with tempfile.NamedTemporaryFile(dir=self.spool.folder, prefix="source-", delete=False) as file:
                    files[drawn.item["payload"]["document"]] = Path(file.name)
                    file.write(drawn.data or b"")
        except OSError as error:
            for path in files.values():
                path.unlink(missing_ok=True)
            raise StoreError(f"{self.spool.folder}: cannot be written: {error.strerror}") from error
        return files
