"""The sender's window: which batches are on the way, which are due again, and when to stop sending."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vedette.delivery.backoff import Backoff

WINDOW = 8
"""Batches on the way at once: enough to hide a round trip and a commit, little enough to keep in memory."""

ANSWER_FIRST = 5.0
"""Seconds to wait for the first receipt before a batch is sent again."""

ANSWER_LEAST = 2.0
"""Seconds to wait at least: an engine may be busy for a moment, and a second copy makes it busier."""

ANSWER_MOST = 60.0
"""Seconds to wait at most."""


@dataclass(kw_only=True)
class Flight:
    """One batch on the way: the very bytes that are sent again until they are answered."""

    engine: str
    """JID of the engine that it goes to."""
    manifest_sha256: str
    """Names the batch; its receipt refers to it."""
    uuids: tuple[str, ...]
    """Its items."""
    text: str
    """The encoded body."""
    encoding: str | None
    """The body's encoding."""
    seqs: tuple[int, ...]
    """Their `origin_seq`, ascending."""
    attempts: int = 0
    """How often it was sent."""
    sent_at: float = 0.0
    """Monotonic seconds: when it was sent first."""
    due: float = 0.0
    """Monotonic seconds: when it is to be sent (again)."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, most=60.0))
    """Delays after refusals."""


class Window:
    """The batches that are sent and not yet answered, in the order of their items."""

    def __init__(self, *, size: int = WINDOW) -> None:
        self._size = size
        self._usual_answer = ANSWER_FIRST / 4
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def has_room(self) -> bool:
        """Whether one more batch may be put on the way."""
        return len(self._flights) < self._size

    @property
    def last_seq(self) -> int:
        """Highest `origin_seq` on the way, -1 if none: the next batch starts after it."""
        return max((flight.seqs[-1] for flight in self._flights.values()), default=-1)

    def seqs(self) -> set[int]:
        """Return the `origin_seq` of everything on the way."""
        return {seq for flight in self._flights.values() for seq in flight.seqs}

    def add(self, flight: Flight) -> None:
        """Put a batch on the way; it is due at once."""
        self._flights[flight.manifest_sha256] = flight

    def due(self, now: float) -> list[Flight]:
        """Return the batches to send at `now`, oldest first."""
        return [flight for flight in self._flights.values() if flight.due <= now]

    def sent(self, flight: Flight, now: float) -> None:
        """Note that a batch was handed to the server; without an answer it is due again later."""
        if not flight.attempts:
            flight.sent_at = now
        flight.attempts += 1
        wait = max(ANSWER_LEAST, 4 * self._usual_answer)
        flight.due = now + min(ANSWER_MOST, wait * 2.0 ** min(flight.attempts - 1, 5))

    def delayed(self, manifest_sha256: str, now: float) -> None:
        """Note that a batch was refused as a whole: it waits with backoff."""
        flight = self._flights.get(manifest_sha256)
        if flight is not None:
            flight.due = now + flight.backoff.next()

    def answered(self, manifest_sha256: str, now: float) -> Flight | None:
        """Take an answered batch out of the window; None if it is not in it (a late second receipt).

        The time that answers take is smoothed as in RFC 6298; a batch that was sent twice tells nothing
        (Karn's algorithm).
        """
        flight = self._flights.pop(manifest_sha256, None)
        if flight is not None and flight.attempts == 1:
            self._usual_answer += (now - flight.sent_at - self._usual_answer) / 8
        return flight

    def keep_engines(self, engines: Collection[str]) -> None:
        """Forget the batches that go to other engines: their items are packed anew."""
        self._flights = {name: flight for name, flight in self._flights.items() if flight.engine in engines}

    def all_due(self) -> None:
        """Make every batch due now: the connection is new, or the receiver is another one."""
        for flight in self._flights.values():
            flight.due = 0.0

    def next_due(self) -> float | None:
        """Return the monotonic time of the next attempt, None if nothing is on the way."""
        return min((flight.due for flight in self._flights.values()), default=None)
