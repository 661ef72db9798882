"""How lengths of time read in a repair. Pure, no I/O."""

from __future__ import annotations

from typing import Final

from vedette.clock import MICROSECONDS

DAY: Final = 86_400 * MICROSECONDS
"""Microseconds of a day."""


def days(microseconds: float) -> str:
    """Return a length of time as whole days, below two as hours."""
    if microseconds < 2 * DAY:
        hours = int(microseconds * 24 // DAY)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{int(microseconds // DAY):,} days"


def length(seconds: float) -> str:
    """Return a length of time in its largest unit that is not 1."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size):,} {unit}"
    return f"{seconds:.1f} seconds" if seconds < 10 else f"{int(seconds)} seconds"


def gibibytes(size: float) -> str:
    """Return a number of bytes in GiB, small ones in MiB."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"
