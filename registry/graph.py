"""The knowledge graph's database: by URL like the store, with a schema of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from registry.database import Database
from registry.engines import is_sqlite, parse_url, place_of, reading_engine
from registry.graph_migrations import GRAPH
from registry.restore_marks import mark_of
from vedette.configuration.database_url import is_pooled
from vedette.errors import StoreError
from vedette.log import logger


def graph_database(url: str, *, lock_wait: float = 5.0) -> Database:
    """Describe the graph at a URL; nothing is opened yet. `migrate` makes it, or brings it to this release's schema.

    Args:
        url: `sqlite:///path`, or `postgresql+psycopg://…`: there it may share the store's database.
        lock_wait: seconds to wait for a migration to end, or for users of the graph before one.

    Raises:
        StoreError: the URL is not one of the two forms.
    """
    return Database(url, lock_wait=lock_wait, schema=GRAPH)


@contextmanager
def graph_if_possible(url: str, *, who: str) -> Iterator[Database | None]:
    """Open the graph; None where that cannot be, which is logged: evidence does not wait for knowledge.

    Raises:
        StoreError: the URL is none of a graph.
    """
    database = graph_database(url)
    try:
        database.open()
    except StoreError as error:
        logger(who).error("there is no knowledge graph", reason=str(error))
        yield None
        return
    with closing(database):
        yield database


def has_graph(url: str) -> bool:
    """Tell whether there is a graph at a URL, of whatever release and state.

    Raises:
        StoreError: the URL is none of a graph, or the database does not answer.
    """
    parsed = parse_url(url)
    if is_sqlite(parsed):
        file = Path(str(parsed.database))
        return file.exists() or mark_of(file).exists()
    engine = reading_engine(parsed, pooled=is_pooled(url))
    try:
        with engine.connect() as connection:
            return GRAPH.revision(connection) is not None
    except SQLAlchemyError as error:
        raise StoreError(f"{place_of(parsed)}: cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
