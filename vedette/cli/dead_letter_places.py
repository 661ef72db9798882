"""Where dead letters are: the outboxes of this machine's agents, and the consumers' queues in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from registry.audit import AuditEntry
from registry.callers import Actor
from registry.database import Database
from registry.items import Items
from registry.outbox_visit import OutboxVisit
from registry.outbox_work import NotInOutboxError
from registry.queue_dead_letters import QueueDeadLetters
from vedette.canonical import parse_json
from vedette.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A dead letter, wherever it is."""

    place: str
    """`outbox:NAME` or `queue:NAME`."""
    uuid: str
    """The item's uuid."""
    sender: str
    """Bare JID of the agent that made the item."""
    at: int
    """Microseconds since 1970: when it was given up, or discarded."""
    attempts: int | None
    """How often it was tried; None where only the tombstone is left."""
    field: str
    """Where the last refusal pointed; empty where a consumer failed."""
    reason: str
    """Why."""
    discarded: str | None
    """Why a person discarded it; None while it waits."""


class Place(Protocol):
    """Something that has dead letters."""

    def letters(self, *, discarded: bool) -> list[Letter]:
        """Return those that wait, with `discarded` the tombstones too."""
        ...

    def content(self, letter: Letter) -> dict[str, Any]:
        """Return the whole item."""
        ...

    def replay(self, letter: Letter) -> None:
        """Let it be tried again."""
        ...

    def discard(self, letter: Letter, reason: str) -> None:
        """Leave a tombstone of it."""
        ...


class OutboxPlace:
    """The outbox of an agent, which may be running."""

    def __init__(self, path: Path, *, clock: Clock, by: Actor, record: Callable[[AuditEntry], None]) -> None:
        """Describe it; `record` writes into the audit log what `by` does, as no transaction spans two files."""
        self._by = by
        self._record = record
        self._visit = OutboxVisit(path, clock=clock)
        self.name = f"outbox:{path.stem}"
        """As in a letter's `place`."""

    def letters(self, *, discarded: bool) -> list[Letter]:
        """Return those that wait, with `discarded` the tombstones too.

        Raises:
            StoreError: the file is not an outbox, or cannot be read.
        """
        agent = self._visit.agent()
        found = [
            Letter(
                place=self.name,
                uuid=letter.uuid,
                sender=agent,
                at=letter.died_at,
                attempts=letter.attempts,
                field=letter.field,
                reason=letter.reason,
                discarded=None,
            )
            for letter in self._visit.dead_letters()
        ]
        return found + self._tombstones(agent) if discarded else found

    def _tombstones(self, agent: str) -> list[Letter]:
        return [
            Letter(
                place=self.name,
                uuid=stone.uuid,
                sender=agent,
                at=stone.discarded_at,
                attempts=None,
                field=stone.field,
                reason=stone.reason,
                discarded=stone.why,
            )
            for stone in self._visit.tombstones()
        ]

    def content(self, letter: Letter) -> dict[str, Any]:
        """Return the whole item.

        Raises:
            NotInOutboxError: it is there no more.
            StoreError: the file cannot be read.
        """
        for found in self._visit.dead_letters():
            if found.uuid == letter.uuid:
                item: dict[str, Any] = parse_json(found.data)
                return item
        raise NotInOutboxError(f"{letter.uuid}: its content was discarded")

    def replay(self, letter: Letter) -> None:
        """Let it be sent again.

        Raises:
            NotInOutboxError: it is there no more.
            StoreError: the file cannot be written.
        """
        self._visit.replay(letter.uuid)
        self._note("dead-letter.replay", letter)

    def discard(self, letter: Letter, reason: str) -> None:
        """Delete its content and leave a tombstone.

        Raises:
            NotInOutboxError: it is there no more.
            StoreError: the file cannot be written.
        """
        self._visit.discard(letter.uuid, reason)
        self._note("dead-letter.discard", letter, reason)

    def _note(self, action: str, letter: Letter, detail: str = "") -> None:
        what = f"{letter.uuid} in {self.name}"
        entry = AuditEntry(who=self._by.who, action=action, object=what, origin=self._by.origin, detail=detail)
        self._record(entry)


class QueuesPlace:
    """The queues of the store."""

    def __init__(self, database: Database, *, clock: Clock, by: Actor) -> None:
        self._by = by
        self._letters = QueueDeadLetters(database=database, clock=clock)
        self._items = Items(database=database)

    def letters(self, *, discarded: bool) -> list[Letter]:
        """Return those that wait, with `discarded` the tombstones too.

        Raises:
            StoreError: the database failed.
        """
        return [
            Letter(
                place=f"queue:{letter.queue}",
                uuid=letter.uuid,
                sender=letter.sender,
                at=letter.died_at if letter.discarded_at is None else letter.discarded_at,
                attempts=letter.attempts,
                field="",
                reason=letter.reason,
                discarded=None if letter.discarded_at is None else letter.why,
            )
            for letter in asyncio.run(self._letters.all(discarded=discarded))
        ]

    def content(self, letter: Letter) -> dict[str, Any]:
        """Return the whole item, which the store has.

        Raises:
            StoreError: the database failed.
        """
        return asyncio.run(self._items.get(letter.uuid))

    def replay(self, letter: Letter) -> None:
        """Let it wait at the end of its queue.

        Raises:
            NoSuchDeadLetterError: it waits no more.
            StoreError: the database failed.
        """
        asyncio.run(self._letters.replay(_queue_of(letter), letter.uuid, by=self._by))

    def discard(self, letter: Letter, reason: str) -> None:
        """Leave a tombstone; the item itself stays in the store.

        Raises:
            NoSuchDeadLetterError: it waits no more.
            StoreError: the database failed.
        """
        asyncio.run(self._letters.discard(_queue_of(letter), letter.uuid, reason, by=self._by))


def _queue_of(letter: Letter) -> str:
    return letter.place.partition(":")[2]
