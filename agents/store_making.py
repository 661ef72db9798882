"""The store of a process that works on it, as the configuration has it, and the notices of what others commit."""

from __future__ import annotations

from registry.database import Database
from registry.notices import Heard, Notices
from vedette.configuration.fleet import FleetConfiguration, FleetPaths


def store_of(configuration: FleetConfiguration, paths: FleetPaths) -> Database:
    """Return the store, not open yet.

    Raises:
        StoreError: its URL cannot be used.
    """
    return Database(
        paths.store_url,
        readers=configuration.store_connections,
        pooled=configuration.store_listen is not None,
    )


def listen_to(configuration: FleetConfiguration, paths: FleetPaths, *, heard: Heard) -> Notices:
    """Begin to listen to what others commit; with SQLite there is nothing to hear."""
    notices = Notices(configuration.store_listen or paths.store_url, heard=heard)
    notices.start()
    return notices
