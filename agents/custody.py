"""The custody of an engine's evidence, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Sequence

from behaviours.custody import Custody
from behaviours.revocation import MAX_LIST, TIME_LIMIT
from registry.content import ContentFolder
from registry.database import Database
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.timestamping import TimestampAuthority
from vedette.fetching.client import HttpFetcher
from vedette.log import logger


def trusted_roots(configuration: FleetConfiguration, paths: FleetPaths) -> dict[str, TrustRoots]:
    """Return the roots of each configured authority by its name.

    Raises:
        ConfigurationError: a file of roots cannot be used.
    """
    files = {one.name: paths.roots if one.roots is None else paths.near(one.roots) for one in configuration.tsa}
    return {name: TrustRoots.load(file) for name, file in files.items()}


def known_roots(configuration: FleetConfiguration, paths: FleetPaths) -> dict[str, TrustRoots]:
    """Return the roots of each authority that is or was configured: for judging what they proved, nothing new.

    Raises:
        ConfigurationError: a file of a configured authority's roots cannot be used.
    """
    found = trusted_roots(configuration, paths)
    for file in sorted(paths.external_roots.glob("*.pem")):
        if file.stem not in found:
            try:
                found[file.stem] = TrustRoots.load(file)
            except ConfigurationError as error:
                logger("custody").warning("roots not used", file=str(file), reason=str(error))
    return found


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
    limits = configuration.fetching.limits.at_most(max_bytes=MAX_LIST, seconds=TIME_LIMIT)
    return Custody(
        database=database,
        engine=engine,
        clock=clock,
        authorities=authorities,
        roots=known_roots(configuration, paths),
        fetcher=HttpFetcher(policy=configuration.fetching.policy, limits=limits),
        rate=configuration.evidence.sweep_rate,
        documents=documents_of(configuration, paths),
        rules=[policy.rule for policy in configuration.retention],
        retention_rate=configuration.evidence.retention_rate,
    )
