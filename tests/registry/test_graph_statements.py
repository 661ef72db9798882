"""The graph's statements: rows that are added many at a time, and looked up by lists, on both databases."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import Connection

from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.graph_statements import CHUNK, LISTED, Statements
from vedette.errors import StoreError

TEXTS = ("plain", "tab\tand\nnewline\r", "back\\slash", "\\N", "\\.", "", "quote \"'", "100% ?", "💥é", "{}")
MENTION = "graph_edge_mention (origin, number, out_node, relation, in_node, said, position, certainty)"


@pytest.mark.parametrize("count", [0, 1, 10, 11, 500])
async def test_rows_are_added_as_they_are(graph_store: Database, count: int) -> None:
    rows = [
        (number, number % 3, number, 1, 2**31 - 1, None if number % 2 else number, TEXTS[number % len(TEXTS)], 0.1)
        for number in range(count)
    ]
    await graph_store.write(lambda connection: Statements(connection).insert(MENTION, rows))
    found = await graph_store.read(lambda connection: _all(connection, "graph_edge_mention", "origin"))
    assert found == rows


async def test_bytes_and_many_lists_come_back(graph_store: Database) -> None:
    digests = [number.to_bytes(16) for number in range(LISTED + CHUNK + 1)]
    said = [(number, digest, TEXTS[number % len(TEXTS)]) for number, digest in enumerate(digests)]
    await graph_store.write(
        lambda connection: Statements(connection).insert("graph_said (id, digest, properties)", said)
    )

    def look(connection: Connection) -> tuple[set[bytes], set[tuple[Any, ...]]]:
        statements = Statements(connection)
        query = "SELECT digest FROM graph_said WHERE digest IN ({})"
        pairs = (
            "WITH wanted (number, hash, words) AS ({}) SELECT id, digest, properties FROM wanted"
            " JOIN graph_said ON id = number AND digest = hash AND properties = words"
        )
        wrong = [(number, digest, "something else") for number, digest, _ in said]
        assert not list(statements.pairs_among(pairs, wrong))
        listed = {bytes(row[0]) for row in statements.among(query, [*digests, b"nobody's"])}
        return listed, {(row[0], bytes(row[1]), row[2]) for row in statements.pairs_among(pairs, said)}

    listed, joined = await graph_store.read(look)
    assert listed == set(digests)
    assert joined == set(said)


async def test_nothing_is_looked_up_for_nothing(graph_store: Database) -> None:
    def look(connection: Connection) -> list[Any]:
        statements = Statements(connection)
        return [*statements.among("no SQL at all ({})", []), *statements.pairs_among("no SQL at all {}", [])]

    assert await graph_store.read(look) == []


async def test_a_row_that_is_there_is_told_as_of_all_statements(graph_store: Database) -> None:
    rows = [(number, number.to_bytes(16), "x") for number in range(50)]
    again = [(number + 100, number.to_bytes(16), "x") for number in range(49, 120)]
    into = "graph_said (id, digest, properties)"
    await graph_store.write(lambda connection: Statements(connection).insert(into, rows))
    with pytest.raises(ConcurrentWriteError):
        await graph_store.write(lambda connection: Statements(connection).insert(into, again))
    # Nothing of it stays, and the connection is good for more.
    await graph_store.write(lambda connection: Statements(connection).insert(into, again[1:]))
    assert len(await graph_store.read(lambda connection: _all(connection, "graph_said", "id"))) == 120


async def test_a_row_that_cannot_be_kept_is_an_error_of_the_store(graph_store: Database) -> None:
    # What sqlite3 does not know is its own error; PostgreSQL refuses a text where a number belongs.
    rows = [("no number" if number == 30 else number, number.to_bytes(16), "x") for number in range(50)]
    with pytest.raises((StoreError, sqlite3.Error)):
        await graph_store.write(
            lambda connection: Statements(connection).insert("graph_said (id, digest, properties)", rows)
        )
    assert await graph_store.read(lambda connection: _all(connection, "graph_said", "id")) == []


def _all(connection: Connection, table: str, order: str) -> list[tuple[Any, ...]]:
    rows = Statements(connection).rows(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
    return [tuple(row) for row in rows]
