"""Single values of vertices: which numbers can be kept, and what becomes of a value that is said again."""

from __future__ import annotations

import math
from typing import Literal

Single = str | int | float
"""One text or number."""

Rule = Literal["first", "last", "sum", "least", "greatest"]
"""What becomes of a single value that is said again."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_MAX_BITS = 2_000


def bounded(value: float) -> Single | None:
    """Return a number that JSON and databases take: an integer of more than 64 bits as text; None for no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if _LEAST <= value <= _MOST:
        return value
    return str(value) if value.bit_length() <= _MAX_BITS else None


def amended(rule: Rule, there: Single | tuple[str, ...] | dict[str, None] | None, value: Single) -> Single | None:
    """Return what is kept of a value that is there and one that is said now; a set gives way to what is said.

    Texts have no sum, and a text and a number no order: what is there holds. None: the sum is no number any more.
    """
    if there is None or rule == "last" or isinstance(there, tuple | dict):
        return value
    if isinstance(there, str) or isinstance(value, str):
        if rule in {"first", "sum"} or not (isinstance(there, str) and isinstance(value, str)):
            return there
        return min(there, value) if rule == "least" else max(there, value)
    if rule == "sum":
        return bounded(there + value)
    return there if rule == "first" else (min(there, value) if rule == "least" else max(there, value))
