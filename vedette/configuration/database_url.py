"""URLs of databases as a configuration has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs

from vedette.configuration.loading import KeyedError

POOLED: Final = "pooled"
"""In the query of a PostgreSQL URL, with any value: a pooler hands each transaction another connection."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True, kw_only=True)
class DatabaseUrls:
    """Where a fleet's databases are."""

    store: str
    """The store; marked as pooled where a pooler is in front of it."""
    graph: str
    """The knowledge graph; likewise."""
    direct_store: str
    """The store without a pooler: what sets up a whole connection for itself would set up somebody else's there."""
    direct_graph: str
    """The knowledge graph; likewise."""

    @classmethod
    def of(cls, *, store: str, graph: str | None, listen: str | None, folder: Path) -> Self:
        """Return them as configured.

        Args:
            store: URL of the store.
            graph: URL of the knowledge graph; None: beside the store.
            listen: URL of the store without the pooler that `store` goes through; None: there is none.
            folder: what a relative SQLite file is relative to: the configuration's.
        """
        store = database_url(store, folder=folder)
        graph = _beside(store) if graph is None else database_url(graph, folder=folder)
        if listen is None or store.startswith(_SQLITE):
            return cls(store=store, graph=graph, direct_store=store, direct_graph=graph)
        direct = _at(listen, graph) if _server(graph) == _server(store) else graph
        # At a server that is neither's there may be a pooler, too.
        known = graph.startswith(_SQLITE) or _server(graph) == _server(listen)
        return cls(
            store=pooled(store), graph=graph if known else pooled(graph), direct_store=listen, direct_graph=direct
        )


def database_url(url: str, *, folder: Path) -> str:
    """Return the URL of a database; a relative SQLite file is relative to `folder`, the configuration's."""
    scheme, path = url[: len(_SQLITE)], url[len(_SQLITE) :]
    return f"{_SQLITE}{(folder / path).resolve()}" if scheme == _SQLITE and path else url


def pooled(url: str) -> str:
    """Return the URL of a PostgreSQL database marked as pooled."""
    if is_pooled(url):
        return url
    return f"{url}{'&' if '?' in url else '?'}{POOLED}=yes"


def is_pooled(url: str) -> bool:
    """Tell whether a URL is marked as pooled."""
    return POOLED in parse_qs(url.partition("?")[2], keep_blank_values=True)


def check_replica(replica: str | None, *, store: str | None) -> None:
    """Check that a store can have this replica.

    Raises:
        KeyedError: one of the two is not PostgreSQL.
    """
    if replica is None:
        return
    if store is None or not store.startswith("postgresql"):
        raise KeyedError("replica", "only PostgreSQL has replicas; set 'store' to postgresql+psycopg://…")
    if not replica.startswith("postgresql"):
        raise KeyedError("replica", "must be postgresql+psycopg://…, as the store")


def _beside(store: str) -> str:
    """Return where the graph is unless the configuration says otherwise."""
    if not store.startswith(_SQLITE):
        return store
    return f"{_SQLITE}{Path(store.removeprefix(_SQLITE)).with_name('graph.db')}"


def _server(url: str) -> tuple[str, list[str], list[str]]:
    """Return what tells one server from another: host and port, wherever the URL has them."""
    head, _, query = url.partition("?")
    given = parse_qs(query)
    host = head.partition("://")[2].rpartition("/")[0].rpartition("@")[2]
    return host, given.get("host", []), given.get("port", [])


def _at(url: str, other: str) -> str:
    """Return the URL of the database of `other` at the server of `url`."""
    head, question, query = url.partition("?")
    database = other.partition("?")[0].rpartition("/")[2]
    return f"{head.rpartition('/')[0]}/{database}{question}{query}"
