"""Loading a program: what modules make stays as long as the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import with the garbage collector off, and keep it away from what was loaded.

    It would look through the same modules again and again while they are loaded, a sixth of the time that this takes,
    and later in each full collection.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
