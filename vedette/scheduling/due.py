"""What to do when a schedule is due, or was due while nobody looked. Pure, no I/O.

1. What is at most `ON_TIME` late is run, whatever the policy: a busy machine is no misfire.
2. What is later is a misfire: `run-once` runs once now, however many were missed; `skip` waits for the next.
3. Of several that are due at once the latest runs, and the others are missed: one run shows the present state, and
   ten would show it ten times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from vedette.clock import MICROSECONDS

Misfire = Literal["run-once", "skip"]
"""What becomes of runs that were due while nothing could run them."""

Overlap = Literal["skip", "wait"]
"""What becomes of a run that is due while the job of the one before has not ended."""

ON_TIME = 60 * MICROSECONDS
"""Microseconds that a run may be late without being a misfire."""

COUNTED = 10_000
"""Missed runs that are counted one by one: what was missed in a year of seconds is `at least` so many."""

Next = Callable[[int], int | None]
"""The first time after an instant."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now."""

    run: int | None
    """The planned time that is run now; None: nothing is."""
    missed: int
    """Planned times that passed and are not run."""
    next: int | None
    """The next planned time; None: never again."""


def decide(next_after: Next, *, planned: int, due: int, now: int, misfire: Misfire, waited: bool = False) -> Decision:
    """Return what to do about a planned time that has come.

    Args:
        next_after: the timetable.
        planned: the planned time.
        due: the same and its jitter.
        now: the time.
        misfire: the policy.
        waited: whether it was seen when it was due, and waited for the job before.
    """
    latest, passed = planned, 1
    following = next_after(planned)
    while following is not None and following <= now and passed < COUNTED:
        latest, passed = following, passed + 1
        following = next_after(following)
    upcoming = next_after(now) if passed >= COUNTED else following
    lateness = now - max(latest, due)
    if misfire == "run-once" or lateness <= ON_TIME or waited:
        return Decision(run=latest, missed=passed - 1, next=upcoming)
    return Decision(run=None, missed=passed, next=upcoming)


def earlier(next_after: Next, *, planned: int, now: int, done: Collection[int]) -> int | None:
    """Return the time to plan instead where the clock was put back, so that `planned` is not the next any more.

    Args:
        next_after: the timetable.
        planned: what is planned.
        now: the time.
        done: planned times that were dealt with already; they are not done again.
    """
    candidate = next_after(now)
    while candidate is not None and candidate < planned and candidate in done:
        candidate = next_after(candidate)
    return candidate if candidate is not None and candidate < planned else None
