"""How values read on a page: times, sizes, counts, and text that cannot disguise itself."""

from __future__ import annotations

import unicodedata

from vedette.clock import MICROSECONDS, to_datetime

MAX_SHOWN = 1000
"""Characters of one text on a page; the JSON of the same state has all of it."""

MAX_NAME = 120
"""Characters of a name on a page: a longer one would push away what stands beside it."""

_MAX_NUMBER_BITS = 64
"""Past this a number is somebody's joke, and writing it out would cost more than it says."""

# Scripts and emoji need the joiners; line ends and tabs are laid out, not shown.
_HARMLESS = frozenset("\n\t\u200c\u200d")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def visible(text: str) -> str:
    """Return the text with every invisible or reordering character written out, and cut.

    A bidirectional override shows as its code point, so that it cannot make `gpj.exe` read `exe.jpg`.
    """
    cut = text[:MAX_SHOWN]
    shown = cut if cut.isprintable() else "".join(map(_visible_character, cut))
    return shown if len(text) <= MAX_SHOWN else f"{shown}… ({len(text) - MAX_SHOWN:,} more characters)"


def _visible_character(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    return f"[U+{ord(character):04X}]"


def brief(text: str, limit: int = MAX_NAME) -> str:
    """Return at most `limit` characters, the last of them an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def instant(at: int) -> str:
    """Return microseconds since 1970 as ISO 8601 in UTC, to the second."""
    try:
        return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"outside the calendar ({count(at)} µs)"


def is_instant(at: int) -> bool:
    """Tell whether the time can be written as a date."""
    return not instant(at).startswith("outside")


def duration(microseconds: int) -> str:
    """Return a length of time in its two largest units, such as `3 h 12 min`."""
    seconds = abs(microseconds) // MICROSECONDS
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
    return f"{count(seconds // _DAY)} d {seconds % _DAY // _HOUR} h"


def ago(at: int, now: int) -> str:
    """Return how long before `now` it was; a time in the future says so, it is not hidden."""
    if abs(now - at) < MICROSECONDS:
        return "just now"
    return f"{duration(now - at)} ago" if at < now else f"in {duration(at - now)}"


def count(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}" if number.bit_length() <= _MAX_NUMBER_BITS else "more than 64 bits"


def size(number: int) -> str:
    """Return a number of bytes in binary units (IEC 80000-13)."""
    if number.bit_length() > _MAX_NUMBER_BITS:
        return count(number)
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        # 1023.95 and up would be printed as 1024.0 of the smaller unit.
        if abs(amount) < 1023.95:
            return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} PiB"


def percent(share: float) -> str:
    """Return a share in percent; only what is whole reads 100 %, and only what is nothing reads 0 %."""
    tenths = min(999, max(1, round(share * 1000))) if 0 < share < 1 else round(share) * 1000
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def whole(text: str) -> int | None:
    """Return the number that a cell holds as text; None where it holds something else."""
    try:
        return int(text)
    except ValueError:
        return None


def fingerprint(digest: str) -> str:
    """Return a digest in groups of four, the way people read it to each other."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))


def short_fingerprint(digest: str) -> str:
    """Return the first and last groups of a digest; enough to recognise it, not to trust it."""
    return digest if len(digest) <= 20 else f"{digest[:4]} {digest[4:8]} … {digest[-4:]}"
