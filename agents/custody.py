"""The custody of an engine's evidence, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Sequence

from behaviours.custody import Custody
from registry.content import ContentFolder
from registry.database import Database
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.revocation_source import HttpRevocationSource
from vedette.evidence.timestamping import TimestampAuthority


def trusted_roots(configuration: FleetConfiguration, paths: FleetPaths) -> dict[str, TrustRoots]:
    """Return the roots of each configured authority by its name.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    files = {one.name: paths.roots if one.roots is None else paths.near(one.roots) for one in configuration.tsa}
    return {name: TrustRoots.load(file) for name, file in files.items()}


def documents_of(configuration: FleetConfiguration, paths: FleetPaths) -> ContentFolder:
    """Return the folder of the fleet's documents."""
    return ContentFolder(paths.documents, limit=configuration.api.document_limit)


def custody_of(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    engine: str,
    authorities: Sequence[TimestampAuthority],
    clock: Clock,
) -> Custody:
    """Return what keeps the evidence of `engine`'s chains; renewals serve all engines of the store.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    return Custody(
        database=database,
        engine=engine,
        clock=clock,
        authorities=authorities,
        roots=trusted_roots(configuration, paths),
        source=HttpRevocationSource(own_hosts=configuration.evidence.own_hosts),
        rate=configuration.evidence.sweep_rate,
        documents=documents_of(configuration, paths),
    )
