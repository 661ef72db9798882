"""What all tests share: examples that are the same in every run, and no verdict that depends on speed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.registry.postgresql import postgres_folder
from tests.registry.stores import (
    migrated_file,
    migrated_graph,
    migrated_postgres,
    migrated_postgres_graph,
    postgres_graphs,
    postgres_stores,
    put_databases,
)
from tests.timing import STRICT
from vedette.cli.loading import OBJECTS

# Nothing is garbage while thousands of tests and modules are loaded; see below when it comes back.
gc.disable()

# Here and nowhere else: a folder that imported them too would have a server of its own.
__all__ = [
    "migrated_file",
    "migrated_graph",
    "migrated_postgres",
    "migrated_postgres_graph",
    "postgres_folder",
    "postgres_graphs",
    "postgres_stores",
    "put_databases",
]

# A machine that stands still for a second makes any example slow; that says nothing about the code.
settings.register_profile(
    "vedette", deadline=None, derandomize=not STRICT, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("vedette")

# The tests start hundreds of processes: each would compile our sources anew, which takes longer than to import them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# Whoever started the tests in the background, or with nohup, ignores these for all that the tests start, too.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name packed bytes by their argument: there may be a time in them, and every process must name tests alike."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_collection_finish() -> None:
    """Keep the garbage collector away from thousands of tests and modules, which live as long as the process.

    It comes as often as in our programs from then on: coming after each 700 objects takes 6 % of the tests' time.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS, 10, 10)
    gc.enable()


@pytest.fixture(autouse=True)
def leaves_the_process_as_it_was() -> Iterator[None]:
    """Give every test the log as a new process has it, and let none change what the next one finds.

    Commands that are called in the tests' process set the log up; a test after them, in whatever order, would find
    its lines filtered or sent elsewhere.
    """
    structlog.reset_defaults()
    before = _whole_process()
    yield
    structlog.reset_defaults()
    after = _whole_process()
    changed = [f"{name}: {before[name]!r} -> {after[name]!r}" for name in before if before[name] != after[name]]
    assert not changed, f"the test changed what all tests share: {'; '.join(changed)}"


def _whole_process() -> dict[str, object]:
    """Return what belongs to the whole process and a test may forget to put back."""
    root = logging.getLogger()
    names = {name: value for name, value in os.environ.items() if name not in _OF_THE_RUNNER}
    return {
        "folder": Path.cwd(),
        "environment": names,
        "log level": (root.level, root.disabled, logging.root.manager.disable),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "event loops": type(asyncio.get_event_loop_policy()),
        "umask": _umask(),
        "path": list(sys.path),
        "arguments": list(sys.argv),
    }


_OF_THE_RUNNER = frozenset({"PYTEST_CURRENT_TEST"})


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
