"""What every program that runs until it is told to end has: how much it logs, and what ends it.

Apart from the fleet, which a single agent's process would otherwise import whole.
"""

from __future__ import annotations

import asyncio
import signal
from enum import StrEnum

import typer


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LEVEL_OPTION = typer.Option(LogLevel.INFO, "--log-level", help="How much is logged, to stderr.")


def stop_on_signals() -> asyncio.Event:
    """Return an event that Ctrl-C and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
