"""The hub process: registry and aggregation engine over one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agents.aggregation import AggregationAgent
from agents.base import BaseAgent
from agents.custody import custody_of
from agents.identity import Identity
from agents.registry import RegistryAgent
from behaviours.admit import DirectoryPeers
from behaviours.timestamp import BatchPolicy
from registry.database import Database
from registry.directory import Directory
from registry.event_feed import EventFeed
from registry.intake import Intake
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from vedette.clock import Clock
from vedette.configuration.fleet import AuthoritySection, FleetConfiguration, FleetPaths
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.timestamping import HttpAuthority, TimestampAuthority
from web.api.server import ApiServer
from web.api.service import start_api

Report = Callable[[dict[str, Any]], None]
"""Called with events for whoever started the process."""


def authorities(
    configuration: FleetConfiguration, paths: FleetPaths, *, local_url: str, clock: Clock
) -> list[TimestampAuthority]:
    """Return the configured time-stamping authorities.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    return [_authority(section, paths, local_url=local_url, clock=clock) for section in configuration.tsa]


def _authority(section: AuthoritySection, paths: FleetPaths, *, local_url: str, clock: Clock) -> TimestampAuthority:
    roots = paths.roots if section.roots is None else paths.near(section.roots)
    untrusted = () if section.untrusted is None else TrustRoots.load(paths.near(section.untrusted)).certificates
    return HttpAuthority(
        name=section.name,
        url=local_url if section.local else section.url,
        roots=TrustRoots.load(roots),
        external=not section.local,
        policy=section.policy,
        untrusted=untrusted,
        time_limit=section.time_limit,
        clock=clock,
    )


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
    """Run registry, aggregation and the API until `stop` is set; port 0 takes any free one for the API.

    Raises:
        ConfigurationError: credentials or roots cannot be used.
        StoreError: the store cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account, or the API
            cannot listen.
    """
    stamps = authorities(configuration, paths, local_url=local_tsa, clock=clock)
    database = Database(paths.store_url)
    database.open()
    started: list[BaseAgent] = []
    api: ApiServer | None = None
    try:
        api = await start_api(configuration, paths, database=database, port=api_port, clock=clock)
        for agent in await _agents(configuration, paths, database, stamps, clock=clock, report=report):
            await agent.start()
            started.append(agent)
        report({"event": "ready", "agents": [_described(agent) for agent in started], "api": api.url})
        await stop.wait()
    finally:
        for agent in reversed(started):
            await agent.stop()
        if api is not None:
            await api.stop()
        for authority in stamps:
            await authority.aclose()
        database.close()


async def _agents(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    database: Database,
    stamps: list[TimestampAuthority],
    *,
    clock: Clock,
    report: Report,
) -> list[BaseAgent]:
    directory = Directory(database=database, clock=clock)
    peers = DirectoryPeers(directory=directory)
    engine = Identity.load(paths.credentials_of(configuration.aggregation.name))
    intake = Intake(database=database, engine=engine.jid, clock=clock)
    await intake.open()
    registry = RegistryAgent(
        identity=Identity.load(paths.credentials_of(configuration.registry.name)),
        clock=clock,
        peers=peers,
        directory=directory,
        view_port=configuration.registry.view_port,
        place=configuration.registry.place,
        changed=lambda jid, show: report({"event": "presence", "jid": jid, "show": show}),
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
        authorities=stamps,
        policy=BatchPolicy(items=configuration.batch.items, seconds=configuration.batch.seconds),
        progress=report,
        custody=custody_of(
            configuration, paths, database=database, engine=engine.jid, authorities=stamps, clock=clock
        ),
        view_port=configuration.aggregation.view_port,
        place=configuration.aggregation.place,
    )
    return [registry, aggregation]


def _described(agent: BaseAgent) -> dict[str, str]:
    return {"jid": agent.identity.jid, "role": agent.identity.role.value, "view": agent.address}
