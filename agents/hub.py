"""The hub process: registry and aggregation engine over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from agents.aggregation import AggregationAgent
from agents.base import BaseAgent
from agents.engine_making import make_engine
from agents.hub_graph import open_graph
from agents.identity import Identity
from agents.launcher import local_slots
from agents.misp_making import start_misp
from agents.people_desk import registry_commands
from agents.registry import RegistryAgent
from agents.rt_making import start_rt
from agents.running import RunningAgents
from agents.store_making import graph_reads, notices_of, replica_of, store_of
from behaviours.admit import DirectoryPeers
from behaviours.prune_output import PruneOutput
from behaviours.schedule import RunSchedules
from registry.alarms import Alarms
from registry.database import Database
from registry.directory import Directory
from registry.exports import Exports
from registry.fleet_authorities import authorities
from registry.fleet_evidence import documents_of, trusted_roots
from registry.heads import SignedHeads
from registry.intake import Intake
from registry.job_desk import JobDesk
from registry.job_output import JobOutput
from registry.jobs import Jobs
from registry.notices import Topic
from registry.repair_watch import RepairWatch
from registry.replica import Replica
from registry.schedule_desk import ScheduleDesk
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.people_file import PeopleOfFile
from vedette.evidence.timestamping import TimestampAuthority
from web.api.live import Live
from web.api.service import start_api

Report = Callable[[dict[str, Any]], None]
"""Called with events for whoever started the process."""


async def run_hub(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    local_tsa: str,
    clock: Clock,
    report: Report,
    stop: asyncio.Event,
    api_port: int = 0,
) -> None:
    """Run registry, aggregation, the API, and those agents that are to run here, until `stop` is set.

    Port 0 takes any free one for the API.

    Raises:
        ConfigurationError: credentials or roots cannot be used.
        StoreError: the store cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account, or the API
            cannot listen.
    """
    async with AsyncExitStack() as opened:
        database = store_of(configuration, paths)
        database.open()
        opened.callback(database.close)
        replica = replica_of(configuration, paths, store=database, clock=clock)
        if replica is not None:
            replica.start()
            opened.push_async_callback(replica.stop)
        graph_at = partial(graph_reads, paths, replica=replica)
        graph = opened.enter_context(open_graph(paths.graph_url, store=database, clock=clock, reads=graph_at))
        stamps = authorities(configuration, paths, local_url=local_tsa, clock=clock)
        for authority in stamps:
            opened.push_async_callback(authority.aclose)
        engine = Identity.load(paths.credentials_of(configuration.aggregation.name))
        intake = Intake(database=database, engine=engine.jid, clock=clock)
        await intake.open()

        def heard(event: dict[str, Any]) -> None:
            live.wake()
            report(event)

        started: list[BaseAgent] = []
        running = RunningAgents(started, clock=clock)
        repairs = RepairWatch(
            database=database,
            data=paths.data,
            outboxes=paths.outboxes,
            observer=engine.jid,
            policy=configuration.repairs,
            stamping=running.stamping,
            states=running.states,
            clock=clock,
        )
        registry, aggregation = _agents(
            configuration,
            paths,
            database,
            stamps,
            engine,
            intake,
            running=running,
            repairs=repairs,
            replica=replica,
            clock=clock,
            report=heard,
        )
        live = Live(
            database=database,
            clock=clock,
            intake=intake,
            roots=trusted_roots(configuration, paths),
            committed=aggregation.committed,
            events=None if replica is None else replica.telling(database),
        )

        def noticed(topic: Topic) -> None:
            if replica is not None:
                # Before anybody is woken who asks for it.
                replica.heard()
            live.wake()
            aggregation.noticed(topic)

        notices = notices_of(paths, heard=noticed)
        api = await start_api(
            configuration,
            paths,
            database=database,
            live=live,
            port=api_port,
            clock=clock,
            hub=running,
            graph_store=None if graph is None else graph.database,
            graph=None if graph is None else graph.reading,
            decisions=None if graph is None else graph.decisions,
            replica=replica,
            notices=notices,
        )
        opened.push_async_callback(api.stop)
        live.start()
        notices.start()
        opened.push_async_callback(notices.stop)
        # Streams end before the API stops, which would wait for them.
        opened.push_async_callback(live.stop)
        for agent in (registry, aggregation):
            await agent.start()
            opened.push_async_callback(agent.stop)
            started.append(agent)
        started += await start_rt("hub", configuration, paths, clock=clock, ending=opened)
        started += await start_misp(
            "hub",
            configuration,
            paths,
            database=database,
            graph=None if graph is None else graph.database,
            clock=clock,
            ending=opened,
        )
        report({"event": "ready", "agents": [agent.described() for agent in started], "api": api.url})
        await stop.wait()


def _agents(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    database: Database,
    stamps: list[TimestampAuthority],
    engine: Identity,
    intake: Intake,
    *,
    running: RunningAgents,
    repairs: RepairWatch,
    replica: Replica | None,
    clock: Clock,
    report: Report,
) -> tuple[RegistryAgent, AggregationAgent]:
    directory = Directory(database=database, clock=clock)
    people = PeopleOfFile(paths.file, clock=clock)
    peers, jobs = DirectoryPeers(directory=directory, people=people), Jobs(database=database, clock=clock)
    registry = RegistryAgent(
        identity=Identity.load(paths.credentials_of(configuration.registry.name)),
        clock=clock,
        peers=peers,
        directory=directory,
        heads=SignedHeads(database=database, clock=clock),
        alarms=Alarms(database=database, clock=clock),
        jobs=jobs,
        scope=configuration.jobs.scope,
        people=people,
        desk=registry_commands(
            database=database,
            jobs=jobs,
            scope=configuration.jobs.scope,
            roots=trusted_roots(configuration, paths),
            documents=documents_of(configuration, paths),
            hub=running,
            clock=clock,
            exports=Exports(database=database, clock=clock, sharing=configuration.sharing),
        ),
        slots=local_slots(
            configuration, paths, launcher=f"{configuration.registry.name}@{configuration.xmpp.domain}"
        ),
        pruning=PruneOutput(
            clock=clock,
            agent_name=configuration.registry.name,
            output=JobOutput(database=database, clock=clock),
            days=configuration.jobs.output_days,
            lines=configuration.jobs.output_lines,
        ),
        scheduling=RunSchedules(
            clock=clock,
            agent_name=configuration.registry.name,
            desk=ScheduleDesk(
                database=database,
                desk=JobDesk(jobs=jobs, policy=configuration.jobs.scope, clock=clock),
                clock=clock,
            ),
        ),
        view_port=configuration.registry.view_port,
        place=configuration.registry.place,
        changed=lambda jid, show: report({"event": "presence", "jid": jid, "show": show}),
        repairs=repairs,
        repairs_changed=lambda: report({"event": "repairs"}),
        replica=None if replica is None else replica.state,
    )
    aggregation = make_engine(
        configuration,
        paths,
        section=configuration.aggregation,
        database=database,
        stamps=stamps,
        engine=engine,
        intake=intake,
        peers=peers,
        clock=clock,
        report=report,
    )
    return registry, aggregation
