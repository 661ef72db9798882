"""Checking passwords beside the event loop: few at once, since each takes 64 MiB and a core for 0.2 s."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vedette.access.password_hash import Passwords
from web.api.problems import ProblemError

AT_ONCE = 2
"""Hashes that are computed at the same time."""

WAITING = 8
"""Attempts that may wait for their turn: under 2 s."""

WAITING_KNOWN = 16
"""The same for browsers that logged in before: a crowd of strangers does not keep them out."""


class Hashing:
    """Computes and checks hashes in threads."""

    def __init__(self, *, passwords: Passwords) -> None:
        self._passwords = passwords
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._inside = 0

    async def hash(self, password: str) -> str:
        """Return a hash to store.

        Raises:
            ProblemError: 503, too many wait.
        """
        async with self._turn(WAITING):
            return await asyncio.to_thread(self._passwords.hash, password)

    async def verify(self, stored: str | None, password: str, *, known: bool = False) -> bool:
        """Tell whether a password is the stored one; without one it takes as long to say no.

        Raises:
            ProblemError: 503, too many wait.
            PasswordHashError: what is stored is no hash.
        """
        async with self._turn(WAITING_KNOWN if known else WAITING):
            return await asyncio.to_thread(self._passwords.verify, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._passwords.is_outdated(stored)

    @asynccontextmanager
    async def _turn(self, most: int) -> AsyncIterator[None]:
        if self._inside >= AT_ONCE + most:
            raise ProblemError(503, "too many log in at this moment; try again", headers={"Retry-After": "3"})
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1
