"""What happens, as it happens: the stream of events, which goes on where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from vedette.client.connection import Connection
from vedette.client.errors import ApiError, UnexpectedAnswerError
from vedette.client.event_lines import EventLines, Frame
from vedette.delivery.backoff import Backoff
from vedette.errors import ConnectionFailedError
from vedette.log import logger

RESET = "reset"
"""Topic of an event that says: what happened before it cannot be told any more; read the lists."""

SILENCE = 45.0
"""Seconds without a sign of life, which comes every 15, after which the connection is taken for dead."""

FIRST_WAIT = 1.0
"""Seconds: bound of the first wait before the connection is made again."""

_ENDLESS = 2**62
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened."""

    topic: str
    """Its kind, such as `scan`, `tst` or `presence`; `reset`: there is a gap before it."""
    fields: dict[str, Any]
    """What it says."""
    id: str
    """Where to go on after it: give it as `after`."""


class Events:
    """The stream of a hub's events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._log = logger("events")

    async def stream(self, topics: Collection[str] = (), *, after: str = "") -> AsyncGenerator[Event, None]:
        """Yield events without an end; a lost connection is made again, and nothing is missed or told twice.

        Args:
            topics: kinds; all unless said.
            after: id of the last event that is known; empty: what happens from now on.

        Raises:
            ApiError: the hub refuses for good: the key, or a topic that it does not know.
            UnexpectedAnswerError: what comes is no event.
        """
        last, backoff, troubled = after, Backoff(first=FIRST_WAIT, most=30.0), False
        while True:
            lines = EventLines(last_id=last)
            try:
                async with aclosing(self._frames(lines, topics)) as frames:
                    async for frame in frames:
                        troubled = False
                        backoff.reset()
                        yield _event(frame)
                reason = "the hub ended the stream"
            except ConnectionFailedError as error:
                reason = str(error)
            except ApiError as error:
                if error.status not in _PASSING:
                    raise
                reason = str(error)
            last = lines.last_id
            if not troubled:
                self._log.warning("the stream of events broke off; trying again", reason=reason)
            troubled = True
            await asyncio.sleep(max(lines.retry or 0.0, backoff.next()))

    async def _frames(self, lines: EventLines, topics: Collection[str]) -> AsyncGenerator[Frame, None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": lines.last_id} if lines.last_id else {})
        query = {"topics": ",".join(topics) or None}
        asking = self._connection.open("GET", "/v1/events", query, headers=headers, silence=SILENCE)
        async with asking as response, aclosing(self._connection.pieces(response, most=_ENDLESS)) as pieces:
            async for piece in pieces:
                for frame in lines.feed(piece):
                    yield frame


def _event(frame: Frame) -> Event:
    fields = Connection.read(frame.data)
    if not isinstance(fields, dict):
        raise UnexpectedAnswerError("an event is no JSON object; use its release's client")
    return Event(topic=frame.topic, fields=fields, id=frame.id)
