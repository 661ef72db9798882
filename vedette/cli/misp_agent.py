"""`vedette agent misp`: the agent that exports, in a process of its own on the machine where the store is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.misp_making import run_misp
from vedette.cli.output import print_line
from vedette.cli.running import stop_on_signals
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError


async def run_misp_agent(file: Path) -> None:
    """Run the agent of a fleet's configuration until it is told to end.

    Raises:
        ConfigurationError: the file, the credentials or a destination cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the store cannot be opened.
    """
    configuration, paths = load_fleet(file)
    if not configuration.sharing.names:
        raise ConfigurationError(str(file), "sharing.destinations", "is empty: there is nowhere to bring anything")
    if configuration.sharing.process != "own":
        raise ConfigurationError(str(file), "sharing.process", "is 'hub': the hub runs the agent; say 'own'")
    await run_misp(configuration, paths, clock=SystemClock(), report=_tell, stop=stop_on_signals())


def _tell(event: dict[str, Any]) -> None:
    for one in event.get("agents", ()):
        print_line(f"{one['jid']} is up: {one['view']}; Ctrl-C ends it.")
