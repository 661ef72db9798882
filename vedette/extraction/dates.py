"""Dates of properties: milliseconds since 1970 UTC, as Stucco's graphs have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from vedette.extraction.drafting import Draft
from vedette.extraction.subgraph import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

MAX_DATE = 60
"""Characters of a text that may be a date."""


@lru_cache(maxsize=1_024)
def milliseconds(text: str, *forms: str) -> int | None:
    """Return a date as milliseconds since 1970; None where the text is none.

    Args:
        text: the date; in UTC where it names no zone.
        forms: forms of `strptime` that are tried behind ISO 8601, such as `%b %d %Y %I:%M%p`.
    """
    text = text.strip()
    if not text or len(text) > MAX_DATE:
        return None
    found = _parsed(text, forms)
    if found is None:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return (found - _EPOCH) // _MILLISECOND


def milliseconds_of_seconds(text: str) -> int | None:
    """Return a count of seconds since 1970 as milliseconds; None where the text is none, or is nought: not known."""
    text = text.strip()
    # Twelve digits lead to the year 33658.
    return int(text) * 1000 or None if text.isascii() and text.isdigit() and len(text) <= 12 else None


def checked_date(draft: Draft, position: Position, what: str, text: str, *forms: str) -> int | None:
    """Return a date as `milliseconds` does; a text that is none is said as a problem."""
    found = milliseconds(text, *forms)
    if found is None and text.strip():
        draft.skip(position, f"{what}: {text.strip()[:60]!r} is no date")
    return found


def _parsed(text: str, forms: tuple[str, ...]) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in forms:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (in UTC where it names no zone, as the caller has it)
        except ValueError:
            continue
    return None
