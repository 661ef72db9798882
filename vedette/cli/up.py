"""`vedette up`: the fleet of this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer

from vedette import log
from vedette.cli.fleet import Fleet
from vedette.cli.output import CONFIG_OPTION, Exit, complain, print_line
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths

T = TypeVar("T")


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LEVEL_OPTION = typer.Option(LogLevel.INFO, "--log-level", help="How much is logged, to stderr.")


def up(config: Path | None = CONFIG_OPTION, log_level: LogLevel = LEVEL_OPTION) -> None:
    """Start the fleet that the configuration describes and keep it running until Ctrl-C."""
    configuration, paths = open_fleet(config)
    log.configure(as_json=configuration.log_json, level=log_level)
    code = asyncio.run(_run(configuration, paths, log_level=log_level))
    if code:
        raise typer.Exit(code)


async def _run(configuration: FleetConfiguration, paths: FleetPaths, *, log_level: str) -> int:
    stop = stop_on_signals()
    fleet = Fleet(
        configuration=configuration, paths=paths, clock=SystemClock(), on_event=_ignore, log_level=log_level
    )
    try:
        agents = await start_unless_stopped(fleet.start(), stop)
        if agents is None:
            return Exit.GOOD
        print_line(f"The console: {fleet.console}")
        for agent in agents:
            print_line(f"{agent['jid']:<32} {agent['role']:<12} {agent['view']}")
        link = await fleet.setup_link()
        if link is not None:
            print_line(f"Make the administrator with this link, once and within an hour: {link}")
        print_line("The fleet is up; Ctrl-C ends it.")
        return await until_stopped(fleet, stop)
    finally:
        await fleet.stop()


def stop_on_signals() -> asyncio.Event:
    """Return an event that Ctrl-C and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def start_unless_stopped(start: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """Return what a start returns, None where a signal came first: nobody wants to wait for it then."""
    starting = asyncio.ensure_future(start)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.wait({starting})
    return None


async def until_stopped(fleet: Fleet, stop: asyncio.Event) -> int:
    """Wait for a signal (0) or for a process that cannot be kept running (2)."""
    stopped = asyncio.ensure_future(stop.wait())
    waits: set[asyncio.Future[Any]] = {stopped, fleet.supervisor.failed}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        return Exit.GOOD
    complain(fleet.supervisor.failed.result())
    return Exit.USAGE


def _ignore(_process: str, _event: dict[str, Any]) -> None:
    return
