"""Questions that an agent asked and that wait for their answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from spade.message import Message

from behaviours.exchange import Incoming

OPEN_QUESTIONS = 1000
"""Questions of ours that may wait for an answer at once."""


class OpenQuestions:
    """Keeps them by conversation; only who was asked can answer."""

    def __init__(self, *, send: Callable[[Message], bool]) -> None:
        """Describe it; `send` hands a message to the server, and tells whether it could."""
        self._send = send
        self._open: dict[str, tuple[str, asyncio.Future[Incoming]]] = {}

    async def ask(self, message: Message, *, time_limit: float) -> Incoming | None:
        """Send a message and return the answer in its conversation, None when none comes in time."""
        conversation = message.get_metadata("conversation-id") or secrets.token_hex(16)
        message.set_metadata("conversation-id", conversation)
        if len(self._open) >= OPEN_QUESTIONS:
            return None
        answer: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._open[conversation] = (str(message.to.bare), answer)
        try:
            async with asyncio.timeout(time_limit):
                return await answer if self._send(message) else None
        except TimeoutError:
            return None
        finally:
            del self._open[conversation]

    def answered_by(self, message: Message) -> asyncio.Future[Incoming] | None:
        """Return the question that a message answers; None: it is no answer."""
        asked, answer = self._open.get(message.get_metadata("conversation-id") or "", ("", None))
        return answer if asked == str(message.sender.bare) else None
