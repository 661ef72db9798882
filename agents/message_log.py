"""The last messages of an agent, cut, for its page."""

from __future__ import annotations

from collections import deque

from spade.message import Message

from vedette.clock import Clock
from vedette.messages.state import EXCERPT, MESSAGES_KEPT, MessageState

SHOWN_NAME = 64
"""Characters of a performative or action that are kept: both are the sender's text."""


class MessageLog:
    """What was sent and received last, newest first."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._messages: deque[MessageState] = deque(maxlen=MESSAGES_KEPT)

    def received(self, message: Message, *, outcome: str = "") -> None:
        """Note a message that came, and what became of it."""
        self._add(message, direction="in", peer=str(message.sender.bare), outcome=outcome)

    def sent(self, message: Message) -> None:
        """Note a message that was handed to the server."""
        self._add(message, direction="out", peer=str(message.to.bare), outcome="")

    def states(self) -> list[MessageState]:
        """Return them as the page shows them."""
        return list(self._messages)

    def _add(self, message: Message, *, direction: str, peer: str, outcome: str) -> None:
        body = message.body or ""
        encoding = message.get_metadata("encoding")
        self._messages.appendleft(
            MessageState.model_validate(
                {
                    "at": self._clock.now(),
                    "direction": direction,
                    "peer": peer,
                    "performative": (message.get_metadata("performative") or "")[:SHOWN_NAME],
                    "action": (message.get_metadata("action") or "")[:SHOWN_NAME],
                    "size": len(body),
                    # Compressed text tells nobody anything.
                    "excerpt": f"({encoding[:SHOWN_NAME]})" if encoding else body[:EXCERPT],
                    "outcome": outcome[:EXCERPT],
                }
            )
        )
