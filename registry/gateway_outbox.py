"""The outbox of a gateway: what it knows of the broker's messages is in its file, and commits with their items."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from registry import gateway_work, outbox_work
from registry.gateway_work import Kept, Session
from registry.outbox_work import Tally
from registry.source_outbox import SourceOutbox
from vedette.gateway.incoming import Taken
from vedette.messages.batch import Signed


class GatewayOutbox(SourceOutbox):
    """An outbox that tells what became of each item: the broker's message is answered for then."""

    settled: Callable[[Sequence[str]], None] | None = None
    """Called with the uuids of items that the engine has committed, once its receipt is on disk."""
    given_up: Callable[[str, str, str], None] | None = None
    """Called with uuid, field and reason of an item that became a dead letter."""

    async def open(self) -> None:
        """Open the file and the spool, making what is not there.

        Raises:
            StoreError: the file is damaged, another agent's, or cannot be opened, or a gateway uses it; names it.
        """
        await super().open()

        def prepare(connection: sqlite3.Connection, tally: Tally) -> tuple[None, Tally]:
            gateway_work.make_gateway_tables(connection)
            return None, tally

        await self._write(prepare)

    async def last_session(self) -> int:
        """Return the number of the last connection to the broker that brought anything.

        Raises:
            StoreError: the file cannot be read.
        """
        return await self._read(gateway_work.last_session)

    async def take(self, messages: Sequence[Taken], session: Session) -> list[Kept]:
        """Commit messages as items, those that are new; return what became of each, in their order.

        Raises:
            OutboxFullError: they do not fit; nothing is stored.
            StoreError: it cannot be written; nothing is stored.
        """
        return await self.with_files([message.drawn for message in messages], lambda: self._take(messages, session))

    async def _take(self, messages: Sequence[Taken], session: Session) -> list[Kept]:
        now = self._clock.now()

        def work(connection: sqlite3.Connection, tally: Tally) -> tuple[list[Kept], Tally]:
            kept, new = gateway_work.sort_out(connection, messages, session)
            if new:
                add = outbox_work.add([one.item for one in new], agent=self._agent, now=now, limits=self._limits)
                _, tally = add(connection, tally)
                gateway_work.prune(connection)
            return kept, tally

        kept = await self._write(work)
        self.added.set()
        return kept

    async def confirm(self, receipt: Signed, uuids: Sequence[str]) -> int:
        """Keep the checked receipt, forget the bytes of what it confirms; returns how many waited.

        Raises:
            StoreError: the file cannot be written.
        """
        count = await super().confirm(receipt, uuids)
        if self.settled is not None:
            self.settled(uuids)
        return count

    async def refuse(self, uuid: str, field: str, reason: str) -> bool:
        """Note that the engine refused an item: it waits and is tried again, or becomes a dead letter (True).

        Raises:
            StoreError: the file cannot be written.
        """
        dead = await super().refuse(uuid, field, reason)
        if dead and self.given_up is not None:
            self.given_up(uuid, field, reason)
        return dead
