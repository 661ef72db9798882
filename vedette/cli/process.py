"""One process of a fleet: `python -m vedette.cli.process PART -c FILE …`, started by the supervisor.

It reports events as JSON lines on stdout and logs on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import orjson

from vedette.cli.fleet_log import configure_log
from vedette.cli.loading import loading
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.configuration.hosts import load_hosts, share_of
from vedette.errors import ConfigurationError, VedetteError
from vedette.parent import end_with_parent


def report(event: dict[str, Any]) -> None:
    """Write an event for whoever started us."""
    sys.stdout.buffer.write(orjson.dumps(event) + b"\n")
    sys.stdout.buffer.flush()


async def run(arguments: argparse.Namespace) -> None:
    """Run the part until SIGTERM or SIGINT.

    Raises:
        VedetteError: it cannot start; the message says why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    configuration, paths = load_fleet(arguments.config)
    configure_log(configuration, paths, level=arguments.log_level)
    clock = SystemClock()
    if arguments.part == "hub":
        with loading():
            from agents.hub import run_hub

        await run_hub(
            configuration,
            paths,
            local_tsa=arguments.tsa,
            api_port=arguments.api_port,
            clock=clock,
            report=report,
            stop=stop,
        )
    elif arguments.part == "engine":
        with loading():
            from agents.engine_making import run_engine

        await run_engine(
            configuration,
            paths,
            name=arguments.name,
            local_tsa=arguments.tsa,
            clock=clock,
            report=report,
            stop=stop,
        )
    elif arguments.part == "rt":
        with loading():
            from agents.rt_making import run_rt

        await run_rt(configuration, paths, clock=clock, report=report, stop=stop)
    elif arguments.part == "misp":
        with loading():
            from agents.misp_making import run_misp

        await run_misp(configuration, paths, clock=clock, report=report, stop=stop)
    else:
        with loading():
            from agents.field import run_field

        if arguments.hosts is not None:
            configuration = share_of(configuration, load_hosts(arguments.hosts).section(arguments.name))
        await run_field(configuration, paths, clock=clock, report=report, stop=stop)


def main() -> int:
    """Parse the arguments and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="vedette.cli.process")
    parser.add_argument("part", choices=["hub", "engine", "field", "rt", "misp"])
    parser.add_argument("-c", "--config", type=Path, required=True)
    parser.add_argument("--name", default="", help="name of the engine, or of the host")
    parser.add_argument("--hosts", type=Path, default=None, help="which host runs what, for the field of one")
    parser.add_argument("--tsa", default="", help="URL of the local authority")
    parser.add_argument("--api-port", type=int, default=0, help="port of the API where none is configured")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--parent-pid", type=int, default=None)
    arguments = parser.parse_args()
    end_with_parent(arguments.parent_pid)
    try:
        asyncio.run(run(arguments))
    except VedetteError as error:
        report({"error": str(error)})
        # What a server or a store refuses now may be different at the next start.
        return 2 if isinstance(error, ConfigurationError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
