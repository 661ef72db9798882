"""Making gateways as their configuration describes them, and starting those of a fleet."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from agents.base import BaseAgent
from agents.gateway import GatewayAgent
from agents.identity import Identity, identity_of
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.gateway import GatewaySection
from vedette.gateway.broker import BrokerAccess
from vedette.messages.card import Role


def make_gateway(
    section: GatewaySection, *, file: Path, identity: Identity, outbox: Path, clock: Clock
) -> GatewayAgent:
    """Return the gateway that a configuration in `file` describes; nothing is started.

    Raises:
        ConfigurationError: the hub's address in its credentials cannot be used.
    """
    return GatewayAgent(
        identity=identity,
        clock=clock,
        section=section,
        access=BrokerAccess.of(section, folder=file.parent),
        outbox=outbox,
        view_port=section.view_port,
    )


async def start_gateways(
    configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, ending: AsyncExitStack
) -> list[BaseAgent]:
    """Start the gateways of a fleet; `ending` stops them.

    Raises:
        ConfigurationError: credentials cannot be used.
        StoreError: an outbox cannot be opened.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses an account.
    """
    started: list[BaseAgent] = []
    for section in configuration.gateways:
        gateway = make_gateway(
            section,
            file=paths.file,
            identity=identity_of(section.name, paths.credentials_of(section.name), Role.GATEWAY),
            outbox=paths.outbox_of(section.name),
            clock=clock,
        )
        ending.push_async_callback(gateway.stop)
        await gateway.start()
        started.append(gateway)
    return started
