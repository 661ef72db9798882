"""The aggregation engines of a fleet: one in its hub, more in processes of their own, all over one PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from agents.aggregation import AggregationAgent
from agents.custody import custody_of
from agents.identity import Identity, identity_of
from agents.store_making import notices_of, store_of
from behaviours.admit import DirectoryPeers
from behaviours.checkpoint import PublishCheckpoints
from behaviours.stand_in import StandIn
from behaviours.timestamp import BatchPolicy
from registry.alarms import Alarms
from registry.away_documents import AwayDocuments
from registry.checkpoint_folder import CheckpointFolder
from registry.correlation import Correlation
from registry.database import Database
from registry.directory import Directory
from registry.duties import Duties, Duty
from registry.event_feed import EventFeed
from registry.finding_list import FindingList
from registry.fleet_authorities import authorities
from registry.fleet_evidence import documents_of
from registry.intake import Intake
from registry.leases import Leases
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from registry.roots import Roots
from vedette.clock import Clock
from vedette.configuration.agent import AgentSection, EngineSection
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.people_file import PeopleOfFile
from vedette.errors import ConfigurationError
from vedette.evidence.timestamping import TimestampAuthority
from vedette.messages.card import Role

Report = Callable[[dict[str, Any]], None]
"""Called with events for whoever started the process."""


async def run_engine(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    name: str,
    local_tsa: str,
    clock: Clock,
    report: Report,
    stop: asyncio.Event,
) -> None:
    """Run one engine besides the hub's until `stop` is set.

    Raises:
        ConfigurationError: there is none of this name, or credentials or roots cannot be used.
        StoreError: the store cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
    """
    section = section_of(configuration, paths, name=name)
    async with AsyncExitStack() as opened:
        database = store_of(configuration, paths)
        database.open()
        opened.callback(database.close)
        stamps = authorities(configuration, paths, local_url=local_tsa, clock=clock)
        for authority in stamps:
            opened.push_async_callback(authority.aclose)
        engine = identity_of(name, paths.credentials_of(name), Role.AGGREGATION)
        intake = Intake(database=database, engine=engine.jid, clock=clock)
        await intake.open()
        agent = make_engine(
            configuration,
            paths,
            section=section,
            database=database,
            stamps=stamps,
            engine=engine,
            intake=intake,
            peers=DirectoryPeers(
                directory=Directory(database=database, clock=clock), people=PeopleOfFile(paths.file, clock=clock)
            ),
            clock=clock,
            report=report,
            documents=section.documents == "here",
        )
        opened.push_async_callback(agent.stop)
        await agent.start()
        notices = notices_of(paths, heard=agent.noticed)
        notices.start()
        opened.push_async_callback(notices.stop)
        report({"event": "ready", "agents": [agent.described()]})
        await stop.wait()


def section_of(configuration: FleetConfiguration, paths: FleetPaths, *, name: str) -> EngineSection:
    """Return what is configured for one of the engines besides the hub's.

    Raises:
        ConfigurationError: there is none of this name.
    """
    found = next((section for section in configuration.engines if section.name == name), None)
    if found is None:
        known = ", ".join(section.name for section in configuration.engines) or "none"
        raise ConfigurationError(str(paths.file), "engines", f"there is no engine {name}; there are: {known}")
    return found


def make_engine(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    section: AgentSection,
    database: Database,
    stamps: list[TimestampAuthority],
    engine: Identity,
    intake: Intake,
    peers: DirectoryPeers,
    clock: Clock,
    report: Report,
    documents: bool = True,
) -> AggregationAgent:
    """Return an engine over an open store; without `documents` it has not the folder of the fleet's documents.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    duties = Duties(engine.jid, leased=database.dialect == "postgresql")
    # What needs the documents is left to who has them.
    able = [duty for duty in Duty if documents or duty is Duty.REVOCATION]
    leases = Leases(database=database, engine=engine.jid, life=secrets.token_hex(8), duties=able)
    return AggregationAgent(
        identity=engine,
        clock=clock,
        peers=peers,
        intake=intake,
        refusals=Refusals(database=database),
        proofs=Proofs(database=database, engine=engine.jid, clock=clock, duties=duties),
        queues=Queues(database=database, clock=clock),
        proof_progress=ProofProgress(database=database, engine=engine.jid),
        events=EventFeed(database=database, engine=engine.jid),
        findings=FindingList(database=database),
        authorities=stamps,
        policy=BatchPolicy(items=configuration.batch.items, seconds=configuration.batch.seconds),
        progress=report,
        custody=custody_of(
            configuration,
            paths,
            database=database,
            engine=engine.jid,
            authorities=stamps,
            clock=clock,
            duties=duties,
            documents=documents,
        ),
        checkpoints=_checkpoints(configuration, paths, engine, database=database, clock=clock),
        correlation=Correlation(
            database=database,
            engine=engine.jid,
            clock=clock,
            policy=configuration.correlation,
            documents=documents_of(configuration, paths) if documents else _away(engine),
            duties=duties,
        ),
        engines=[f"{name}@{configuration.xmpp.domain}" for name in configuration.engine_names],
        standing_in=StandIn(clock=clock, leases=leases, duties=duties),
        view_port=section.view_port,
        place=section.place,
    )


def _away(engine: Identity) -> AwayDocuments | None:
    """Return the documents at the hub, None where the credentials do not say where that is."""
    return None if engine.documents is None else AwayDocuments(engine.documents.client)


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
