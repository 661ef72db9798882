"""What an operator watches: dead letters, queues, refusals and alarms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model, parsed


class DeadLetter(Model):
    """An item that was given up."""

    place: str
    """`queue:NAME` or `outbox:NAME`."""
    number: int
    """Its number there."""
    uuid: str
    """The item's uuid."""
    sender: str
    """Bare JID of the agent that made the item."""
    at: int
    """Microseconds since 1970: when it was given up; of an outbox's tombstone, when it was discarded."""
    attempts: int | None
    """How often it was tried; None where only the tombstone is left."""
    field: str
    """Where the last refusal pointed; empty where a consumer failed."""
    reason: str
    """Why it was given up."""
    discarded_at: int | None
    """Microseconds since 1970: when a person discarded it; None while it waits."""
    why: str
    """Why that person did."""


class WholeLetter(DeadLetter):
    """An item that was given up, with its content."""

    item: dict[str, Any] | None
    """The item in SCANDALE's form; None where it was deleted with a reason."""


class Queue(Model):
    """How a queue fares."""

    name: str
    """Its name."""
    owner: str
    """Who may touch it: a bare JID or a role."""
    patterns: tuple[str, ...]
    """Its bindings."""
    depth: int
    """Items that it holds, handed out or not; dead letters apart."""
    leased: int
    """How many of them are with a consumer."""
    oldest_queued_at: int | None
    """Microseconds since 1970: when the oldest of them was committed."""
    dead_letters: int
    """Items that were given up and wait for a person."""


class Refusal(Model):
    """One item or message that was refused."""

    id: int
    """Its number."""
    at: int
    """Microseconds since 1970."""
    sender: str
    """Bare JID."""
    uuid: str
    """The item's uuid; empty for a message."""
    field: str
    """Where."""
    reason: str
    """Why."""


class Alarm(Model):
    """Something that a person must look at."""

    id: int
    """Its number."""
    at: int
    """When it was found first, microseconds since 1970."""
    kind: str
    """What is wrong, one word."""
    place: str
    """Exactly where."""
    text: str
    """What was found."""
    acknowledged_at: int | None
    """When a person took note of it, microseconds since 1970."""


class DeadLetters:
    """The dead letters of a hub's queues and of its machine's outboxes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, place: str | None = None, discarded: bool = False, limit: int | None = None
    ) -> AsyncIterator[DeadLetter]:
        """Iterate over dead letters, newest first; `discarded`: also those that a person gave up for good."""
        query = {"place": place, "discarded": discarded}
        return rows(self._connection, "/v1/dead-letters", DeadLetter, query=query, limit=limit)

    async def get(self, place: str, uuid: str) -> WholeLetter:
        """Return one dead letter with its item.

        Raises:
            ApiError: 404, there is none.
        """
        return parsed(WholeLetter, await self._connection.get(path_of("v1", "dead-letters", place, uuid)))

    async def find(self, uuid: str, *, place: str | None = None) -> Sequence[DeadLetter]:
        """Return the dead letters of an item that wait, one for each place that gave it up."""
        return [letter async for letter in self.list(place=place) if letter.uuid == uuid]

    async def replay(self, letter: DeadLetter) -> None:
        """Let one be tried again, with all its attempts.

        Raises:
            ApiError: 404, somebody decided about it since.
        """
        await self._connection.send("POST", path_of("v1", "dead-letters", letter.place, letter.uuid, "replay"))

    async def discard(self, letter: DeadLetter, *, reason: str) -> None:
        """Give one up for good; a tombstone with the reason stays.

        Raises:
            ApiError: 404, somebody decided about it since.
        """
        path = path_of("v1", "dead-letters", letter.place, letter.uuid, "discard")
        await self._connection.send("POST", path, {"reason": reason})


class Queues:
    """The queues of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> AsyncIterator[Queue]:
        """Iterate over queues, by name."""
        return rows(self._connection, "/v1/queues", Queue)


class Refusals:
    """What a hub refused; the oldest are pruned."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, sender: str | None = None, limit: int | None = None) -> AsyncIterator[Refusal]:
        """Iterate over refusals, newest first."""
        return rows(self._connection, "/v1/refusals", Refusal, query={"sender": sender}, limit=limit)


class Alarms:
    """The alarms of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, kind: str | None = None, acknowledged: bool | None = None, limit: int | None = None
    ) -> AsyncIterator[Alarm]:
        """Iterate over alarms, newest first."""
        query = {"kind": kind, "acknowledged": acknowledged}
        return rows(self._connection, "/v1/alarms", Alarm, query=query, limit=limit)

    async def acknowledge(self, number: int) -> None:
        """Say that a person took note of an alarm; it stays in the list.

        Raises:
            ApiError: 404, there is none of this number.
        """
        await self._connection.send("POST", path_of("v1", "alarms", str(number), "acknowledge"))
