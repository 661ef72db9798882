"""What is done again and again, scheduled jobs and agents' own checks, as one list shows it. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final, Literal
from urllib.parse import quote

from registry.schedules import Schedule
from vedette.clock import to_datetime
from vedette.messages.state import AgentState, CheckState
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.zones import find_zone

LineKind = Literal["job", "check"]
"""A scheduled job, or a check that an agent does by itself."""

LineState = Literal["scheduled", "waiting", "paused", "ended"]
"""States that both kinds have."""

_OF_CHECKS: Final[dict[str, LineState]] = {
    "scheduled": "scheduled",
    "running": "scheduled",
    "paused": "paused",
    "finished": "ended",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One of the list."""

    kind: LineKind
    """Which of the two."""
    title: str
    """What it is called."""
    link: str
    """Where more of it is."""
    does: str
    """What it does."""
    when: str
    """When, in English, with its time zone."""
    state: LineState | Literal["unknown"]
    """How it is; unknown: its agent cannot be asked."""
    told: str
    """Why it is so, such as who paused it."""
    next_runs: Sequence[str]
    """The next ones, on the clock of its time zone."""
    last_at: int | None
    """Microseconds since 1970: when something became of it last."""
    last_outcome: str
    """What."""
    actions: str
    """Path under which it is paused, resumed and run; empty: not at all."""


def line_of_schedule(one: Schedule) -> Line:
    """Return the line of a scheduled job."""
    path = f"/schedules/{one.uuid}"
    return Line(
        kind="job",
        title=one.name,
        link=path,
        does=work_of(one),
        when=f"{one.english}, {one.zone}",
        state=_of_schedules(one.state),
        told=f"by {one.paused_by}" if one.paused_by else "for the job before" if one.state == "waiting" else "",
        next_runs=local_times(one.next_runs, one.zone),
        last_at=one.last_at,
        last_outcome=f"{one.last_outcome} {one.last_reason}".strip(),
        actions=path,
    )


def lines_of_agent(state: AgentState) -> list[Line]:
    """Return the lines of what an agent does by itself."""
    return [_line_of_check(state.jid, one) for one in state.checks]


def line_of_silent(jid: str, show: str) -> Line:
    """Return the line of an agent that cannot be asked."""
    return Line(
        kind="check",
        title=jid,
        link=f"/agents/{quote(jid, safe='')}",
        does="its checks cannot be asked for",
        when="",
        state="unknown",
        told=f"its agent is {show}" if show != "available" else "its agent does not answer",
        next_runs=(),
        last_at=None,
        last_outcome="",
        actions="",
    )


def _line_of_check(jid: str, check: CheckState) -> Line:
    agent = f"/agents/{quote(jid, safe='')}"
    forgotten = "" if check.kept else ", until the agent is started again"
    told = f"by {check.paused_by}{forgotten}" if check.paused_by else "runs now" if check.state == "running" else ""
    return Line(
        kind="check",
        title=jid,
        link=agent,
        does=check.title,
        when=check.when,
        state=_OF_CHECKS[check.state],
        told=told,
        next_runs=local_times(check.next_runs, "UTC"),
        last_at=check.last_at,
        last_outcome=check.last_outcome,
        actions=f"{agent}/checks/{quote(check.name, safe='')}",
    )


def work_of(one: Schedule) -> str:
    """Return what a schedule's job does, for people."""
    targets: list[str] = [str(target) for target in one.job.get("targets", [])]
    more = f" and {len(targets) - 3} more" if len(targets) > 3 else ""
    return f"{one.job.get('tool', '')} at {', '.join(targets[:3])}{more}"


def local_times(runs: Sequence[int], zone: str) -> list[str]:
    """Return times as the clock of a time zone shows them."""
    place: tzinfo = UTC
    try:
        place = find_zone(zone)
    except TimetableError:
        zone = "UTC"
    return [f"{to_datetime(at).astimezone(place):%a %Y-%m-%d %H:%M:%S %Z}" for at in runs]


def _of_schedules(state: str) -> LineState:
    states: tuple[LineState, ...] = ("scheduled", "waiting", "paused")
    return next((one for one in states if one == state), "ended")
