"""The agent of a fleet that exports: in its hub, or in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Literal

from agents.base import BaseAgent
from agents.identity import identity_of
from registry.database import Database
from registry.graph import graph_if_possible
from registry.queue_bindings import Asker
from registry.queues import Queues
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.messages.card import Role


async def run_misp(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    clock: Clock,
    report: Callable[[dict[str, Any]], None],
    stop: asyncio.Event,
) -> None:
    """Run the agent until `stop` is set; `report` is called with events for whoever started the process.

    Raises:
        ConfigurationError: credentials or a destination cannot be used.
        StoreError: the store cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
    """
    async with AsyncExitStack() as ending:
        database = ending.enter_context(Database(paths.store_url))
        graph = ending.enter_context(graph_if_possible(paths.graph_url, who="misp"))
        started = await start_misp(
            "own", configuration, paths, database=database, graph=graph, clock=clock, ending=ending
        )
        report({"event": "ready", "agents": [agent.described() for agent in started]})
        await stop.wait()


async def start_misp(
    place: Literal["hub", "own"],
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    graph: Database | None,
    clock: Clock,
    ending: AsyncExitStack,
) -> list[BaseAgent]:
    """Start the agent where it is to run in this kind of process; `ending` stops it.

    Args:
        place: the kind of process.
        configuration: the fleet's.
        paths: where it keeps things.
        database: the store, open.
        graph: the knowledge graph, open; None: scans and proofs are shared without it.
        clock: tells the time.
        ending: stops what was started.

    Raises:
        ConfigurationError: credentials or a destination cannot be used.
        StoreError: the store cannot be read or written.
        RefusedError: the queue is somebody else's.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
    """
    section = configuration.sharing
    if not section.names or section.process != place:
        return []
    # Only now: who shares nothing needs none of it in memory.
    from agents.misp import PATTERNS, MispAgent
    from registry.sharing_making import sharing_of

    identity = identity_of(section.name, paths.credentials_of(section.name), Role.MISP)
    # Here, and not when it is connected: what probes bring meanwhile is shared, too.
    asker = Asker(jid=identity.jid, role=Role.MISP)
    queues = Queues(database=database, clock=clock)
    await queues.bind(section.queue, owner=Role.MISP, asker=asker, patterns=PATTERNS)
    sharing = await sharing_of(configuration, paths, database=database, graph=graph, name=identity.jid, clock=clock)
    agent = MispAgent(
        identity=identity,
        clock=clock,
        sharing=sharing,
        section=section,
        view_port=section.view_port,
        place=section.place,
    )
    ending.push_async_callback(agent.stop)
    await agent.start()
    return [agent]
