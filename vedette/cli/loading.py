"""Loading a program: what modules make stays as long as the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 10_000
"""New objects after which the garbage collector looks through the youngest."""


@contextmanager
def loading() -> Iterator[None]:
    """Import with the garbage collector off, and keep it away from what was loaded.

    It would look through the same modules again and again while they are loaded, a sixth of the time that this takes,
    and later in each full collection. It also comes less often from then on: what is allocated meanwhile is a few
    megabytes at most, and coming after each 700 objects, as Python 3.11 does, takes 3 % of a collector's time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(OBJECTS, 10, 10)
        gc.enable()
