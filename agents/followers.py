"""Who sees an agent's presence: those who may no more are taken out, also when that was decided elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from behaviours.peers import Peers
from vedette.errors import VedetteError
from vedette.log import Logger

REVIEW_EVERY: Final = 300.0
"""Seconds until all are looked at again: how long somebody who was taken out still sees agents of other machines."""


class Followers:
    """The contacts to whom the server shows this agent."""

    def __init__(
        self,
        *,
        peers: Peers,
        contacts: Callable[[], Iterable[str]],
        refuse: Callable[[str], None],
        counters: Counter[str],
        log: Logger,
    ) -> None:
        """Describe them: `contacts` returns who sees us now, `refuse` takes one out (RFC 6121 section 3.2)."""
        self._peers = peers
        self._contacts = contacts
        self._refuse = refuse
        self._counters = counters
        self._log = log
        self._due = asyncio.Event()

    def review(self) -> None:
        """Look at all of them soon: the allow-list or the directory may have changed."""
        self._due.set()

    async def keep(self) -> None:
        """Look whenever that is due, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REVIEW_EVERY):
                    await self._due.wait()
            self._due.clear()
            try:
                await self._look()
            except VedetteError as error:
                self._counters["failed"] += 1
                self._log.error("cannot review who sees us", exc_info=error)

    async def _look(self) -> None:
        for jid in list(self._contacts()):
            known = await self._peers.who(jid)
            # Where nobody can be asked, nobody is taken out: the fleet would lose sight of itself with its registry.
            if known is not None and not known.peers and known.person is None:
                self._counters["followers removed"] += 1
                self._log.warning("may not see us any more", peer=jid)
                self._refuse(jid)
