"""What a restored store lacks: by the store that it replaced, by the senders' receipts, and by their numbers.

Receipts name the items, but a sender drops them when the proof is in. Its own numbers have no gap, so those that
are neither stored nor waiting anywhere are what is gone for good.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, union_all

from registry import tables
from registry.audit_tables import audit
from registry.backup_finish import LostItem, OldStore
from registry.backup_manifest import Log
from registry.database import Database
from registry.outbox_visit import Numbers, OutboxVisit
from registry.receipts import open_receipt, read_receipts
from vedette.canonical import parse_json
from vedette.clock import SystemClock
from vedette.errors import RefusedError, StoreError
from vedette.evidence.sweep_checks import missing_ranges
from vedette.messages.batch import ELSEWHERE, Receipt, Signed

_READ_TOGETHER = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LostRange:
    """A part of a log that is gone."""

    engine: str
    """Bare JID of the engine."""
    epoch: str
    """Epoch of its log."""
    first: int
    """First `log_index`."""
    last: int
    """Last `log_index` that is known to have been there."""
    items: tuple[tuple[int, str], ...]
    """Index and uuid of those that are known."""
    unknown: int
    """How many of the range nobody names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LostNumbers:
    """What a sender numbered and is neither stored nor in its outbox any more."""

    agent: str
    """Bare JID of the sender."""
    epoch: str
    """Epoch of its outbox."""
    ranges: tuple[tuple[int, int], ...]
    """First and last `origin_seq` of each gap."""

    @property
    def count(self) -> int:
        """How many items."""
        return sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """What is known to be gone."""

    logs: tuple[LostRange, ...]
    """By log."""
    elsewhere: tuple[str, ...]
    """Uuids that were confirmed as being in another engine's log, and are in none."""
    numbers: tuple[LostNumbers, ...]
    """By sender."""
    waiting: dict[str, int]
    """Items that senders still have and will send by themselves, by agent."""
    notes: tuple[str, ...]
    """What could not be looked at, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visited:
    agent: str
    numbers: Numbers
    receipts: tuple[Receipt, ...]


class LossSearch:
    """Looks for what a restored store lacks."""

    def __init__(self, *, database: Database, restored: Sequence[Log], old: OldStore) -> None:
        """Describe it.

        Args:
            database: the restored store, open.
            restored: where the logs stood in the safety copy.
            old: what the store that was replaced knew.
        """
        self._database = database
        self._restored = {(log.engine, log.epoch): log.next_index for log in restored}
        self._old = old
        self._visited: list[_Visited] = []
        self._notes: list[str] = []

    def visit(self, outbox: Path) -> None:
        """Take in what a sender kept; the file is only read. What cannot be read is noted.

        Raises:
            StoreError: the database failed.
        """
        visit = OutboxVisit(outbox, clock=SystemClock())
        try:
            agent, numbers, signed = visit.agent(), visit.numbers(), read_receipts(outbox)
        except StoreError as error:
            self._notes.append(str(error))
            return
        receipts = self._database.read_sync(lambda connection: self._open(connection, outbox, signed))
        self._visited.append(_Visited(agent=agent, numbers=numbers, receipts=tuple(receipts)))

    def _open(self, connection: Connection, outbox: Path, signed: Sequence[Signed]) -> list[Receipt]:
        opened = []
        for one in signed:
            try:
                opened.append(open_receipt(connection, one))
            except RefusedError as error:
                self._notes.append(f"{outbox}: receipt {one.sha256[:16]}: {error}")
        return opened

    def result(self) -> Losses:
        """Return what is known to be gone.

        Raises:
            StoreError: the database failed.
        """
        known = {*self._old.lost, *(item for visited in self._visited for item in _confirmed(visited.receipts))}
        gone = self._database.read_sync(lambda connection: _not_stored(connection, known))
        return Losses(
            logs=tuple(self._ranges(gone)),
            elsewhere=tuple(sorted({item.uuid for item in gone if item.log_index == ELSEWHERE})),
            numbers=tuple(found for visited in self._visited if (found := self._lost_numbers(visited)) is not None),
            waiting={visited.agent: visited.numbers.waiting for visited in self._visited if visited.numbers.waiting},
            notes=tuple(self._notes),
        )

    def _ranges(self, gone: Sequence[LostItem]) -> Iterator[LostRange]:
        """Yield for each log what was behind its end in the safety copy, as far as anybody knows."""
        ends: dict[tuple[str, str], int] = defaultdict(int)
        for log in self._old.logs:
            ends[log.engine, log.epoch] = log.next_index
        for receipt in (one for visited in self._visited for one in visited.receipts):
            place = receipt.engine, receipt.epoch
            ends[place] = max(ends[place], receipt.log_index + 1)
        items: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        for item in gone:
            if item.log_index != ELSEWHERE:
                items[item.engine, item.epoch][item.log_index] = item.uuid
        for place, end in sorted(ends.items()):
            first = self._restored.get(place, 0)
            if end > first:
                named = sorted(items[place].items())
                yield LostRange(
                    engine=place[0],
                    epoch=place[1],
                    first=first,
                    last=end - 1,
                    items=tuple(named),
                    unknown=end - first - len(named),
                )

    def _lost_numbers(self, visited: _Visited) -> LostNumbers | None:
        numbers = visited.numbers
        stored = self._database.read_sync(
            lambda connection: stored_numbers(connection, agent=visited.agent, epoch=numbers.epoch)
        )
        ranges = missing_ranges(0, numbers.next_seq - 1, sorted(stored | numbers.held))
        return LostNumbers(agent=visited.agent, epoch=numbers.epoch, ranges=tuple(ranges)) if ranges else None


def _confirmed(receipts: Sequence[Receipt]) -> Iterator[LostItem]:
    for receipt in receipts:
        for uuid, _, index in receipt.committed:
            yield LostItem(engine=receipt.engine, epoch=receipt.epoch, log_index=index, uuid=uuid)


def _not_stored(connection: Connection, items: Collection[LostItem]) -> list[LostItem]:
    """Return those of the items that are in no log: some may have been sent again."""
    ordered = sorted(items, key=lambda item: (item.engine, item.epoch, item.log_index, item.uuid))
    gone: list[LostItem] = []
    for start in range(0, len(ordered), _READ_TOGETHER):
        part = ordered[start : start + _READ_TOGETHER]
        uuids = [item.uuid for item in part]
        queries = [select(table.c.uuid).where(table.c.uuid.in_(uuids)) for table in (tables.item, audit)]
        stored = set(connection.execute(union_all(*queries)).scalars())
        gone += [item for item in part if item.uuid not in stored]
    return gone


def stored_numbers(connection: Connection, *, agent: str, epoch: str) -> set[int]:
    """Return the `origin_seq` of every stored item that an agent numbered in an epoch of its outbox."""
    item, delivery = tables.item, tables.delivery
    query = select(item.c.statement).join(delivery, delivery.c.sha256 == item.c.manifest_sha256)
    query = query.where(delivery.c.agent == agent, delivery.c.epoch == epoch)
    rows = connection.execution_options(yield_per=_READ_TOGETHER).execute(query).scalars()
    numbers = (parse_json(statement)["meta"].get("origin_seq") for statement in rows)
    return {number for number in numbers if isinstance(number, int)}
