"""Time zones: from wall-clock time to instants and back, over the changes to and from summer time.

A wall-clock time that a change leaves out does not exist: nothing is due then. One that a change repeats is due once,
the second time, as with Java's calendar, which Quartz computes with.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vedette.scheduling.errors import TimetableError

DEFAULT_ZONE = "UTC"
"""Where nothing else is said."""

_SECOND = timedelta(seconds=1)


def find_zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database.

    Raises:
        TimetableError: there is none of this name.
    """
    if name not in _names():
        raise TimetableError("time zone", f"{name[:40]!r} is not known; write an IANA name, such as Europe/Prague")
    return ZoneInfo(name)


def zone_names() -> list[str]:
    """Return the names of all time zones."""
    return sorted(_names())


@functools.cache
def _names() -> frozenset[str]:
    # `localtime` is whatever the machine is set to: it would mean something else on another one.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def wall_from(seconds: int, zone: ZoneInfo) -> datetime:
    """Return the first wall-clock time that is looked at when instants from `seconds` (since 1970) on are wanted."""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    local = moment.astimezone(zone)
    if local.fold == 0 and local.utcoffset() != local.replace(fold=1).utcoffset():
        # Within what will be repeated: only its second time counts, which is from the change on.
        spread = (local.utcoffset() or timedelta()) - (local.replace(fold=1).utcoffset() or timedelta())
        local = _change(zone, moment, moment + spread).astimezone(zone)
    return local.replace(tzinfo=None, fold=0)


def instant_of(wall: datetime, zone: ZoneInfo) -> int | None:
    """Return the seconds since 1970 of a wall-clock time, None where a change leaves it out."""
    moment = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        return None
    return int(moment.timestamp())


def after_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first wall-clock time that exists after one that does not."""
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return _change(zone, early, late).astimezone(zone).replace(tzinfo=None, fold=0)


def _change(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """Return the first whole second of the later offset; the zone changes once between the two."""
    before = early.astimezone(zone).utcoffset()
    changed: Callable[[datetime], bool] = lambda moment: moment.astimezone(zone).utcoffset() != before  # noqa: E731
    while late - early > _SECOND:
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (early, middle) if changed(middle) else (middle, late)
    return late
