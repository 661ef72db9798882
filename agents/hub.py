"""The hub process: registry and aggregation engine over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from agents.aggregation import AggregationAgent
from agents.base import BaseAgent
from agents.custody import custody_of
from agents.hub_graph import open_graph
from agents.identity import Identity
from agents.launcher import local_slots
from agents.misp_making import start_misp
from agents.people_desk import registry_commands
from agents.registry import RegistryAgent
from agents.rt_making import start_rt
from agents.running import RunningAgents
from behaviours.admit import DirectoryPeers
from behaviours.checkpoint import PublishCheckpoints
from behaviours.prune_output import PruneOutput
from behaviours.schedule import RunSchedules
from behaviours.timestamp import BatchPolicy
from registry.alarms import Alarms
from registry.checkpoint_folder import CheckpointFolder
from registry.content import ContentFolder
from registry.correlation import Correlation
from registry.database import Database
from registry.directory import Directory
from registry.event_feed import EventFeed
from registry.exports import Exports
from registry.finding_list import FindingList
from registry.fleet_authorities import authorities
from registry.fleet_evidence import documents_of, trusted_roots
from registry.heads import SignedHeads
from registry.intake import Intake
from registry.job_desk import JobDesk
from registry.job_output import JobOutput
from registry.jobs import Jobs
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from registry.repair_watch import RepairWatch
from registry.roots import Roots
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
        database = Database(paths.store_url)
        database.open()
        opened.callback(database.close)
        graph = opened.enter_context(open_graph(paths.graph_url, store=database, clock=clock))
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
            clock=clock,
            report=heard,
        )
        live = Live(
            database=database,
            clock=clock,
            intake=intake,
            roots=trusted_roots(configuration, paths),
            committed=aggregation.committed,
        )
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
        )
        opened.push_async_callback(api.stop)
        live.start()
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
    )
    aggregation = AggregationAgent(
        identity=engine,
        clock=clock,
        peers=peers,
        intake=intake,
        refusals=Refusals(database=database),
        proofs=Proofs(database=database, engine=engine.jid, clock=clock),
        queues=Queues(database=database, clock=clock),
        proof_progress=ProofProgress(database=database, engine=engine.jid),
        events=EventFeed(database=database, engine=engine.jid),
        findings=FindingList(database=database),
        authorities=stamps,
        policy=BatchPolicy(items=configuration.batch.items, seconds=configuration.batch.seconds),
        progress=report,
        custody=custody_of(
            configuration, paths, database=database, engine=engine.jid, authorities=stamps, clock=clock
        ),
        checkpoints=_checkpoints(configuration, paths, engine, database=database, clock=clock),
        correlation=Correlation(
            database=database,
            engine=engine.jid,
            clock=clock,
            policy=configuration.correlation,
            documents=ContentFolder(paths.documents, limit=configuration.api.document_limit),
        ),
        view_port=configuration.aggregation.view_port,
        place=configuration.aggregation.place,
    )
    return registry, aggregation


def _checkpoints(
    configuration: FleetConfiguration, paths: FleetPaths, engine: Identity, *, database: Database, clock: Clock
) -> PublishCheckpoints | None:
    """Return what publishes the roots of the engine's batches, where the configuration wants that."""
    folder = configuration.evidence.checkpoints
    if folder is None:
        return None
    return PublishCheckpoints(
        clock=clock,
        engine=engine.jid,
        roots=Roots(database=database, engine=engine.jid),
        folder=CheckpointFolder(paths.near(folder)),
        alarms=Alarms(database=database, clock=clock),
        key=engine.key,
    )
