"""What the rules look at: facts about a fleet at one moment; times are microseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityFacts:
    """A time-stamping authority."""

    name: str
    """As it is configured."""
    external: bool
    """Whether somebody else runs it."""
    is_asked: bool = True
    """Whether its circuit is closed."""
    last_error: str = ""
    """Why its last request failed; empty after a success."""
    last_token_at: int | None = None
    """When its last token came."""
    certificate_ends: int | None = None
    """When the first certificate of its newest token's chain ends."""
    clock_offset: int | None = None
    """Microseconds that its clock is ahead of ours, where one of them must be wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StampingFacts:
    """How time-stamping fares."""

    authorities: tuple[AuthorityFacts, ...]
    """The configured ones."""
    pending: int = 0
    """Items without any token."""
    oldest_pending: float = 0.0
    """Seconds that the oldest of them has waited."""
    clock_blamed: str = ""
    """Whose clock is off: `ours`, `theirs`, `unclear`, or empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationFacts:
    """A list of revocations, or a responder."""

    url: str
    """Where it comes from."""
    fetched_at: int | None
    """When the newest came; None: never."""
    checked_at: int
    """When it was asked for last."""
    error: str
    """Why the last attempt failed; empty after a success."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmFacts:
    """An alarm that nobody took note of."""

    id: int
    """Its number."""
    at: int
    """When it was found first."""
    kind: str
    """What is wrong, one word."""
    place: str
    """Exactly where."""
    text: str
    """What was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFacts:
    """A consumers' queue."""

    name: str
    """Its name."""
    owner: str
    """Who takes from it."""
    depth: int
    """Items that it holds."""
    oldest_at: int | None
    """When the oldest of them was committed."""
    dead_letters: int
    """Items that were given up."""
    is_rising: bool = False
    """Whether its depth rose through the window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxFacts:
    """An agent's outbox."""

    name: str
    """Name of its file on the hub's machine, without the ending; empty: it is elsewhere, and its agent told."""
    agent: str
    """Bare JID; the name of the file, where it cannot be read."""
    items: int = 0
    """Items that are not confirmed."""
    oldest_at: int | None = None
    """When the oldest of them was made."""
    dead_letters: int = 0
    """Items that were given up."""
    error: str = ""
    """Why it cannot be read; empty where it can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFacts:
    """An enrolled agent that shall be there."""

    jid: str
    """Bare JID."""
    show: str
    """Presence: available, away, dnd, gone or unknown."""
    since: int
    """Since when, or since its enrolment where it never came."""
    status: str = ""
    """Why."""
    ever_seen: bool = True
    """Whether it was ever there."""
    role: str = ""
    """What it does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFacts:
    """An agent's clock, by its newest items where these are from the future, or by its signs of life."""

    agent: str
    """Bare JID."""
    ahead: int
    """Microseconds by which its clock is ahead of the hub's; negative: behind."""
    beats: bool = False
    """Whether its signs of life say so."""
    is_set: bool | None = None
    """Whether its machine's kernel says that something keeps the clock right; None: it does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalFacts:
    """A sender that was refused within the last hour."""

    sender: str
    """Bare JID, or key."""
    count: int
    """How often."""
    reason: str
    """Why, the last time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BehaviourFacts:
    """A part of an agent that fails now."""

    agent: str
    """Bare JID."""
    name: str
    """What it does."""
    state: str
    """`backing off` or `stopped`."""
    failures: int
    """How often it raised since the start."""
    last_error: str
    """The last time."""
    last_error_at: int | None
    """When that was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFacts:
    """Jobs that wait."""

    waiting: int
    """Open jobs of which no run is in work."""
    working: int
    """Runs that are in work, of any job."""
    oldest_at: int | None
    """Since when the oldest of them waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleFacts:
    """A schedule that did not run when it should have."""

    name: str
    """What it is called."""
    reason: str
    """Why."""
    at: int
    """When it should have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationFacts:
    """Where things are shared."""

    name: str
    """As it is configured."""
    waiting: int = 0
    """Exports that wait or run."""
    failing_since: int | None = None
    """Since when each attempt fails; None: the last one did not."""
    last_reason: str = ""
    """Why the last attempt failed."""
    given_up: int = 0
    """Exports that were given up, and not done since."""
    last_failure: str = ""
    """Why the last of them was."""
    approvals: int = 0
    """Plans that wait for a person."""
    approval_since: int | None = None
    """Since when the oldest of them does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiskFacts:
    """The disk of the data folder."""

    place: str
    """The folder's name."""
    free: int
    """Bytes that are free."""
    total: int
    """Bytes in all."""
    days_left: float | None
    """Days until it is full at the pace of the last hours; None: it does not fill, or nobody knows yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupFacts:
    """The safety copies."""

    last_at: int | None
    """When the last was made; None: never."""
    begun_at: int | None
    """Since when there is something to copy; None: there is nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFacts:
    """An API key that is good and expires."""

    id: str
    """Its id."""
    holder: str
    """Who has it."""
    expires_at: int
    """When it expires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """A fleet at one moment; what could not be read is None, and `unknown` says why."""

    now: int
    """When."""
    stamping: StampingFacts | None = None
    """How time-stamping fares."""
    revocations: tuple[RevocationFacts, ...] | None = None
    """What is known of revocations."""
    alarms: tuple[AlarmFacts, ...] | None = None
    """What the sweep and others found."""
    queues: tuple[QueueFacts, ...] | None = None
    """The consumers' queues."""
    outboxes: tuple[OutboxFacts, ...] | None = None
    """The agents' outboxes."""
    agents: tuple[AgentFacts, ...] | None = None
    """The enrolled agents that shall be there."""
    clocks: tuple[ClockFacts, ...] | None = None
    """The agents' clocks, those by signs of life last."""
    refusals: tuple[RefusalFacts, ...] | None = None
    """Who was refused."""
    behaviours: tuple[BehaviourFacts, ...] | None = None
    """What fails in the hub."""
    jobs: JobFacts | None = None
    """What waits to be done."""
    schedules: tuple[ScheduleFacts, ...] | None = None
    """What did not run."""
    destinations: tuple[DestinationFacts, ...] | None = None
    """Where things are shared."""
    disk: DiskFacts | None = None
    """The disk."""
    database_size: int | None = None
    """Bytes of the database."""
    write_ahead_size: int | None = None
    """Bytes of SQLite's write-ahead log; 0 with PostgreSQL."""
    backup: BackupFacts | None = None
    """The safety copies."""
    keys: tuple[KeyFacts, ...] | None = None
    """Keys that expire."""
