"""The state document of an agent: what its HTML view and the console render, obtainable over XMPP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vedette.canonical import MAX_SAFE_INTEGER
from vedette.messages.item import Instant, Name

MESSAGES_KEPT = 50
"""Last messages in a state document."""

EXCERPT = 400
"""Characters of a message's body that are shown."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PresenceState(_Part):
    """Presence as the agent itself has it."""

    show: Literal["available", "away", "dnd", "gone", "unknown"]
    """What others see; unknown is not gone."""
    status: str = ""
    """Why."""
    since: int
    """Microseconds since 1970."""


class BehaviourState(_Part):
    """One behaviour and how it fares."""

    name: str
    """What it does, such as `deliver`."""
    state: Literal["running", "waiting", "backing off", "paused", "stopped", "finished"]
    """What it is doing now."""
    runs: int = 0
    """How often its body ran."""
    failures: int = 0
    """How often it raised."""
    last_error: str = ""
    """Type and message of the last exception."""
    last_error_at: int | None = None
    """Microseconds since 1970."""
    last_run_at: int | None = None
    """Microseconds since 1970."""
    counters: dict[str, int] = {}
    """What it counted, such as `delivered`."""


class MessageState(_Part):
    """One message, its body cut."""

    at: int
    """Microseconds since 1970."""
    direction: Literal["in", "out"]
    """Seen from the agent."""
    peer: str
    """Bare JID of the other side."""
    performative: str
    """FIPA performative."""
    action: str
    """What it is about."""
    size: int
    """Characters of the body."""
    excerpt: str
    """The first characters of the body."""
    outcome: str = ""
    """What became of it, such as `refused: …`."""


class ContactState(_Part):
    """Somebody the agent knows, with presence."""

    jid: str
    """Bare JID."""
    role: str = ""
    """Its role, where known."""
    show: Literal["available", "away", "dnd", "gone", "unknown"]
    """Presence; unknown is not gone."""
    status: str = ""
    """Why."""
    since: int | None = None
    """Microseconds since 1970."""


class Cell(_Part):
    """One value of a panel, with how to show it."""

    text: str
    """What to show, as text."""
    kind: Literal["text", "time", "bytes", "count", "good", "bad", "warn", "code"] = "text"
    """How: `time` is microseconds since 1970, `bytes` and `count` are numbers in text."""


class Panel(_Part):
    """A table that a role adds to its view, such as a probe's last runs."""

    title: str
    """Heading."""
    columns: Annotated[list[str], Field(max_length=16)]
    """Column headings."""
    rows: Annotated[list[list[Cell]], Field(max_length=200)]
    """Cells, one list a row."""
    empty: str = "Nothing yet."
    """What to say when there are no rows."""


class CheckState(_Part):
    """Something that the agent looks at again and again by itself."""

    name: Name
    """What orders call it."""
    title: str
    """What it does, for people."""
    when: str
    """When, in English."""
    state: Literal["scheduled", "running", "paused", "finished"]
    """How it is; `finished`: it was to be done once."""
    last_at: Instant | None = None
    """Microseconds since 1970: its last run."""
    last_outcome: str = ""
    """What came of that: a verdict, or why it was skipped."""
    next_runs: Annotated[list[Instant], Field(max_length=16)] = []
    """The next five, microseconds since 1970; none while it is paused."""
    paused_at: Instant | None = None
    """Microseconds since 1970; None: it is not paused."""
    paused_by: str = ""
    """By whom; empty: it is not paused."""
    kept: bool = True
    """Whether a pause survives a restart of the agent."""


class AgentState(_Part):
    """Everything an agent's view shows; the same document over HTTP and XMPP."""

    version: Literal[1] = 1
    """Version of this form."""
    jid: str
    """Bare JID."""
    role: str
    """What it does."""
    software: str
    """Version of Vedette."""
    place: str = ""
    """Where it runs."""
    fingerprint: str
    """SHA-256 of its public key, hexadecimal."""
    server: str
    """The XMPP server that it is connected to, host:port."""
    started_at: Instant
    """Microseconds since 1970; orders repeat it."""
    now: int
    """Microseconds since 1970: when this document was made."""
    presence: PresenceState
    """Its own presence."""
    counters: dict[str, int] = {}
    """What the agent counted, such as `refused`."""
    notes: list[str] = []
    """What a reader must know, such as self-asserted time."""
    behaviours: list[BehaviourState] = []
    """What it does."""
    messages: Annotated[list[MessageState], Field(max_length=MESSAGES_KEPT)] = []
    """The last ones, newest first."""
    contacts: list[ContactState] = []
    """Whom it knows."""
    panels: list[Panel] = []
    """What its role adds."""
    checks: Annotated[list[CheckState], Field(max_length=200)] = []
    """What it looks at again and again by itself."""
    last_order_at: Annotated[int, Field(ge=0, lt=MAX_SAFE_INTEGER)] = 0
    """`signed_at` of the last order that it took: the next one is newer, even where a clock was put back."""
