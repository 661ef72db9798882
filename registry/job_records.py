"""Jobs, their runs and lines of output, as they are shown and listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job and how far it is."""

    uuid: str
    """Its name."""
    tool: str
    """The tool, or the allowed command."""
    arguments: dict[str, Any]
    """Its arguments as they were given."""
    agents: list[str]
    """JIDs of agents or launchers that may do it; empty: any."""
    place: str
    """Where it must be done; empty: anywhere."""
    parallel: int
    """Runs at once."""
    time_limit: float
    """Seconds that a run may take."""
    requested_by: str
    """Who wants it."""
    requested_at: int
    """Microseconds since 1970."""
    state: str
    """requested, running, done, failed or cancelled."""
    started_at: int | None
    """Microseconds since 1970: when its first run was handed out."""
    ended_at: int | None
    """Microseconds since 1970: when its last run ended."""
    cancelled_at: int | None
    """Microseconds since 1970: when somebody cancelled it."""
    total: int
    """Runs."""
    active: int
    """Runs that somebody has now."""
    done: int
    """Runs that brought an item."""
    failed: int
    """Runs that nobody could do."""
    refused: int
    """Runs that the probe's scope does not allow."""
    cancelled: int
    """Runs that were cancelled."""
    pruned: int
    """Lines of its output that were deleted because they were too old or too many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution at one target."""

    uuid: str
    """Its name, and its item's."""
    target: str
    """What is looked at."""
    state: str
    """requested, leased, running, done, failed, refused or cancelled."""
    agent: str
    """Bare JID of who has or did it; empty before."""
    attempts: int
    """How often it was handed out."""
    started_at: int | None
    """Microseconds since 1970: when it was handed out last."""
    ended_at: int | None
    """Microseconds since 1970."""
    exit_code: int | None
    """The command's exit code."""
    reason: str
    """Why it brought no item; empty otherwise."""
    lines: int
    """Lines of output that are kept."""
    dropped: int
    """Lines that are not; the item has the whole output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputLine:
    """A line of output."""

    position: int
    """Give it back to get what follows."""
    run: str
    """Uuid of the run."""
    target: str
    """What is looked at."""
    attempt: int
    """Which attempt at it."""
    line: int
    """Number of the line in it."""
    at: int
    """Microseconds since 1970: when it came."""
    text: str
    """The line, without control characters."""
