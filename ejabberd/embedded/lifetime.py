"""Ends with the parent, whatever ends the parent: no orphan servers."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys

PERIOD = 0.5
"""Seconds between looks at the parent where nothing tells us."""

_PR_SET_PDEATHSIG = 1


def has_parent(parent: int) -> bool:
    """Tell whether the process `parent` is still this one's parent."""
    return os.getppid() == parent


def tie_to_parent(parent: int) -> None:
    """Have the kernel signal us when the thread that started us ends; nothing where it cannot (not Linux)."""
    if sys.platform != "linux":
        return

    def check(_signal: int, _frame: object) -> None:
        # The kernel means the parent's *thread*: a server started from a worker thread must outlive that.
        if not has_parent(parent):
            os._exit(0)

    signal.signal(signal.SIGUSR1, check)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGUSR1), 0, 0, 0)


async def parent_ended(parent: int) -> None:
    """Return when the parent is gone."""
    while has_parent(parent):  # noqa: ASYNC110  # no event tells it
        await asyncio.sleep(PERIOD)
