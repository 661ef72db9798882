"""The knowledge graph in a safety copy: copied after the store, so it lacks nothing that the store thinks done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import URL

from registry import graph_tables
from registry.backup_finish import Finished, RestoreOrder
from registry.backup_manifest import BackupError, GraphPart
from registry.backup_postgres import dump_store
from registry.backup_sqlite import copied_facts, copy_store
from registry.engines import is_sqlite, parse_url, place_of
from registry.graph import graph_database, has_graph
from registry.graph_migrations import GRAPH
from vedette.errors import VedetteError

COUNTED: Final = {
    "documents": graph_tables.origin,
    "names": graph_tables.node,
    "mentions": graph_tables.mention,
    "edges": graph_tables.edge,
    "statements": graph_tables.edge_mention,
    "decisions": graph_tables.decision,
}
"""What is counted."""

_NAMES: Final = {True: "graph.db", False: "graph.dump"}


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphFacts:
    """What a graph holds."""

    revision: str
    """Revision of its schema."""
    counts: dict[str, int]
    """Rows of its main tables."""


def read_graph_facts(connection: Connection) -> GraphFacts | None:
    """Return what the graph holds, in the connection's transaction; None where there is none."""
    revision = GRAPH.revision(connection)
    if revision is None:
        return None
    counts = {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in COUNTED.items()
    }
    return GraphFacts(revision=revision, counts=counts)


def is_inside(graph: URL, store: URL) -> bool:
    """Tell whether the graph's tables are in the store's database."""
    return not is_sqlite(graph) and not is_sqlite(store) and place_of(graph) == place_of(store)


def copy_graph(graph_url: str, prepare: Callable[[str], Path]) -> tuple[str, GraphFacts] | None:
    """Copy a graph that has a database of its own, and may be written meanwhile; None where there is none.

    Args:
        graph_url: where it is.
        prepare: says where a part of a name is written.

    Returns:
        The part's name, and what it holds.

    Raises:
        BackupError: it cannot be read, or the copy not be written.
        StoreError: it is being migrated, half restored, or not of this release.
    """
    url = parse_url(graph_url)
    if not has_graph(graph_url):
        return None
    name = _NAMES[is_sqlite(url)]
    target = prepare(name)
    try:
        # Open meanwhile: so nobody migrates it.
        with graph_database(graph_url):
            if is_sqlite(url):
                copy_store(Path(str(url.database)), target)
                facts = copied_facts(target, read_graph_facts)
            else:
                facts = dump_store(url, target, read_graph_facts)
        if facts is None:
            raise BackupError(f"{place_of(url)}: is not a graph")
    except VedetteError:
        # What is no part must not lie among the parts.
        target.unlink(missing_ok=True)
        raise
    return name, facts


def described(facts: GraphFacts | None, *, url: URL, part: str | None) -> GraphPart | None:
    """Return what the manifest says of a graph."""
    if facts is None:
        return None
    dialect = "sqlite" if is_sqlite(url) else "postgresql"
    return GraphPart.model_validate(
        {"dialect": dialect, "revision": facts.revision, "part": part, "counts": facts.counts}
    )


def finish_graph(connection: Connection, order: RestoreOrder) -> Finished:
    """Make a graph's copy one that may be used, in the connection's transaction.

    Raises:
        StoreError: its schema is of a release that this one does not know.
    """
    del order  # It has no log, and no epochs.
    GRAPH.upgrade(connection)
    return Finished(epochs=(), withdrawn=())
