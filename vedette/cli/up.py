"""`vedette up`: the fleet of this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import typer

from vedette.cli.fleet import Fleet
from vedette.cli.fleet_log import configure_log
from vedette.cli.host_fleet import HostFleet
from vedette.cli.output import CONFIG_OPTION, Exit, complain, print_line
from vedette.cli.readiness import is_service, tell_ready
from vedette.cli.running import LEVEL_OPTION, LogLevel, stop_on_signals
from vedette.cli.store import open_fleet
from vedette.clock import Clock, SystemClock
from vedette.configuration.hosts import load_hosts

T = TypeVar("T")


class _Common(TypedDict):
    clock: Clock
    on_event: Callable[[str, dict[str, Any]], None]
    log_level: str


HOST_OPTION = typer.Option(None, "--host", help="The file that says which host runs what: start this host's part.")
NAME_OPTION = typer.Option(None, "--name", help="Which host of it this is; this machine's name by default.")


def up(
    config: Path | None = CONFIG_OPTION,
    host: Path | None = HOST_OPTION,
    name: str | None = NAME_OPTION,
    log_level: LogLevel = LEVEL_OPTION,
) -> None:
    """Start the fleet that the configuration describes, or this host's part of it, until Ctrl-C."""
    if host is None and name is not None:
        raise typer.BadParameter("needs --host FILE", param_hint="--name")
    if host is not None and config is not None:
        raise typer.BadParameter("the file of --host names the configuration", param_hint="--config")
    hosts = None if host is None else load_hosts(host)
    here = name or socket.gethostname()
    if hosts is not None:
        hosts.section(here)
    configuration, paths = opened = open_fleet(config if hosts is None else hosts.paths.file)
    configure_log(configuration, paths, level=log_level)

    def make() -> Fleet:
        common: _Common = {"clock": SystemClock(), "on_event": _ignore, "log_level": log_level}
        if hosts is not None:
            return HostFleet(hosts=hosts, name=here, **common)
        return Fleet(configuration=opened[0], paths=opened[1], **common)

    code = asyncio.run(_run(make))
    if code:
        raise typer.Exit(code)


async def _run(make: Callable[[], Fleet]) -> int:
    stop = stop_on_signals()
    # Made here, because its supervisor belongs to the event loop that it is made on.
    fleet = make()
    try:
        agents = await start_unless_stopped(fleet.start(), stop)
        if agents is None:
            return Exit.GOOD
        if fleet.has_hub:
            print_line(f"The console: {fleet.console}")
        for agent in agents:
            print_line(f"{agent['jid']:<32} {agent['role']:<12} {agent['view']}")
        # A link that makes an administrator has no place in a service's log: there, a command makes one.
        link = None if is_service() or not fleet.has_hub else await fleet.setup_link()
        if link is not None:
            print_line(f"Make the administrator with this link, once and within an hour: {link}")
        print_line("The fleet is up; Ctrl-C ends it.")
        tell_ready()
        return await until_stopped(fleet, stop)
    finally:
        await fleet.stop()


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
