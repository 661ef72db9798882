"""The RT agents of a fleet: in its hub, with its probes and collectors, or in a process of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from agents.base import BaseAgent
from agents.identity import identity_of
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.rt import Place
from vedette.messages.card import Role


async def run_rt(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    clock: Clock,
    report: Callable[[dict[str, Any]], None],
    stop: asyncio.Event,
) -> None:
    """Run the RT agents until `stop` is set; `report` is called with events for whoever started the process.

    Raises:
        ConfigurationError: credentials cannot be used.
        StoreError: the graph cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account.
    """
    async with AsyncExitStack() as ending:
        readers = await start_rt("own", configuration, paths, clock=clock, ending=ending)
        report({"event": "ready", "agents": [agent.described() for agent in readers]})
        await stop.wait()


async def start_rt(
    place: Place, configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, ending: AsyncExitStack
) -> list[BaseAgent]:
    """Start the RT agents that are to run in this kind of process; `ending` stops them, and closes what they share.

    Raises:
        ConfigurationError: credentials cannot be used.
        StoreError: the graph cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account.
    """
    section = configuration.rt
    if not section.names or section.process != place:
        return []
    # Only now: the graph's ontology and its database's driver are memory that others do not need.
    from agents.rt import RtAgent, RtOutfit

    outfit = RtOutfit(graph_url=paths.graph_url, configuration=section, clock=clock)
    await ending.enter_async_context(outfit)
    started: list[BaseAgent] = []
    for name in section.names:
        reader = RtAgent(
            identity=identity_of(name, paths.credentials_of(name), Role.RT),
            clock=clock,
            outfit=outfit,
            # One port is one agent's.
            view_port=section.view_port if section.agents == 1 else 0,
            place=section.place,
        )
        ending.push_async_callback(reader.stop)
        await reader.start()
        started.append(reader)
    return started
