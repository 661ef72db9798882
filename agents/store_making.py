"""The store of a process that works on it, as the configuration has it, and the notices of what others commit."""

from __future__ import annotations

from registry.backup_graph import is_inside
from registry.database import Database
from registry.engines import parse_url
from registry.notices import Heard, Notices
from registry.reading import Reads
from registry.replica import Replica
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths


def store_of(configuration: FleetConfiguration, paths: FleetPaths) -> Database:
    """Return the store, not open yet.

    Raises:
        StoreError: its URL cannot be used.
    """
    return Database(paths.store_url, readers=configuration.store_connections)


def notices_of(paths: FleetPaths, *, heard: Heard) -> Notices:
    """Return who listens to what others commit, not started; with SQLite there is nothing to hear."""
    return Notices(paths.direct_store_url, heard=heard)


def replica_of(
    configuration: FleetConfiguration, paths: FleetPaths, *, store: Database, clock: Clock
) -> Replica | None:
    """Return the store's replica, not looked at yet; None: there is none.

    Raises:
        StoreError: its URL cannot be used.
    """
    if configuration.replica is None:
        return None
    return Replica(
        configuration.replica,
        store=store,
        most_lag=configuration.replica_lag,
        clock=clock,
        readers=configuration.store_connections,
    )


def graph_reads(paths: FleetPaths, graph: Database, *, replica: Replica | None) -> Reads:
    """Return where the graph is read: at the replica, if it is in the store's database and so there, too."""
    if replica is None or not is_inside(parse_url(paths.graph_url), parse_url(paths.store_url)):
        return graph
    return replica.reader(graph)
