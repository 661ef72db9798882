"""What somebody wants done again and again: a job, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vedette.clock import MICROSECONDS
from vedette.jobs.request import JobRequest
from vedette.scheduling.cron import MAX_EXPRESSION
from vedette.scheduling.due import Misfire, Overlap
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.timetable import Timetable
from vedette.scheduling.zones import DEFAULT_ZONE

MAX_JITTER = 86_400
"""Seconds that a run may be put off by chance."""


class When(BaseModel):
    """When something is due."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    when: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION)]
    """A Quartz cron expression (`0 15 10 ? * MON-FRI`), an interval (`every 5m`), or `@hourly`, `@daily`, `@weekly`,
    `@monthly`, `@yearly`."""
    zone: Annotated[str, Field(min_length=1, max_length=64)] = DEFAULT_ZONE
    """The time zone of the expression, an IANA name such as `Europe/Prague`."""

    def timetable(self, *, anchor: int = 0) -> Timetable:
        """Return it as it is computed with; intervals are counted from `anchor`.

        Raises:
            TimetableError: names the field and the reason.
        """
        return Timetable.parse(self.when, zone=self.zone, anchor=anchor)


class ScheduleRequest(When):
    """A job that is wanted again and again."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]
    """What it is called; no other schedule has this name."""
    job: JobRequest
    """What is requested each time."""
    jitter: Annotated[int, Field(ge=0, le=MAX_JITTER)] = 0
    """Seconds: each run starts up to this much later, by chance."""
    misfire: Misfire = "run-once"
    """What becomes of runs that were due while nothing could run them: `run-once` runs once, however many they were,
    `skip` waits for the next."""
    overlap: Overlap = "skip"
    """What becomes of a run that is due while the job of the one before has not ended: `skip` leaves it out, `wait`
    runs it when that job has ended."""

    def checked(self, *, now: int) -> Timetable:
        """Return the timetable, counted from `now`, once it fits with the rest.

        Raises:
            TimetableError: names the field and the reason.
        """
        timetable = self.timetable(anchor=now)
        runs = timetable.next_runs(now, count=2)
        if not runs:
            raise TimetableError("when", "never comes again; change the days, or the year")
        if len(runs) > 1 and self.jitter * MICROSECONDS >= runs[1] - runs[0]:
            gap = (runs[1] - runs[0]) // MICROSECONDS
            raise TimetableError("jitter", f"{self.jitter} s is not shorter than the time between two runs, {gap} s")
        return timetable
