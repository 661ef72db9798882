"""The custody of an engine's evidence, as the configuration wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from behaviours.custody import Custody
from behaviours.revocation import MAX_LIST, TIME_LIMIT
from registry.database import Database
from registry.duties import Duties
from registry.fleet_evidence import documents_of, known_roots
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.evidence.timestamping import TimestampAuthority
from vedette.fetching.client import HttpFetcher

if TYPE_CHECKING:
    from registry.graph_forgetting import GraphForgetting


def custody_of(
    configuration: FleetConfiguration,
    paths: FleetPaths,
    *,
    database: Database,
    engine: str,
    authorities: Sequence[TimestampAuthority],
    clock: Clock,
    duties: Duties | None = None,
    documents: bool = True,
) -> Custody:
    """Return what keeps the evidence of `engine`'s chains; renewals serve all engines of the store.

    Without `documents`, as on a host that has not their folder, it leaves to others what needs them.

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
        documents=documents_of(configuration, paths) if documents else None,
        rules=[policy.rule for policy in configuration.retention],
        retention_rate=configuration.evidence.retention_rate,
        forgetting=_forgetting(configuration, paths, database=database, clock=clock),
        duties=duties,
    )


def _forgetting(
    configuration: FleetConfiguration, paths: FleetPaths, *, database: Database, clock: Clock
) -> GraphForgetting:
    """Return who deletes in the graph the texts of deleted payloads, and takes back what they said where wanted."""
    policies = [policy.name for policy in configuration.retention if policy.graph == "goes"]
    # Only now: the graph's ontology is memory that others do not need.
    from registry.graph_forgetting import GraphForgetting

    return GraphForgetting(store=database, graph_url=paths.graph_url, policies=policies, clock=clock)
