"""Ending with the parent: a child process must not outlive who started it, however that one ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_WATCH_EVERY = 0.5


def end_with_parent(parent_pid: int | None) -> None:
    """Make this process get SIGTERM when its parent is gone; does nothing without a parent's id.

    Linux does it by itself (prctl(2), PR_SET_PDEATHSIG); a thread that watches getppid() covers the
    other systems, and the case that the thread of the parent that started us ended before it.
    """
    if parent_pid is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(parent_pid,), name="parent-watch", daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_WATCH_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
