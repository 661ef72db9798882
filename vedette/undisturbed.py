"""Work that the garbage collector keeps away from: it makes millions of objects that all stay until it is done."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from typing import Final

TURN: Final = 60.0
"""Seconds after which the collector looks at what it was kept away from: what refers to itself must go, too."""

MANY: Final = 100_000
"""New objects from which on it is kept away from them afterwards, too: fewer take it milliseconds."""


class Keeper:
    """Keeps the collector away while somebody is at work, in whichever thread."""

    def __init__(self, *, turn: float = TURN, many: int = MANY) -> None:
        """Describe it.

        Args:
            turn: seconds after which the collector has its turn.
            many: new objects from which on they are frozen.
        """
        self._turn, self._many = turn, many
        self._lock = threading.Lock()
        self._at_work = 0
        self._was_on = False
        self._frozen_at: float | None = None
        """When something was frozen first since the collector had its turn."""

    def begin(self) -> None:
        """Keep the collector away from now on."""
        with self._lock:
            if not self._at_work:
                self._was_on = gc.isenabled()
                gc.disable()
            self._at_work += 1

    def end(self, *, kept: bool) -> None:
        """Let it come again, once nobody is at work."""
        with self._lock:
            self._at_work -= 1
            if not self._was_on:
                return
            now = time.monotonic()
            if self._frozen_at is not None and now - self._frozen_at >= self._turn:
                # The modules, which were frozen when they were loaded, are looked at this once, too.
                gc.unfreeze()
                gc.collect()
                gc.freeze()
                self._frozen_at = None
            elif kept and gc.get_count()[0] >= self._many:
                gc.freeze()
                self._frozen_at = self._frozen_at or now
            if not self._at_work:
                gc.enable()


_KEEPER: Final = Keeper()


@contextlib.contextmanager
def undisturbed(*, kept: bool) -> Iterator[None]:
    """Keep the garbage collector away while the block lasts: it would take up to half of the time.

    Args:
        kept: whether what is made outlives the block. Then the collector does not look at it afterwards either, until
            it has its turn; what is let go of is gone all the same, unless it refers to itself.
    """
    _KEEPER.begin()
    try:
        yield
    finally:
        _KEEPER.end(kept=kept)
