"""The field process: the probes, collectors and gateways of one machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.base import BaseAgent
from agents.connection import ServerAddress
from agents.identity import Identity
from agents.probe import OUTBOX_BYTES, OUTBOX_ITEMS, ProbeAgent
from agents.rt_making import start_rt
from registry.outbox import Outbox
from registry.pauses import Pauses
from registry.spool import Spool
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.probe import ProbeConfiguration, load_probe
from vedette.configuration.probe_name import probe_name
from vedette.errors import ConfigurationError
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

Report = Callable[[dict[str, Any]], None]
"""Called with events for whoever started the process."""


def make_probe(
    configuration: ProbeConfiguration,
    *,
    file: Path,
    identity: Identity,
    outbox: Path,
    clock: Clock,
    once: bool = False,
) -> ProbeAgent:
    """Return the agent that a probe configuration describes; nothing is started.

    Raises:
        ConfigurationError: unknown tool or parser, wrong arguments or target.
    """
    check = Check.from_configuration(configuration, clock=clock, agent=identity.jid, place=str(file))
    schedule = None
    if configuration.period is not None and not once:
        schedule = Schedule(period=configuration.period, start=clock.monotonic(), jitter=configuration.jitter)
    box = Outbox(outbox, agent=identity.jid, clock=clock, limit_items=OUTBOX_ITEMS, limit_bytes=OUTBOX_BYTES)
    return ProbeAgent(
        identity=identity,
        clock=clock,
        check=check,
        schedule=schedule,
        outbox=box,
        spool=Spool(outbox.with_suffix(".documents"), outbox=box),
        target=configuration.up_agent,
        view_port=None if once else configuration.view_port or 0,
        place=configuration.place,
        # Once is asked for by a person: a pause is not for that.
        pauses=None if once else Pauses(outbox.with_suffix(".paused")),
    )


async def run_field(
    configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, report: Report, stop: asyncio.Event
) -> None:
    """Run all probes, collectors and gateways, and the RT agents where they are to run here, until `stop` is set.

    Raises:
        ConfigurationError: a probe's or collector's file or credentials cannot be used.
        StoreError: an outbox or the graph cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account.
    """
    probes = [_probe(paths.near(name), paths, clock=clock) for name in configuration.probes]
    async with AsyncExitStack() as ending:
        for probe in probes:
            await probe.outbox.open()
            ending.push_async_callback(probe.outbox.close)
            ending.push_async_callback(probe.stop)
            await probe.start()
        collectors = await _start_collectors(configuration, paths, clock=clock, ending=ending)
        gateways = await _start_gateways(configuration, paths, clock=clock, ending=ending)
        readers = await start_rt("field", configuration, paths, clock=clock, ending=ending)
        agents = (*probes, *collectors, *gateways, *readers)
        report({"event": "ready", "agents": [agent.described() for agent in agents]})
        await stop.wait()


async def _start_gateways(
    configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, ending: AsyncExitStack
) -> list[BaseAgent]:
    if not configuration.gateways:
        return []
    # Only now: the broker's protocol is memory that a field of probes does not need.
    from agents.gateway_making import start_gateways

    return await start_gateways(configuration, paths, clock=clock, ending=ending)


async def _start_collectors(
    configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, ending: AsyncExitStack
) -> list[BaseAgent]:
    """Start the collectors; `ending` stops them, and closes what they share."""
    if not configuration.collectors:
        return []
    # Only now: parsers and patterns are memory that a field of probes does not need.
    from agents.collector_making import collector_identity, make_collector
    from vedette.collection.outfit import Outfit

    outfit = Outfit(clock=clock, fetching=configuration.fetching)
    ending.push_async_callback(outfit.aclose)
    started: list[BaseAgent] = []
    for section in configuration.collectors:
        collector = make_collector(
            section,
            file=paths.file,
            identity=collector_identity(section.name, paths.credentials_of(section.name)),
            outbox=paths.outbox_of(section.name),
            clock=clock,
            fetching=configuration.fetching,
            outfit=outfit,
        )
        ending.push_async_callback(collector.stop)
        await collector.start()
        started.append(collector)
    return started


def _probe(file: Path, paths: FleetPaths, *, clock: Clock) -> ProbeAgent:
    configuration = load_probe(file)
    name = probe_name(configuration, file)
    own = paths.credentials_of(name)
    return make_probe(
        configuration,
        file=file,
        identity=probe_identity(configuration, file=file, credentials=own if own.is_file() else None),
        outbox=paths.outbox_of(name),
        clock=clock,
    )


def probe_identity(configuration: ProbeConfiguration, *, file: Path, credentials: Path | None) -> Identity:
    """Return who a probe is: its credentials, and what its configuration says instead.

    Credentials are looked for where the argument or the configuration says, else in `var/credentials`
    beside the configuration, where the fleet keeps them.

    Raises:
        ConfigurationError: there are none, or they are another agent's.
    """
    name = probe_name(configuration, file)
    chosen = credentials or configuration.credentials or file.parent / "var" / "credentials" / f"{name}.json"
    if not chosen.is_file():
        raise ConfigurationError(
            str(file), "credentials", f"{chosen} does not exist; make it with: vedette enroll {name} --role probe"
        )
    identity = Identity.load(chosen)
    if configuration.jid is not None and configuration.jid.partition("/")[0] != identity.jid:
        raise ConfigurationError(str(file), "jid", f"is {configuration.jid}, but {chosen} is of {identity.jid}")
    changes: dict[str, Any] = {}
    if configuration.passwd is not None:
        changes["password"] = configuration.passwd.get_secret_value()
    if configuration.server is not None or configuration.ca is not None:
        changes["server"] = _server(configuration, identity.server)
    return replace(identity, **changes)


def _server(configuration: ProbeConfiguration, known: ServerAddress) -> ServerAddress:
    ca_file = configuration.ca or known.ca_file
    if configuration.server is None:
        return replace(known, ca_file=ca_file)
    return ServerAddress.parse(configuration.server, ca_file=ca_file)
