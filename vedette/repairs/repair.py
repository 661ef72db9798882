"""A repair: something that is wrong now, with its cause and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a repair matters; the worst comes first."""

    CRITICAL = "critical"
    """Something is being lost, or cannot be proved, until somebody acts."""
    WARNING = "warning"
    """It will be critical if nobody acts."""
    NOTICE = "notice"
    """Somebody should know."""

    @property
    def rank(self) -> int:
        """Its place in a list; the worst is 0."""
        return list(Severity).index(self)


class RepairKind(StrEnum):
    """What is wrong, one word or two."""

    AUTHORITY = "authority"
    """A time-stamping authority does not answer."""
    CERTIFICATE = "certificate"
    """An authority's certificate ends soon."""
    PROOF = "proof"
    """Items wait too long for their first time-stamp."""
    REVOCATION = "revocation"
    """What is known of an authority's revocations is old."""
    CLOCK = "clock"
    """A clock is wrong."""
    EVIDENCE = "evidence"
    """What is stored is not what was committed or proved."""
    QUEUE = "queue"
    """A queue grows, or what it holds is old."""
    OUTBOX = "outbox"
    """What an agent collected is not confirmed."""
    DEAD_LETTERS = "dead-letters"
    """Items were given up."""
    REFUSALS = "refusals"
    """A sender is refused again and again."""
    AGENT = "agent"
    """An agent is gone, or nobody knows."""
    BEHAVIOUR = "behaviour"
    """A part of an agent fails."""
    JOBS = "jobs"
    """Jobs wait, and nobody does them."""
    SCHEDULE = "schedule"
    """A schedule did not run when it should have."""
    DESTINATION = "destination"
    """What is shared does not arrive."""
    APPROVAL = "approval"
    """What is to be shared waits for a person."""
    DISK = "disk"
    """The disk fills."""
    DATABASE = "database"
    """The database is large, or its write-ahead log cannot be emptied."""
    BACKUP = "backup"
    """There is no safety copy, or an old one."""
    KEY = "key"
    """An API key expires soon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """Something that is wrong now."""

    kind: RepairKind
    """What kind of thing."""
    place: str
    """What it is about; with the kind it names the repair: the same at the same place is one."""
    severity: Severity
    """How much it matters."""
    what: str
    """What is wrong, a sentence."""
    cause: str
    """Why, as far as is known."""
    remedy: str
    """What to do; between backticks is what to type."""
    link: str = ""
    """Path of the page that shows more; empty: there is none."""
    since: int | None = None
    """Microseconds since 1970; None: since it was seen first."""
    reference: str = ""
    """What a person takes note of with it, such as `alarm 7`; empty: nothing but the repair."""
