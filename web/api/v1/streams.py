"""Answers that are made while they are sent: bounded in number, closed however they end, never waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from web.api.problems import ProblemError
from web.api.wire import ABORT

PATIENCE = 30.0
"""Seconds that a client may take nothing of an answer."""


class Slots:
    """How many answers of one costly kind may be in work at once; one more is refused, not queued."""

    def __init__(self, *, most: int, what: str) -> None:
        """Allow `most` at once; `what` names them in the refusal."""
        self._free = most
        self._most = most
        self._what = what

    def take(self) -> None:
        """Take a slot, to be given back.

        Raises:
            ProblemError: 429, they are all taken.
        """
        if self._free == 0:
            detail = f"{self._most} {self._what} are in work already; try again in some seconds"
            raise ProblemError(429, detail, headers={"Retry-After": "5"})
        self._free -= 1

    def give_back(self) -> None:
        """Give a slot back."""
        self._free += 1


class Stream(StreamingResponse):
    """A streamed answer that holds a slot; a client that takes nothing for too long is cut off."""

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        headers: Mapping[str, str],
        slots: Slots | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(pieces, headers=headers)
        self._pieces = pieces
        self._slots = slots
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and close what it reads from."""

        async def patiently(message: Message) -> None:
            try:
                async with asyncio.timeout(self._patience):
                    await send(message)
            except TimeoutError as error:
                # To close the connection properly would wait for this very client.
                scope.get("extensions", {}).get(ABORT, lambda: None)()
                raise ClientDisconnect from error

        try:
            await super().__call__(scope, receive, patiently)
        finally:
            await self._pieces.aclose()
            if self._slots is not None:
                self._slots.give_back()
