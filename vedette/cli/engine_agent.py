"""`vedette agent aggregation`: one of the engines besides the hub's, alone, as on another host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.engine_making import run_engine, section_of
from vedette.cli.local_authority import start_local_authority
from vedette.cli.output import complain, print_line
from vedette.cli.running import stop_on_signals
from vedette.cli.supervisor import Supervisor
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet


async def run_engine_agent(file: Path, *, name: str) -> int:
    """Run the engine `name` of the fleet that the file describes until it is told to end; returns the exit code.

    Raises:
        ConfigurationError: the file, the credentials or the local authority cannot be used, or it has no such engine.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the store cannot be opened.
    """
    configuration, paths = load_fleet(file)
    section_of(configuration, paths, name=name)
    stop, clock = stop_on_signals(), SystemClock()
    supervisor = Supervisor(on_event=lambda _process, _event: None)
    supervisor.failed.add_done_callback(lambda _: stop.set())

    def say(event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            for agent in event["agents"]:
                print_line(f"{agent['jid']} is up: {agent['view']}; Ctrl-C ends it.")

    try:
        url = await start_local_authority(supervisor, configuration, paths, clock=clock, create=False)
        await run_engine(configuration, paths, name=name, local_tsa=url, clock=clock, report=say, stop=stop)
    finally:
        await supervisor.stop()
    if supervisor.failed.done():
        complain(supervisor.failed.result())
        return 1
    return 0
