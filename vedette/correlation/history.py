"""The history of one check by one agent, and what a new look adds to it: a state machine without I/O.

| before | the look | told |
| --- | --- | --- |
| nothing | any | first seen |
| missing | any | returned, and what follows |
| answered | failed | failed |
| failed | answered | answered, and what changed since the last answer |
| steady | facts differ | changed |
| steady | another turn, often of late | flapping; no single turn is told until it is steady |
| flapping | the same for `steady_runs` looks | steady |
| any verdict | `deviates` / `as expected` after the other | deviates / as expected |
| any | older than the newest | nothing: it came late, and is counted |
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vedette.clock import MICROSECONDS
from vedette.correlation.comparison import bounded, differences
from vedette.correlation.facts import Facts
from vedette.correlation.finding import Change, Finding, FindingKind, Witness
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import Subject

_KEPT_TIMES = 100
"""Times of changes that are kept: as many as a policy may ask for."""

DEVIATES = "deviates"
"""The verdict that is told."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One result of a check."""

    subject: Subject
    """What was looked at."""
    witness: Witness
    """Who looked when, and the item."""
    verdict: str | None
    """`as expected`, `deviates` or None."""
    facts: Facts
    """What was seen."""


@dataclass(frozen=True, kw_only=True)
class History:
    """What is remembered of a check."""

    first_seen: int
    """When it was first observed, microseconds since 1970."""
    last_seen: int
    """When it was last observed."""
    last: Witness
    """Its newest item."""
    runs: int = 1
    """Looks so far."""
    late: int = 0
    """Looks that arrived after a newer one and were not compared."""
    interval: int | None = None
    """Usual time between two looks, microseconds; None before the second."""
    facts: Mapping[str, str]
    """What the last look that was answered saw."""
    steady_since: int
    """Since when the facts are what they are."""
    unchanged: int = 0
    """Looks since then without a change."""
    changed_at: tuple[int, ...] = ()
    """When the newest changes were."""
    flapping: bool = False
    """Whether it flaps."""
    missing: bool = False
    """Whether nothing came for too long."""
    error: str | None = None
    """Why the last look failed; None where it did not."""
    verdict: str | None = None
    """The last verdict."""


def observe(history: History | None, look: Look, policy: CorrelationPolicy) -> tuple[History, list[Finding]]:
    """Return the history with one more look, and what it shows."""
    if history is None:
        return _begin(look, policy)
    if look.witness.at < history.last_seen:
        earlier = min(history.first_seen, look.witness.at)
        return replace(history, late=history.late + 1, runs=history.runs + 1, first_seen=earlier), []
    returned = [_finding(FindingKind.RETURNED, look)] if history.missing else []
    followed, turned = _followed(_timed(history, look), look, _turns(history, look, policy), policy)
    return followed, [*returned, *turned, *_verdict_turned(history, look)]


def overdue_at(history: History, policy: CorrelationPolicy) -> int | None:
    """Return when a check counts as missing if nothing comes, None where it is not periodic or missing already."""
    if history.interval is None or history.missing:
        return None
    patience = history.interval * policy.missing_after + policy.missing_grace * MICROSECONDS
    return history.last_seen + round(patience)


def tell_missing(
    history: History, subject: Subject, *, now: int, policy: CorrelationPolicy
) -> tuple[History, list[Finding]]:
    """Return what is to be told of a check that brought nothing until now."""
    due = overdue_at(history, policy)
    if due is None or now < due:
        return history, []
    seconds = (history.interval or 0) / MICROSECONDS
    finding = Finding(
        kind=FindingKind.MISSING,
        subject=subject.name,
        family=subject.family,
        at=due,
        witnesses=(history.last,),
        text=f"it used to come every {seconds:,.0f} s",
    )
    return replace(history, missing=True), [finding]


def _begin(look: Look, policy: CorrelationPolicy) -> tuple[History, list[Finding]]:
    at = look.witness.at
    history = History(
        first_seen=at,
        last_seen=at,
        last=look.witness,
        facts=_kept(look.facts.values, policy),
        steady_since=at,
        error=look.facts.error,
        verdict=look.verdict,
    )
    findings = [_finding(FindingKind.FIRST_SEEN, look)]
    if look.facts.error is not None:
        findings.append(_finding(FindingKind.FAILED, look, text=look.facts.error))
    if look.verdict == DEVIATES:
        findings.append(_finding(FindingKind.DEVIATES, look))
    return history, findings


def _timed(history: History, look: Look) -> History:
    """Return the history after this look, as far as only time is concerned."""
    gap = look.witness.at - history.last_seen
    interval = history.interval
    if gap and not history.missing:
        # One gap in four counts: a run by hand or a late one does not turn the habit over.
        interval = gap if interval is None else (3 * interval + gap) // 4
    return replace(
        history,
        last_seen=look.witness.at,
        last=look.witness,
        runs=history.runs + 1,
        interval=interval,
        missing=False,
        error=look.facts.error,
        verdict=look.verdict or history.verdict,
    )


def _turns(history: History, look: Look, policy: CorrelationPolicy) -> list[Finding]:
    """Return how this look differs from those before."""
    found: list[Finding] = []
    error = look.facts.error
    if error is not None:
        return [_finding(FindingKind.FAILED, look, text=error)] if history.error is None else []
    if history.error is not None:
        found.append(_finding(FindingKind.ANSWERED, look))
    # A check that never was answered has nothing to compare with.
    changes = differences(history.facts, _kept(look.facts.values, policy)) if history.facts else []
    if changes:
        found.append(_finding(FindingKind.CHANGED, look, changes=changes))
    return found


def _followed(
    history: History, look: Look, turns: list[Finding], policy: CorrelationPolicy
) -> tuple[History, list[Finding]]:
    """Return the history after these turns, and what is told of them."""
    at = look.witness.at
    facts = history.facts if look.facts.error is not None else _kept(look.facts.values, policy)
    if not turns:
        unchanged = history.unchanged + 1
        steady = history.flapping and unchanged >= policy.steady_runs
        followed = replace(history, facts=facts, unchanged=unchanged, flapping=history.flapping and not steady)
        return followed, [_finding(FindingKind.STEADY, look)] if steady else []
    changed_at = (*history.changed_at, at)[-_KEPT_TIMES:]
    # The times ascend: a look that came late is not followed.
    recent = len(changed_at) - bisect_left(changed_at, at - policy.flapping_window * MICROSECONDS)
    often = recent >= policy.flapping_changes
    followed = replace(
        history,
        facts=facts,
        unchanged=0,
        steady_since=at,
        changed_at=changed_at,
        flapping=history.flapping or often,
    )
    if history.flapping:
        return followed, []
    return followed, [_flapping(turns, look)] if often else turns


def _flapping(turns: list[Finding], look: Look) -> Finding:
    return replace(
        turns[-1], kind=FindingKind.FLAPPING, text=f"the last turn: {turns[-1].kind}", witnesses=(look.witness,)
    )


def _verdict_turned(history: History, look: Look) -> list[Finding]:
    if look.verdict is None or look.verdict == history.verdict:
        return []
    if look.verdict == DEVIATES:
        return [_finding(FindingKind.DEVIATES, look)]
    # The first good verdict is nothing to tell.
    return [_finding(FindingKind.AS_EXPECTED, look)] if history.verdict == DEVIATES else []


def _finding(kind: FindingKind, look: Look, *, changes: list[Change] | None = None, text: str = "") -> Finding:
    listed, more = bounded(changes or [])
    return Finding(
        kind=kind,
        subject=look.subject.name,
        family=look.subject.family,
        at=look.witness.at,
        witnesses=(look.witness,),
        changes=listed,
        more=more,
        text=text,
    )


def _kept(facts: Mapping[str, str], policy: CorrelationPolicy) -> Mapping[str, str]:
    if not policy.ignored_facts:
        return facts
    return {name: value for name, value in facts.items() if policy.compares(name)}
