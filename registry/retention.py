"""Deleting payloads, for policies and for people alike: the item, its statement and its proof stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from registry import tables
from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.content import ContentFolder
from registry.content_lock import changing
from registry.correlation_forgetting import forget_payloads
from registry.database import Database
from registry.holds import shut_out_holds
from registry.proof_state import ProofState
from registry.retention_rows import (
    OLD_ENOUGH,
    Payload,
    Position,
    bury_payload,
    next_payloads,
    overwrite_deleted,
    policy_entry,
    read_payloads,
    uuids_of,
)
from vedette.canonical import sha256_hex
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.evidence.deletion import Deletion
from vedette.evidence.retention import Fate, RetentionRule, fate_of, governing, shortest, types_of

T = TypeVar("T")

STAMPED = frozenset(state.value for state in ProofState if state.is_stamped)
"""Proof states in which a person may delete a payload."""

TOGETHER = 100
"""Payloads deleted in one transaction: collection waits for the same writer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionStep:
    """What one step found and did."""

    fates: dict[tuple[str, Fate], int] = field(default_factory=dict)
    """How many payloads have which fate, by the name of their rule; empty where none fits."""
    deleted: int = 0
    """Payloads that were deleted."""
    size: int = 0
    """Bytes of what was deleted, or in a dry run would be."""
    after: Position
    """Where the next step begins."""
    looked: int = 0
    """Payloads that were looked at."""


class Retention:
    """The payloads of a store, and which of them go."""

    def __init__(self, *, database: Database, clock: Clock, documents: ContentFolder) -> None:
        self._database = database
        self._clock = clock
        self._documents = documents

    async def delete(self, uuid: str, *, actor: Actor, reason: str, unproved: bool = False) -> Deletion:
        """Delete one item's payload because a person says so, as data protection may demand.

        Args:
            uuid: the item.
            actor: who wants it.
            reason: why.
            unproved: even if its proof is not there yet.

        Raises:
            RefusedError: no reason is given; there is no such item; its payload is deleted already, on hold, or
                not proved yet.
            StoreError: the database or a file cannot be written.
        """
        if not reason.strip():
            raise RefusedError("reason", "is required: a deletion must be explained")
        deletion = Deletion(at=self._clock.now(), by=actor.who, reason=reason)
        entry = AuditEntry(who=actor.who, action="item.delete", object=uuid, origin=actor.origin, detail=reason)

        def work(connection: Connection) -> list[str]:
            shut_out_holds(connection)
            payload = _deletable(connection, uuid, unproved=unproved)
            forget_payloads(connection, [uuid])
            return _bury(connection, [payload], deletion, entry)

        await self._change(work)
        return deletion

    async def step(
        self,
        rules: Sequence[RetentionRule],
        *,
        limit: int,
        after: Position | None = None,
        dry: bool = False,
        spared: Collection[tuple[int, int]] = (),
    ) -> RetentionStep | None:
        """Look at up to `limit` more payloads that are old enough for some rule, and delete those that are due.

        Args:
            rules: what says how long payloads are kept; the first that fits governs.
            limit: how many to look at.
            after: where the step before ended; None: from the oldest.
            dry: only say what would go.
            spared: starts and ends of partitions that will go as a whole: their payloads are left alone.

        Returns:
            What was found; None past the last.

        Raises:
            StoreError: the database or a file cannot be written.
        """
        keep = shortest(rules)
        if keep is None:
            return None
        now = self._clock.now()
        found = await self._database.read(
            lambda connection: next_payloads(
                connection, before=now - keep, types=types_of(rules), after=after, limit=limit, spared=spared
            )
        )
        if not found:
            return None
        fates, due = _sort(found, rules, now=now)
        deleted = 0
        for rule, payloads in due.items():
            for start in range(0, 0 if dry else len(payloads), TOGETHER):
                deleted += await self._delete_due(payloads[start : start + TOGETHER], rule)
        size = sum(payload.candidate.size for payloads in due.values() for payload in payloads)
        return RetentionStep(fates=fates, deleted=deleted, size=size, after=found[-1].position, looked=len(found))

    async def _delete_due(self, payloads: Sequence[Payload], rule: RetentionRule) -> int:
        """Delete payloads that were due a moment ago; returns how many still were."""
        now = self._clock.now()
        deletion = Deletion(at=now, by="retention", reason=OLD_ENOUGH, policy=rule.name)

        def work(connection: Connection) -> tuple[int, list[str]]:
            # Looked at again in the transaction: a hold may have come between.
            shut_out_holds(connection)
            fresh = read_payloads(connection, uuids_of(payloads)).values()
            still = [one for one in fresh if fate_of(one.candidate, rule, now=now) is Fate.DUE]
            if not still:
                return 0, []
            return len(still), _bury(connection, still, deletion, _policy_entry(rule, still))

        return (await self._change_counted(work))[0]

    async def _change(self, work: Callable[[Connection], list[str]]) -> None:
        await self._change_counted(lambda connection: (0, work(connection)))

    async def _change_counted(self, work: Callable[[Connection], tuple[int, list[str]]]) -> tuple[int, list[str]]:
        """Run a deletion, then remove the files that nobody needs any more; a start finishes it after a crash."""

        def alone() -> tuple[int, list[str]]:
            self._documents.prepare()
            with changing(self._documents):
                count, gone = self._database.write_sync(work)
                for sha256 in gone:
                    self._documents.remove(sha256)
            return count, gone

        return await asyncio.to_thread(alone)


def _sort(
    found: Sequence[Payload], rules: Sequence[RetentionRule], *, now: int
) -> tuple[dict[tuple[str, Fate], int], dict[RetentionRule, list[Payload]]]:
    """Return how many payloads have which fate, and those that are due, by their rule."""
    fates: dict[tuple[str, Fate], int] = {}
    due: dict[RetentionRule, list[Payload]] = {}
    for payload in found:
        rule = governing(rules, type=payload.candidate.type, source=payload.candidate.source)
        fate = fate_of(payload.candidate, rule, now=now)
        key = (rule.name if rule is not None else "", fate)
        fates[key] = fates.get(key, 0) + 1
        if rule is not None and fate is Fate.DUE:
            due.setdefault(rule, []).append(payload)
    return fates, due


def _deletable(connection: Connection, uuid: str, *, unproved: bool) -> Payload:
    """Return the payload that a person wants deleted.

    Raises:
        RefusedError: it cannot be.
    """
    item = tables.item
    payload = read_payloads(connection, [uuid]).get(uuid)
    if payload is None:
        known = connection.execute(item.select().with_only_columns(item.c.uuid).where(item.c.uuid == uuid)).first()
        reason = (
            "its payload is not there: deleted already, or lost" if known else "there is no such item in the store"
        )
        raise RefusedError("uuid", f"{uuid[:64]}: {reason}")
    if payload.candidate.held:
        raise RefusedError("uuid", f"{uuid[:64]} is on hold; see 'vedette retention holds', and release it first")
    if payload.candidate.state not in STAMPED and not unproved:
        raise RefusedError("uuid", f"{uuid[:64]} is {payload.candidate.state}: wait for its time-stamp")
    return payload


def _bury(connection: Connection, payloads: Collection[Payload], deletion: Deletion, entry: AuditEntry) -> list[str]:
    """Delete payloads and write down that it was done; returns the documents whose files must go, too."""
    overwrite_deleted(connection)
    gone = [payload.sha256 for payload in payloads if bury_payload(connection, payload, deletion)]
    record_audit(connection, entry, now=deletion.at)
    return gone


def _policy_entry(rule: RetentionRule, payloads: Sequence[Payload]) -> AuditEntry:
    uuids = sorted(uuids_of(payloads))
    digest = sha256_hex("".join(f"{uuid}\n" for uuid in uuids).encode())
    return policy_entry(rule.name, count=len(uuids), first=uuids[0], last=uuids[-1], digest=digest)
