"""Renewing evidence records before what they rest on ends: once a day, or when a person says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from registry.alarms import Alarms
from registry.database_errors import ConcurrentWriteError
from registry.duties import LOOK_AT_TURN
from registry.renewals import RenewalBatch, Renewals
from registry.revocation_lists import RevocationLists
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, Clock, to_datetime
from vedette.errors import EvidenceError, TimestampError
from vedette.evidence.algorithm_lifetimes import LIFETIMES, Lifetimes, algorithms_under
from vedette.evidence.bundle_contents import certificates_to_pem
from vedette.evidence.finding import Finding
from vedette.evidence.renewal_policy import (
    DueGroup,
    RecordGroup,
    RenewalKind,
    RenewalTerms,
    due_groups,
    is_worth,
    may_renew,
    preference,
)
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken

EVERY = 86_400 * MICROSECONDS
"""Microseconds between two runs."""

LOOK_EVERY = 60.0
"""Seconds between looks at the clock."""

RENEWED_TOGETHER = {RenewalKind.TIMESTAMP: 10_000, RenewalKind.HASHTREE: 100}
"""Records under one token; a hash-tree renewal reads all their items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalReport:
    """What one run did."""

    renewed: int
    """Records that were renewed."""
    tokens: int
    """Tokens that did it."""
    left: tuple[str, ...]
    """What is due and was not renewed, and why."""


class RenewalRun:
    """Finds what is due and renews it."""

    def __init__(
        self,
        *,
        renewals: Renewals,
        lists: RevocationLists,
        alarms: Alarms,
        authorities: Sequence[TimestampAuthority],
        clock: Clock,
        lifetimes: Lifetimes = LIFETIMES,
    ) -> None:
        self._renewals = renewals
        self._lists = lists
        self._alarms = alarms
        self._authorities = tuple(authorities)
        self._clock = clock
        self._lifetimes = lifetimes

    async def due(self) -> list[DueGroup]:
        """Return what is due, the most urgent first.

        Raises:
            EvidenceError: a digest ends and no stronger one is known, or a stored list cannot be read.
            StoreError: the database failed.
        """
        return due_groups(await self._renewals.groups(), await self._terms())

    async def run(self) -> RenewalReport:
        """Renew what is due; what cannot be renewed is an alarm.

        Raises:
            EvidenceError: as `due`.
            StoreError: the database failed.
        """
        terms = await self._terms()
        renewed, tokens, left = 0, 0, []
        for due in due_groups(await self._renewals.groups(), terms):
            records, count, reason = await self._renew(due, terms)
            renewed, tokens = renewed + records, tokens + count
            if reason:
                left.append(f"{due.group.count - records} records of {due.group.tsa}: {due.reason}; {reason}")
                await self._alarms.report([_alarm(due, reason)])
        return RenewalReport(renewed=renewed, tokens=tokens, left=tuple(left))

    async def _terms(self) -> RenewalTerms:
        revoked = frozenset(await self._lists.revoked_chains())
        return RenewalTerms(now=self._clock.now(), lifetimes=self._lifetimes, revoked=revoked)

    async def _renew(self, due: DueGroup, terms: RenewalTerms) -> tuple[int, int, str]:
        """Renew one group; returns the records and tokens, and why some are left."""
        if due.lost:
            return 0, 0, "it is too late: keep what there is, it still shows what was valid then"
        records = tokens = after = 0
        damaged: list[str] = []
        while (batch := await self._renewals.prepare(due, limit=RENEWED_TOGETHER[due.kind], after=after)) is not None:
            damaged += batch.damaged
            after = batch.last
            if not batch.leaves:
                break
            try:
                authority, token = await self._stamp(batch, terms)
                await self._renewals.store(batch, token, tsa=authority.name, external=authority.external)
            except (TimestampError, EvidenceError, ConcurrentWriteError) as error:
                return records, tokens, "; ".join([str(error), *damaged])
            records, tokens = records + len(batch.leaves), tokens + 1
        return records, tokens, "; ".join(damaged)

    async def _stamp(self, batch: RenewalBatch, terms: RenewalTerms) -> tuple[TimestampAuthority, VerifiedToken]:
        """Return the first authority's token that cures what the records are due for.

        Raises:
            TimestampError: there is none; says why for each.
        """
        due, reasons = batch.due, []
        able = [one for one in self._authorities if may_renew(due, external=one.external)]
        for authority in sorted(able, key=lambda one: preference(due, tsa=one.name, external=one.external)):
            try:
                token = await authority.stamp(batch.tree.root, digest_algorithm=due.digest)
            except TimestampError as error:
                reasons.append(str(error))
                continue
            if is_worth(_group_of(token, due), due, terms):
                return authority, token
            reasons.append(f"{authority.name}: its own token is no better; it needs a new certificate")
        raise TimestampError("; ".join(reasons) or "no external authority is configured that could renew it")


def _group_of(token: VerifiedToken, due: DueGroup) -> RecordGroup:
    """Return what a record would rest on after this renewal."""
    return replace(
        due.group,
        chain_sha256=sha256_hex(certificates_to_pem(token.chain)),
        digest=due.digest,
        algorithms=algorithms_under(token.token, token.chain),
        not_after=token.not_after,
    )


def _alarm(due: DueGroup, reason: str) -> Finding:
    until = to_datetime(due.ends_at).date().isoformat()
    place = f"records of {due.group.tsa}, chain {due.group.chain_sha256[:16]}, {due.cause.value}"
    return Finding(kind="renewal", place=place, text=f"{due.reason}, until {until}: not renewed: {reason}")


class Renew(SupervisedBehaviour):
    """Renews once a day what is due."""

    name: ClassVar[str] = "renew"

    def __init__(
        self, *, clock: Clock, agent_name: str, renewal: RenewalRun, mine: Callable[[], bool] = lambda: True
    ) -> None:
        """Make it; `mine` tells whether it is this engine's turn, which it is always where there is no other."""
        super().__init__(clock=clock, agent_name=agent_name)
        self._mine = mine
        self._renewal = renewal
        self._ran_at: int | None = None

    async def run(self) -> None:
        """Renew if it is our turn and the last run is a day ago, else wait."""
        if not self._mine():
            await self.pause(LOOK_AT_TURN)
            return
        now = self.clock.now()
        # A clock that was set back must not put the next run off.
        if self._ran_at is not None and 0 <= now - self._ran_at < EVERY:
            await self.pause(LOOK_EVERY)
            return
        report = await self._renewal.run()
        self._ran_at = now
        self.counters["records renewed"] += report.renewed
        self.counters["tokens"] += report.tokens
        if report.renewed:
            self.log.info("evidence renewed", records=report.renewed, tokens=report.tokens)
        for text in report.left:
            self.log.warning("evidence not renewed", reason=text)
