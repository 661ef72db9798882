"""Which evidence records are due for renewal, why, and what a new token must be better in (RFC 4998 section 5).

1. The digest of the hash tree ends soon: hash-tree renewal with a stronger one (section 5.3).
2. A certificate of the newest token is revoked for a reason that does not void it: time-stamp renewal.
3. Another algorithm under the newest token ends soon: time-stamp renewal (section 5.2).
4. The newest token's chain ends soon: time-stamp renewal.
5. The chain has ended already: nothing can be done any more, and that is an alarm, not a renewal.
Soon is LEAD before the end. Records that rest on the same things are one group, judged once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from vedette.clock import MICROSECONDS
from vedette.evidence.algorithm_lifetimes import Lifetimes, first_end, stronger_digest

DAY = 86_400 * MICROSECONDS
LEAD = 180 * DAY
"""Microseconds before an end at which renewal is due."""

LEAST_GAIN = 30 * DAY
"""Microseconds that a token which itself is due must add: else the same would be renewed every day."""


class RenewalKind(StrEnum):
    """How a record is renewed."""

    TIMESTAMP = "timestamp"
    """A token over the last token (RFC 4998 section 5.2)."""
    HASHTREE = "hashtree"
    """A new chain over data and chains so far, in another digest (section 5.3)."""


class Cause(StrEnum):
    """Why a record is due."""

    DIGEST = "digest"
    REVOCATION = "revocation"
    ALGORITHM = "algorithm"
    EXPIRY = "expiry"
    TOO_LATE = "too late"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordGroup:
    """Records whose newest tokens rest on the same things."""

    tsa: str
    """Name of the authority that gave their first token."""
    external: bool
    """Whether somebody else runs it."""
    chain_sha256: str
    """The certificates of the newest tokens."""
    digest: str
    """Digest of the last chain's hash tree."""
    algorithms: tuple[str, ...]
    """What the newest tokens' signatures rest on."""
    not_after: int
    """When their certificates end, microseconds since 1970."""
    count: int = 1
    """How many records."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DueGroup:
    """A group that must be renewed."""

    group: RecordGroup
    """The records."""
    kind: RenewalKind
    """How."""
    digest: str
    """Digest of the renewal's tree."""
    cause: Cause
    """Why."""
    reason: str
    """Why, in words."""
    ends_at: int
    """Until when it must have happened, microseconds since 1970."""

    @property
    def lost(self) -> bool:
        """Whether it is too late."""
        return self.cause is Cause.TOO_LATE


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalTerms:
    """On what terms records are judged."""

    now: int
    """Microseconds since 1970."""
    lifetimes: Lifetimes
    """The algorithms' ends."""
    revoked: Collection[str] = ()
    """Chains with a certificate that is revoked."""
    lead: int = LEAD
    """Microseconds before an end at which renewal is due."""


def due_group(group: RecordGroup, terms: RenewalTerms) -> DueGroup | None:
    """Return how and why a group is due, or None.

    Raises:
        EvidenceError: its digest ends and no stronger one is known.
    """
    if group.not_after < terms.now:
        return _due(group, Cause.TOO_LATE, "its certificate has expired before it was renewed", group.not_after)
    digest_end = first_end((group.digest,), terms.lifetimes)
    if digest_end is not None and digest_end[0] - terms.lead <= terms.now:
        stronger = stronger_digest(group.digest, terms.lifetimes, at=terms.now + terms.lead)
        return _due(group, Cause.DIGEST, f"{group.digest} ends", min(digest_end[0], group.not_after), stronger)
    if group.chain_sha256 in terms.revoked:
        return _due(group, Cause.REVOCATION, "a certificate of its chain is revoked", terms.now)
    end = first_end(group.algorithms, terms.lifetimes)
    if end is not None and end[0] - terms.lead <= terms.now:
        return _due(group, Cause.ALGORITHM, f"{end[1]} ends", min(end[0], group.not_after))
    if group.not_after - terms.lead <= terms.now:
        return _due(group, Cause.EXPIRY, "its certificate ends", group.not_after)
    return None


def _due(group: RecordGroup, cause: Cause, reason: str, ends_at: int, digest: str | None = None) -> DueGroup:
    kind = RenewalKind.TIMESTAMP if digest is None else RenewalKind.HASHTREE
    return DueGroup(
        group=group, kind=kind, digest=digest or group.digest, cause=cause, reason=reason, ends_at=ends_at
    )


def due_groups(groups: Iterable[RecordGroup], terms: RenewalTerms) -> list[DueGroup]:
    """Return the groups that are due, the most urgent first.

    Raises:
        EvidenceError: a digest ends and no stronger one is known.
    """
    found = [due for group in groups if (due := due_group(group, terms)) is not None]
    return sorted(found, key=lambda due: due.ends_at)


def is_worth(new: RecordGroup, due: DueGroup, terms: RenewalTerms) -> bool:
    """Tell whether a token with `new`'s properties cures what `due` is due for.

    An authority that still signs with the certificate that ends would otherwise be asked every day for nothing.

    Raises:
        EvidenceError: a digest ends and no stronger one is known.
    """
    again = due_group(new, terms)
    if again is None or again.cause not in (due.cause, Cause.TOO_LATE):
        return True
    return again.cause is Cause.EXPIRY and new.not_after - due.group.not_after >= LEAST_GAIN


def may_renew(due: DueGroup, *, external: bool) -> bool:
    """Tell whether an authority may renew a group: what an outsider vouches for never comes to rest on our word."""
    return external or not due.group.external


def preference(due: DueGroup, *, tsa: str, external: bool) -> tuple[bool, bool]:
    """Return a sort key of authorities for a group: the one that stamped it, then those outside."""
    return (tsa != due.group.tsa, not external)
