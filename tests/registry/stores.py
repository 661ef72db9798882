"""What the tests copy to have a store or a graph: made once in a process, whichever folder's tests ask first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.database import Database
from registry.graph import graph_database
from tests.registry.pool import DatabasePool
from tests.registry.postgresql import postgres_sql, postgres_url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite store to copy: migrating takes a second, copying none."""
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_folder: Path) -> Path:
    """A server with a migrated database `migrated` to copy."""
    postgres_sql(postgres_folder, "CREATE DATABASE migrated")
    database = Database(postgres_url(postgres_folder, "migrated"))
    database.migrate()
    database.close()
    return postgres_folder


@pytest.fixture(scope="session")
def postgres_stores(migrated_postgres: Path) -> DatabasePool:
    """Migrated stores on PostgreSQL, to lend."""
    return DatabasePool(folder=migrated_postgres, template="migrated")


@pytest.fixture(scope="session")
def migrated_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite graph to copy."""
    path = tmp_path_factory.mktemp("graph") / "migrated.db"
    graph_database(f"sqlite:///{path}").migrate()
    return path


@pytest.fixture(scope="session")
def migrated_postgres_graph(postgres_folder: Path) -> Path:
    """A server with a migrated graph `migrated_graph` to copy."""
    postgres_sql(postgres_folder, "CREATE DATABASE migrated_graph")
    graph_database(postgres_url(postgres_folder, "migrated_graph")).migrate()
    return postgres_folder


@pytest.fixture(scope="session")
def postgres_graphs(migrated_postgres_graph: Path) -> DatabasePool:
    """Migrated graphs on PostgreSQL, to lend."""
    return DatabasePool(folder=migrated_postgres_graph, template="migrated_graph")


@pytest.fixture(scope="session")
def put_databases(migrated_file: Path, migrated_graph: Path) -> Callable[[Path], None]:
    """Puts a new store and graph where the fleet of a folder has them; it would make them in a process of its own."""

    def put(folder: Path) -> None:
        data = folder / "var"
        data.mkdir(mode=0o700)
        for source, name in ((migrated_file, "store.db"), (migrated_graph, "graph.db")):
            shutil.copy(source, data / name)

    return put
