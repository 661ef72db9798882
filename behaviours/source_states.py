"""A collector's sources as its page and the console show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vedette.collection.report import Report
from vedette.collection.rounds import Round
from vedette.fetching.urls import shown_url
from vedette.messages.state import Cell, CheckState, Panel

SHOWN = 200
"""Sources in a state document: it travels in one message."""

_COLUMNS = (
    "Source",
    "Type",
    "State",
    "Last run",
    "Next run",
    "Items",
    "Unchanged",
    "Refused",
    "Errors",
    "Last problem",
)
_STATES: dict[str, Literal["text", "warn"]] = {"paused": "warn"}


@dataclass(kw_only=True)
class Collected:
    """The last run of a source."""

    began: int
    """Microseconds since 1970."""
    ended: int
    """Microseconds since 1970."""
    report: Report
    """What came of it."""


def sources_panel(rounds: Sequence[tuple[Round, Collected | None]]) -> Panel:
    """Return sources as a table."""
    return Panel(
        title="Sources" if len(rounds) <= SHOWN else f"Sources (the first {SHOWN} of {len(rounds)})",
        columns=list(_COLUMNS),
        rows=[_row(one, last) for one, last in rounds[:SHOWN]],
        empty="No source is planned yet.",
    )


def source_state(one: Round, last: Collected | None, *, now: int, lasting: bool = False) -> CheckState:
    """Return a source as orders reach it."""
    runs = one.timetable.next_runs(now) if one.timetable is not None and one.paused_at is None else []
    state: Literal["scheduled", "running", "paused", "finished"] = "scheduled"
    if one.running or one.paused_at is not None:
        state = "running" if one.running else "paused"
    elif one.due is None:
        state = "finished"
    return CheckState(
        name=one.source.identity,
        title=_title(one),
        when=one.timetable.english if one.timetable is not None else "All the time" if lasting else "Not by time",
        state=state,
        last_at=None if last is None else last.began,
        last_outcome="" if last is None else _outcome(last.report),
        next_runs=runs,
        paused_at=one.paused_at,
        paused_by=one.paused_by,
    )


def _title(one: Round) -> str:
    """Return what is collected; of a source whose items are sealed not where, because states travel in the clear."""
    source = one.source
    what = f"{source.source_name}: {source.type}"
    return what if source.sealed else f"{what} of {shown_url(source.source_uri)}"


def _outcome(report: Report) -> str:
    numbers = [f"{report.counts[name]} {name}" for name in ("items", "refused", "errors") if report.counts[name]]
    return ", ".join(numbers) or "nothing new"


def _row(one: Round, last: Collected | None) -> list[Cell]:
    report = last.report if last is not None else Report(source="", uri="")
    state = "running" if one.running else "paused" if one.paused_at is not None else "waiting"
    problem = report.problems[-1][:200] if report.problems else ""
    if problem and one.source.sealed:
        problem = "a problem; the log of the agent's host has it, because this page travels"
    return [
        Cell(text=one.source.source_name),
        Cell(text=one.source.type, kind="code"),
        Cell(text=state, kind=_STATES.get(state, "text")),
        Cell(text="never") if last is None else Cell(text=str(last.began), kind="time"),
        Cell(text="not by time") if one.due is None else Cell(text=str(one.due), kind="time"),
        *(Cell(text=str(report.counts[name]), kind="count") for name in ("items", "unchanged", "refused", "errors")),
        Cell(text=problem, kind="bad" if problem else "text"),
    ]
