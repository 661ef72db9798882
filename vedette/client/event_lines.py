"""Server-sent events from the bytes of a stream (WHATWG HTML, 9.2.6), bounded. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.client.errors import UnexpectedAnswerError

MAX_EVENT = 1024 * 1024
"""Bytes of an event, and of a line."""


LONGEST_RETRY = 60.0
"""Seconds that a server can make a client wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """An event as it was sent."""

    topic: str
    """Its kind."""
    data: bytes
    """What it says."""
    id: str
    """Where to go on after it."""


class EventLines:
    """Puts pieces of a stream together."""

    def __init__(self, *, last_id: str = "") -> None:
        self.last_id = last_id
        """Where to go on after what was read so far."""
        self.retry: float | None = None
        """Seconds that the server wants a client to wait before it comes again."""
        self._rest = bytearray()
        self._topic = ""
        self._data = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Yield the events that a piece completes.

        Raises:
            UnexpectedAnswerError: a line or an event is too long.
        """
        self._rest += piece
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        if len(self._rest) > MAX_EVENT:
            raise UnexpectedAnswerError(f"a line of the stream of events has more than {MAX_EVENT} bytes")
        for line in lines:
            frame = self._line(bytes(line).removesuffix(b"\r"))
            if frame is not None:
                yield frame

    def _line(self, line: bytes) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id" and b"\0" not in value:
            self.last_id = value.decode("utf-8", "replace")
        elif name == b"event":
            self._topic = value.decode("utf-8", "replace")
        elif name == b"data":
            self._data += value + b"\n"
            if len(self._data) > MAX_EVENT:
                raise UnexpectedAnswerError(f"an event has more than {MAX_EVENT} bytes")
        elif name == b"retry" and value.isdigit():
            self.retry = min(int(value[:9]) / 1000, LONGEST_RETRY)
        return None

    def _end(self) -> Frame | None:
        topic, data = self._topic, bytes(self._data).removesuffix(b"\n")
        self._topic, self._data = "", bytearray()
        return Frame(topic=topic or "message", data=data, id=self.last_id) if data else None
