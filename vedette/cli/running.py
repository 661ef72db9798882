"""What every program that runs until it is told to end has: how much it logs and where, and what ends it.

Apart from the fleet, which a single agent's process would otherwise import whole.
"""

from __future__ import annotations

import asyncio
import signal
from enum import StrEnum
from pathlib import Path

import typer

from vedette import log
from vedette.configuration.log_section import LogSection
from vedette.errors import ConfigurationError
from vedette.log_file import LogFile

_MEBIBYTE = 2**20


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LEVEL_OPTION = typer.Option(LogLevel.INFO, "--log-level", help="How much is logged.")


LOG_FILE_OPTION = typer.Option(
    None, "--log-file", help="Logs there instead of to stderr: divided at 10 MiB, five older files stay."
)


def open_log(path: Path, section: LogSection, *, place: str, key: str = "") -> LogFile:
    """Open a log's file.

    Args:
        path: of the newest file.
        section: how it is divided.
        place: where it is named, for the complaint: a configuration, or an option.
        key: key of that configuration.

    Raises:
        ConfigurationError: it cannot be opened.
    """
    try:
        return LogFile(path, size=int(section.size * _MEBIBYTE), count=section.count)
    except OSError as error:
        raise ConfigurationError(place, key, f"{path} cannot be opened: {error.strerror or error}") from error


def log_to(file: Path | None, *, level: LogLevel) -> None:
    """Send the log to the file that `--log-file` names, else to stderr.

    Raises:
        ConfigurationError: it cannot be opened.
    """
    log.configure(level=level, file=None if file is None else open_log(file, LogSection(), place="--log-file"))


def stop_on_signals() -> asyncio.Event:
    """Return an event that Ctrl-C and SIGTERM set, and SIGHUP: the terminal is gone; not where `nohup` ignores it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)
    return stop
