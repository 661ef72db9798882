"""URLs of databases as a configuration has them."""

from __future__ import annotations

from pathlib import Path

_SQLITE = "sqlite:///"


def database_url(url: str, *, folder: Path) -> str:
    """Return the URL of a database; a relative SQLite file is relative to `folder`, the configuration's."""
    scheme, path = url[: len(_SQLITE)], url[len(_SQLITE) :]
    return f"{_SQLITE}{(folder / path).resolve()}" if scheme == _SQLITE and path else url


def graph_beside(store_url: str) -> str:
    """Return where the graph is unless the configuration says otherwise."""
    if not store_url.startswith(_SQLITE):
        return store_url
    return f"{_SQLITE}{Path(store_url.removeprefix(_SQLITE)).with_name('graph.db')}"
