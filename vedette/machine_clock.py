"""Whether something keeps this machine's clock right: what the kernel says, adjtimex(2)."""

from __future__ import annotations

import ctypes
import sys

_TIME_ERROR = 5
"""What adjtimex returns where nothing (NTP, PTP) sets the clock, or not any more."""

_SIZE = 512
"""Bytes for `struct timex`, which is 208 on 64-bit Linux; its first field, `modes`, being 0 changes nothing."""


def is_clock_set() -> bool | None:
    """Tell whether the clock is kept right by NTP or the like; None where the kernel does not say.

    A virtual machine whose host sets its clock says False, too: a reason to look, not a fault.
    """
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_SIZE))
    except AttributeError:
        # A C library without it.
        return None
    return None if state < 0 else state != _TIME_ERROR
