"""How long a test may wait: a slow or busy machine must never fail one.

An issue may promise that something happens within two seconds. On a quiet machine a test can hold it to that; on a
shared one the whole process may stand still for longer. So the test says `bound(2.0)`: exactly that where timing is
strict (VEDETTE_STRICT_TIMING=1, as `make test-long` sets it), and otherwise only a limit that ends a hang.
"""

from __future__ import annotations

import os

STRICT = os.environ.get("VEDETTE_STRICT_TIMING") == "1"
"""Whether promised times are asserted exactly; only a quiet machine can."""

PATIENCE = 90.0
"""Seconds that a test waits for a condition that has no promised time; longer than any machine stands still."""


def bound(seconds: float) -> float:
    """Return the limit to assert for a promised time, in seconds: exact when timing is strict, else generous."""
    return seconds if STRICT else max(min(10 * seconds, 120.0), seconds + 40.0)
