"""What is done to a collector's tables: plain functions on a connection, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields

import orjson

from vedette.collection.page_memory import PageMemory
from vedette.collection.robots import RobotsFile
from vedette.collection.simhash import BITS, BLOCKS, NEAR, blocks, distance

_FIELDS = tuple(field.name for field in fields(PageMemory))
_FLAGS = ("settled", "ignores_conditions", "refuses_head")
_COLUMNS = ("source", *_FIELDS, *(f"block{number}" for number in range(BLOCKS)))
_PUT_PAGE = f"INSERT OR REPLACE INTO source_page ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_GET_PAGES = (
    f"SELECT {', '.join(_FIELDS)} FROM source_page WHERE source = ? AND url IN (SELECT value FROM json_each(?))"  # noqa: S608
)
_NEAR = " UNION ALL ".join(
    f"SELECT simhash, uuid, changed_at FROM source_page WHERE block{number} = ?"  # noqa: S608
    for number in range(BLOCKS)
)
_CANDIDATES = 1_000
"""Texts that are compared: a common block of something like an empty page must not cost more."""


def put_pages(connection: sqlite3.Connection, source: str, pages: Iterable[PageMemory]) -> None:
    """Store what is remembered of URLs."""
    connection.executemany(_PUT_PAGE, [_row(source, page) for page in pages])


def get_pages(connection: sqlite3.Connection, source: str, urls: Sequence[str]) -> dict[str, PageMemory]:
    """Return what is remembered of URLs, by URL."""
    rows = connection.execute(_GET_PAGES, (source, orjson.dumps(list(urls)).decode())).fetchall()
    return {page.url: page for page in map(_page, rows)}


def near(connection: sqlite3.Connection, simhash: int) -> str | None:
    """Return the uuid of the first item whose text is nearly the same."""
    rows = connection.execute(f"{_NEAR} LIMIT {_CANDIDATES}", blocks(simhash)).fetchall()
    close = [
        (distance(_unsigned(found), simhash), changed_at, uuid)
        for found, uuid, changed_at in rows
        if uuid and distance(_unsigned(found), simhash) <= NEAR
    ]
    return min(close)[2] if close else None


def put_marks(connection: sqlite3.Connection, source: str, marks: Mapping[str, str]) -> None:
    """Store or, where it is empty, forget what a source remembers by a name."""
    for name, value in marks.items():
        if value:
            connection.execute("INSERT OR REPLACE INTO source_mark VALUES (?, ?, ?)", (source, name, value))
        else:
            connection.execute("DELETE FROM source_mark WHERE source = ? AND name = ?", (source, name))


def get_mark(connection: sqlite3.Connection, source: str, name: str) -> str:
    """Return what a source remembers by a name; empty: nothing."""
    query = "SELECT value FROM source_mark WHERE source = ? AND name = ?"
    found = connection.execute(query, (source, name)).fetchone()
    return str(found[0]) if found else ""


def put_robots(connection: sqlite3.Connection, file: RobotsFile) -> None:
    """Store what a host's robots.txt said."""
    row = (file.origin, file.body, file.reachable, file.fetched_at, file.asked_at)
    connection.execute("INSERT OR REPLACE INTO source_robots VALUES (?, ?, ?, ?, ?)", row)


def get_robots(connection: sqlite3.Connection, origin: str) -> RobotsFile | None:
    """Return what a host's robots.txt said."""
    query = "SELECT body, reachable, fetched_at, asked_at FROM source_robots WHERE origin = ?"
    found = connection.execute(query, (origin,)).fetchone()
    if found is None:
        return None
    body, reachable, fetched_at, asked_at = found
    return RobotsFile(
        origin=origin, body=bytes(body), reachable=bool(reachable), fetched_at=fetched_at, asked_at=asked_at
    )


def _row(source: str, page: PageMemory) -> tuple[object, ...]:
    values = asdict(page)
    parts: tuple[int | None, ...] = (None,) * BLOCKS
    if page.simhash is not None:
        parts = blocks(page.simhash)
        # SQLite's integers have a sign.
        values["simhash"] = page.simhash - (1 << BITS) if page.simhash >> (BITS - 1) else page.simhash
    return (source, *(values[name] for name in _FIELDS), *parts)


def _page(row: Sequence[object]) -> PageMemory:
    values = dict(zip(_FIELDS, row, strict=True))
    values |= {name: bool(values[name]) for name in _FLAGS}
    simhash = values["simhash"]
    values["simhash"] = _unsigned(simhash) if isinstance(simhash, int) else None
    return PageMemory(**values)  # type: ignore[arg-type]


def _unsigned(value: int) -> int:
    return value & ((1 << BITS) - 1)
