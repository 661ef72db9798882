"""The values of a selection's words: what is refused, and the one form that a value is kept in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from vedette.clock import MICROSECONDS, Clock, from_datetime, iso_time, to_datetime
from vedette.errors import RefusedError
from vedette.routing import check_pattern

MAX_DEPTH: Final = 3
"""Hops of a neighbourhood that is shared."""

STATES: Final = ("pending", "self-asserted", "proved", "strong", "failed")
"""How far items are proved, as `state=` has it."""

PARTS: Final = ("target", "job", "day")
"""What a share may be split by."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def _uuid(key: str) -> Callable[[str, Clock], str]:
    def form(value: str, _clock: Clock) -> str:
        try:
            return str(UUID(value))
        except ValueError as error:
            raise RefusedError(key, f"{value[:60]!r} is no UUID") from error

    return form


def _time(key: str) -> Callable[[str, Clock], str]:
    def form(value: str, clock: Clock) -> str:
        number, unit = value[:-1], value[-1:]
        try:
            if unit in _SECONDS and number.isascii() and number.isdigit() and len(number) <= 9:
                seconds = clock.now() // MICROSECONDS - int(number) * _SECONDS[unit]
                # From a whole hour or day on: who asks twice asks for the same investigation, not for another one.
                seconds -= seconds % min(_SECONDS[unit], _SECONDS["d"]) if key == "since" else 0
                return instant(to_datetime(seconds * MICROSECONDS))
            moment = datetime.fromisoformat(value)
            if len(value) == len("2026-11-22"):
                moment = moment.replace(tzinfo=UTC)
            if moment.tzinfo is None:
                raise RefusedError(key, f"{value[:60]!r} has no zone; add Z for UTC, or +01:00")
            return instant(moment.astimezone(UTC))
        except (ValueError, OverflowError) as error:
            raise RefusedError(
                key, f"{value[:60]!r} is no time such as 2026-11-22, 2026-11-22T10:00:00Z or 2d"
            ) from error

    return form


def instant(moment: datetime) -> str:
    """Return a time as selections write it, in UTC."""
    # Of one length, so that texts compare as times do.
    return iso_time(from_datetime(moment))


def _choice(key: str, choices: tuple[str, ...]) -> Callable[[str, Clock], str]:
    def form(value: str, _clock: Clock) -> str:
        if value not in choices:
            raise RefusedError(key, f"{value[:60]!r} is not one of {', '.join(choices)}")
        return value

    return form


def _source(value: str, _clock: Clock) -> str:
    try:
        return check_pattern(value)
    except RefusedError as error:
        raise RefusedError("source", error.reason) from error


def _plain(value: str, _clock: Clock) -> str:
    return value


FORMS: Final[Mapping[str, Callable[[str, Clock], str]]] = {
    **dict.fromkeys(("agent", "check", "format", "target", "type", "verdict", "vertex", "share"), _plain),
    **dict.fromkeys(("name", "observableType", "text", "vertexType"), _plain),
    "item": _uuid("item"),
    "job": _uuid("job"),
    "since": _time("since"),
    "until": _time("until"),
    "source": _source,
    "state": _choice("state", STATES),
    "depth": _choice("depth", tuple(map(str, range(MAX_DEPTH + 1)))),
    "part": _choice("part", PARTS),
}
"""By key: what gives a value its canonical form."""
