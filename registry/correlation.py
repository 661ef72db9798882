"""The correlation over the store: items are read in the order of the log, each once, and what they show is kept.

A step reads some items, makes their facts outside of any transaction, and writes histories, findings and the position
in one: who dies between does the same step again. One step at a time over a store, however many engines write it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, insert, select, text
from sqlalchemy.exc import DataError, DBAPIError

from registry.away_documents import AwayError, DocumentReader
from registry.correlation_memory import DamagedHistoryError, StoredMemory
from registry.correlation_reading import Reading, move, next_items, read_until, seen_at
from registry.correlation_tables import finding, finding_witness
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.duties import Duties
from vedette.canonical import canonical_json
from vedette.clock import MICROSECONDS, Clock
from vedette.correlation.facts import facts_of
from vedette.correlation.finding import Finding, Witness
from vedette.correlation.history import Look
from vedette.correlation.memory import CheckKey, correlate, correlate_absence
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import subject_of
from vedette.errors import StoreError
from vedette.log import logger
from vedette.storable import storable

T = TypeVar("T")

MAX_READ = 16 * 1024 * 1024
"""Bytes of a payload that are looked into; a larger one is compared by its hash."""

_REPORTED = 100
"""Different reasons to pass over an item that are logged."""

_LOCK = 7_390_114
"""Key of PostgreSQL's advisory lock around a step."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step did."""

    places: int = 0
    """Places in the log that were passed: of items, and of audit entries, which are not for us; 0: none waits."""
    more: bool = False
    """Whether more waited when it began."""
    items: int = 0
    """Items that were read."""
    compared: int = 0
    """Of these, those that were compared; the others say of no target what could be compared."""
    findings: int = 0
    """New findings."""
    joined: int = 0
    """Findings that were another witness of one that is known."""
    skipped: int = 0
    """Items that could not be worked on: a mistake in the program, or a history that is damaged."""


class Correlation:
    """The correlation of one engine's items, and of those of the engines that it stands in for."""

    def __init__(
        self,
        *,
        database: Database,
        engine: str,
        clock: Clock,
        policy: CorrelationPolicy,
        documents: DocumentReader | None = None,
        duties: Duties | None = None,
    ) -> None:
        """Describe it; without `documents`, what is in one is compared by its hash.

        `duties` says for whom `engine` stands in; None: for nobody.
        """
        self._database = database
        self._engine = engine
        self._clock = clock
        self._policy = policy
        self._documents = documents
        self._duties = duties or Duties(engine)
        self._log = logger("correlation")
        self._reported: set[str] = set()

    async def advance(self, *, limit: int) -> Step:
        """Correlate the next items, at most `limit`; a step without places means that none waits.

        An item that cannot be worked on is passed over: those behind it must not wait for ever.

        Raises:
            StoreError: the database failed.
        """
        engines = self._duties.engines
        read = await self._database.read(lambda connection: next_items(connection, engines, limit=limit))
        if read is None:
            return Step()
        try:
            return await self._step(read)
        except Exception as error:
            # Anything else is a mistake of ours that a stranger's item found.
            if not _is_of_items(error):
                raise
            if read.places == 1:
                return await self._skip(read, error)
        return await self.advance(limit=read.places // 2)

    async def _skip(self, read: Reading, error: Exception) -> Step:
        """Pass over one item."""

        def work(connection: Connection) -> bool:
            _one_at_a_time(connection)
            return move(connection, read)

        skipped = await self._write(work)
        kind = f"{type(error).__name__}: {error}"[:200]
        # Many items may have the same fault; the counter has their number.
        if skipped and kind not in self._reported and len(self._reported) < _REPORTED:
            self._reported.add(kind)
            item = read.rows[0].uuid if read.rows else None
            self._log.error("an item cannot be correlated and is passed over", item=item, exc_info=error)
        return Step(places=read.places, more=read.more, items=len(read.rows), skipped=int(skipped))

    async def _step(self, read: Reading) -> Step:
        looks = await asyncio.to_thread(self._looks, read.rows)
        now = self._clock.now()

        def work(connection: Connection) -> Step:
            _one_at_a_time(connection)
            if not move(connection, read):
                # Another process was faster: nothing is done twice.
                return Step(places=read.places, more=read.more, items=len(read.rows))
            memory = StoredMemory(connection, policy=self._policy)
            memory.load([key for key, _ in looks], {look.subject for _, look in looks})
            found = [one for key, look in looks for one in correlate(memory, key, look, self._policy)]
            memory.save()
            new = [self._keep(connection, one, now=now) for one in found]
            return Step(
                places=read.places,
                more=read.more,
                items=len(read.rows),
                compared=len(looks),
                findings=sum(new),
                joined=len(new) - sum(new),
            )

        return await self._write(work)

    async def look_for_absent(self, *, since: int, limit: int) -> int:
        """Tell what is missing; returns how many checks are.

        Call it only when no item waits: what waits may be what is missed. With other engines' chains something waits
        now and then, so nothing is missed that was due after the first of it was committed.

        Args:
            since: when this process began: what did not come while nobody listened is not missed yet.
            limit: checks at most.

        Raises:
            StoreError: the database failed.
        """
        moment = self._clock.now()

        def work(connection: Connection) -> int:
            _one_at_a_time(connection)
            now = read_until(connection, now=moment)
            memory = StoredMemory(connection, policy=self._policy)
            overdue = memory.load_overdue(now=now, since=since, limit=limit)
            found = [
                one
                for key, subject in overdue
                for one in correlate_absence(memory, key, subject, now=now, policy=self._policy)
            ]
            memory.save()
            for one in found:
                self._keep(connection, one, now=moment)
            return len(found)

        if not await self._database.read(
            lambda connection: StoredMemory.any_overdue(
                connection, now=read_until(connection, now=moment), since=since
            )
        ):
            return 0
        return await self._write(work)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.write(work)
        except ConcurrentWriteError:
            # Another engine wrote the same rows before its lock was seen; the next call reads afresh.
            return await self._database.write(work)

    def _looks(self, rows: Sequence[Any]) -> list[tuple[CheckKey, Look]]:
        return [self._look(row) for row in rows if (row.check or row.target) and not row.is_deleted]

    def _look(self, row: Any) -> tuple[CheckKey, Look]:
        facts = facts_of(format=row.format, payload=self._payload(row), payload_sha256=row.payload_sha256)
        look = Look(
            subject=subject_of(target=row.target, family=facts.family, agent=row.agent),
            witness=Witness(agent=row.agent, item=row.uuid, at=seen_at(row)),
            verdict=row.verdict,
            facts=facts,
        )
        name = row.check or f"{facts.family} of {look.subject.name}"
        return CheckKey(check=name, agent=row.agent), look

    def _payload(self, row: Any) -> bytes | None:
        if row.payload is not None:
            return bytes(row.payload)
        if self._documents is None:
            return None
        try:
            return self._documents.read(row.payload_sha256, limit=MAX_READ)
        except AwayError:
            # By its hash it would seem to be another one each time: it waits, and what is behind it.
            raise
        except StoreError:
            # That it is missing or damaged is the sweep's to say.
            return None

    def _keep(self, connection: Connection, found: Finding, *, now: int) -> bool:
        """Store a finding and return True, or add its witnesses to the same one that others saw just now."""
        known = connection.execute(_same(found, window=self._policy.agreement_window)).scalars().first()
        number = _insert(connection, found, engine=self._engine, now=now) if known is None else known
        present = select(finding_witness.c.item).where(finding_witness.c.finding_id == number)
        items = set(connection.execute(present).scalars())
        rows = [
            {"finding_id": number, "item": one.item, "agent": one.agent, "at": one.at}
            for one in dict.fromkeys(found.witnesses)
            if one.item not in items
        ]
        if rows:
            connection.execute(insert(finding_witness), rows)
        return known is None


def _is_of_items(error: Exception) -> bool:
    """Tell whether a step failed for what an item or a history holds, and not for what will be mended."""
    cause = error.__cause__
    if isinstance(error, DamagedHistoryError) or isinstance(cause, DataError):
        return True
    # PostgreSQL's class 54: more than fits into an index or a row.
    too_much = isinstance(cause, DBAPIError) and str(getattr(cause.orig, "sqlstate", "")).startswith("54")
    return too_much or not isinstance(error, StoreError)


def _one_at_a_time(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _same(found: Finding, *, window: float) -> Select[tuple[int]]:
    """Return the query for the same finding by another agent within the window."""
    near = round(window * MICROSECONDS)
    agents = [witness.agent for witness in found.witnesses]
    mine = (
        select(finding_witness.c.finding_id)
        .where(finding_witness.c.finding_id == finding.c.id, finding_witness.c.agent.in_(agents))
        .exists()
    )
    query = select(finding.c.id).where(
        finding.c.identity == found.identity, finding.c.at.between(found.at - near, found.at + near), ~mine
    )
    return query.order_by(finding.c.at.desc()).limit(1)


def _insert(connection: Connection, found: Finding, *, engine: str, now: int) -> int:
    changes = [[change.fact, change.before, change.after] for change in found.changes]
    row = {
        "identity": found.identity,
        "kind": found.kind.value,
        "subject": storable(found.subject),
        "family": storable(found.family),
        "at": found.at,
        "found_at": now,
        "engine": engine,
        "severity": found.severity.value,
        "rule": found.rule,
        "text": storable(found.text),
        "changes": canonical_json(changes),
        "more": found.more,
    }
    key = connection.execute(insert(finding).values(row)).inserted_primary_key
    if key is None:
        raise StoreError("a finding could not be stored")
    return int(key[0])
