"""When each source of a collector is collected: its timetables, told what happens and asked what is due. Pure.

Rules:
1. At the start: `now-collect: all` collects all, once and for all; `new`, or `cron: now`, what is new; `none` waits.
2. A source is never collected twice at a time: what comes due meanwhile is missed, counted, not made up for.
3. What came due while nobody was there (a restart, a full outbox) is run once, late.
4. A planned time is done when its run has ended: a run that was killed is run again.
5. Who has waited longest is first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from vedette.clock import MICROSECONDS
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Mode
from vedette.scheduling.due import decide, earlier
from vedette.scheduling.timetable import Timetable


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What is remembered of a source's rounds over a restart."""

    planned: int | None = None
    """The planned time that was not done yet, microseconds since 1970."""
    paused_at: int | None = None
    """Microseconds since 1970: when somebody paused it; None: it is not paused."""
    paused_by: str = ""
    """Who."""
    collected_all: bool = False
    """Whether `now-collect: all` was done."""


@dataclass(kw_only=True, slots=True)
class Round:
    """A source and where it is in its timetable."""

    source: SourceConfiguration
    """The source."""
    timetable: Timetable | None
    """When it is due; None: not by time."""
    planned: int | None = None
    """The next planned time, microseconds since 1970."""
    at_once: Mode | None = None
    """How it is collected as soon as possible; None: it is not."""
    asked_at: int = 0
    """Since when `at_once` waits."""
    paused_at: int | None = None
    """Microseconds since 1970: when somebody paused it; None: it is not paused."""
    paused_by: str = ""
    """Who."""
    running: bool = False
    """Whether it is being collected."""
    mode: Mode = "new"
    """How it is or was last collected."""
    missed: int = 0
    """Planned times that passed without a run."""
    collected_all: bool = False
    """Whether `now-collect: all` was done."""

    @property
    def due(self) -> int | None:
        """When it is collected next, jitter included; None: never."""
        if self.running:
            return None
        if self.at_once is not None:
            return self.asked_at
        if self.paused_at is not None:
            return None
        return None if self.planned is None else self.planned + _jitter(self.source, self.planned)

    @property
    def remembered(self) -> Remembered:
        """What must be known after a restart."""
        return Remembered(
            planned=self.planned,
            paused_at=self.paused_at,
            paused_by=self.paused_by,
            collected_all=self.collected_all,
        )


class Rounds:
    """The sources of one collector."""

    def __init__(
        self, sources: Iterable[SourceConfiguration], *, now: int, remembered: Mapping[str, Remembered] | None = None
    ) -> None:
        """Plan all sources.

        Args:
            sources: what is collected.
            now: microseconds since 1970.
            remembered: what is known from before, by the sources' identities.
        """
        known = remembered or {}
        self.all = {source.identity: _first(source, known.get(source.identity), now=now) for source in sources}
        """The rounds by their sources' identities, in the configuration's order."""

    def due(self, now: int) -> list[Round]:
        """Return what is to be collected now, who has waited longest first."""
        waiting = [(at, one) for one in self.all.values() if (at := one.due) is not None and at <= now]
        return [one for _, one in sorted(waiting, key=itemgetter(0))]

    def next_due(self) -> int | None:
        """Return when something is due next; None: nothing is as long as nobody asks."""
        return min((at for one in self.all.values() if (at := one.due) is not None), default=None)

    def begin(self, one: Round) -> Mode:
        """Note that a source is being collected, and return how."""
        one.running = True
        one.mode, one.at_once = one.at_once or "new", None
        return one.mode

    def end(self, one: Round, *, now: int) -> None:
        """Note that a source was collected, and plan its next run."""
        one.running = False
        one.collected_all = one.collected_all or one.mode == "all"
        if one.timetable is None or one.planned is None or one.planned > now:
            return
        decision = decide(
            one.timetable.next_after, planned=one.planned, due=one.planned, now=now, misfire="skip", waited=True
        )
        one.missed += decision.missed
        one.planned = decision.next

    def put_back(self, now: int) -> None:
        """Plan anew what is planned too late because the clock was put back."""
        for one in self.all.values():
            if one.timetable is not None and one.planned is not None and not one.running:
                sooner = earlier(one.timetable.next_after, planned=one.planned, now=now, done=())
                one.planned = one.planned if sooner is None else sooner

    def run_now(self, one: Round, *, now: int, mode: Mode = "new") -> None:
        """Have a source collected as soon as possible, also a paused one, which stays paused."""
        one.at_once, one.asked_at = mode, now

    def pause(self, one: Round, *, now: int, by: str) -> None:
        """Collect a source no more until it is resumed; a run that is going on ends by itself."""
        one.paused_at, one.paused_by, one.at_once = now, by, None

    def resume(self, one: Round, *, now: int) -> None:
        """Collect a source again; what was due meanwhile is neither run nor missed."""
        one.paused_at, one.paused_by = None, ""
        if one.timetable is not None and one.planned is not None and one.planned <= now:
            one.planned = one.timetable.next_after(now)


def is_due(one: Round, now: int) -> bool:
    """Tell whether a source is to be collected now."""
    at = one.due
    return at is not None and at <= now


def _first(source: SourceConfiguration, known: Remembered | None, *, now: int) -> Round:
    timetable = source.timetable
    before = known or Remembered()
    one = Round(
        source=source,
        timetable=timetable,
        paused_at=before.paused_at,
        paused_by=before.paused_by,
        collected_all=before.collected_all,
        asked_at=now,
    )
    if timetable is not None:
        one.planned = before.planned if _still_meant(timetable, before.planned, now) else timetable.next_after(now)
    if source.starts_at_once and one.paused_at is None:
        wants_all = source.now_collect == "all" and not before.collected_all
        one.at_once = "all" if wants_all else "new"
    return one


def _still_meant(timetable: Timetable, planned: int | None, now: int) -> bool:
    """Tell whether a remembered time is the timetable's, which may have been changed since, and its next."""
    if planned is None or timetable.next_after(planned - 1) != planned:
        return False
    following = timetable.next_after(now)
    return planned <= now or planned == following


def _jitter(source: SourceConfiguration, planned: int) -> int:
    """Return by how much a run is later than planned: random for all, the same whenever it is asked."""
    most = int(source.jitter * MICROSECONDS)
    if not most:
        return 0
    digest = hashlib.sha256(f"{source.identity} {planned}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (most + 1)
