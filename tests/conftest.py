"""What all tests share: examples that are the same in every run, and no verdict that depends on speed."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import HealthCheck, settings

from tests.timing import STRICT

# A machine that stands still for a second makes any example slow; that says nothing about the code.
settings.register_profile(
    "vedette", deadline=None, derandomize=not STRICT, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("vedette")

# The tests start hundreds of processes: each would compile our sources anew, which takes longer than to import them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Keep the garbage collector away from thousands of tests and modules, which live as long as the process."""
    gc.collect()
    gc.freeze()
