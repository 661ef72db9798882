"""Making a collector as its configuration describes it: identity, section, outbox; nothing is started."""

from __future__ import annotations

from pathlib import Path

from agents.collector import CollectorAgent
from agents.identity import Identity, identity_of
from vedette.clock import Clock
from vedette.collection.desk import Mode
from vedette.collection.outfit import Outfit
from vedette.collection.sections import section_of
from vedette.configuration.collector import CollectorSection
from vedette.configuration.fetching import FetchingSection
from vedette.messages.card import Role


def make_collector(
    configuration: CollectorSection,
    *,
    file: Path,
    identity: Identity,
    outbox: Path,
    clock: Clock,
    fetching: FetchingSection,
    outfit: Outfit | None = None,
    once: Mode | None = None,
) -> CollectorAgent:
    """Return the collector that a configuration in `file` describes.

    Raises:
        ConfigurationError: the file of sources is wrong, or a source cannot be collected.
    """
    sources = (file.parent / configuration.sources).resolve()
    return CollectorAgent(
        identity=identity,
        clock=clock,
        section=section_of(configuration, file=file),
        folder=sources.parent,
        outbox=outbox,
        fetching=fetching,
        outfit=outfit,
        once=once,
        target=configuration.up_agent,
        # Once is asked for by a person, who waits for the end and not for a page.
        view_port=None if once else configuration.view_port,
        place=configuration.place,
    )


def collector_identity(name: str, credentials: Path) -> Identity:
    """Return who a collector is.

    Raises:
        ConfigurationError: there are no credentials, or they are of another agent or role.
    """
    return identity_of(name, credentials, Role.COLLECTOR)
