"""`vedette agent rt`: an agent that reads items into the knowledge graph, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from agents.identity import identity_of
from agents.rt import RtAgent, RtOutfit
from vedette.cli.output import print_line
from vedette.cli.running import stop_on_signals
from vedette.clock import SystemClock
from vedette.configuration.database_url import database_url
from vedette.configuration.rt import load_rt
from vedette.messages.card import Role


async def run_rt_agent(file: Path, *, credentials: Path | None) -> None:
    """Run the agent that a file describes until it is told to end.

    Raises:
        ConfigurationError: the file or the credentials cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the graph cannot be opened.
    """
    configuration, clock = load_rt(file), SystemClock()
    own = file.parent / (configuration.credentials or Path("var", "credentials", f"{configuration.name}.json"))
    identity = identity_of(configuration.name, credentials or own, Role.RT)
    url = database_url(configuration.graph, folder=file.parent)
    stop = stop_on_signals()
    async with RtOutfit(graph_url=url, configuration=configuration, clock=clock) as outfit:
        agent = RtAgent(
            identity=identity,
            clock=clock,
            outfit=outfit,
            view_port=configuration.view_port,
            place=configuration.place,
        )
        try:
            await agent.start()
            print_line(f"{agent.identity.jid} is up: {agent.address}; Ctrl-C ends it.")
            await stop.wait()
        finally:
            await agent.stop()
