"""The graph's schema: the same as the tables in the code, beside the store's and apart from it."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from registry import graph_tables
from registry.database import Database
from registry.graph import graph_database
from vedette.errors import StoreError


def test_migrated_graph_is_the_one_in_the_code(empty_url: str) -> None:
    database = graph_database(empty_url)
    database.migrate()

    def is_ours(_object: Any, name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
        return not str(name).startswith(("graph_search", "ix_graph_text"))

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "version_table": "graph_version", "include_object": is_ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), graph_tables.metadata))

    with database:
        assert database.read_sync(differences) == []


def test_graph_and_store_may_share_a_database(store_url: str) -> None:
    """Each has its own version, so that each is migrated by itself."""
    graph = graph_database(store_url)
    with pytest.raises(StoreError, match="vedette migrate"):
        graph.open()

    graph.migrate()
    graph.migrate()

    with graph, Database(store_url) as store:
        assert store.read_sync(lambda connection: connection.execute(text("SELECT count(*) FROM item")).scalar()) == 0
        assert graph.read_sync(lambda connection: inspect(connection).has_table("graph_version"))
