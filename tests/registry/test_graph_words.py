"""What PostgreSQL searches the graph by: parts of words, or whole ones where the extension is not to be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from registry.database import Database
from registry.graph import graph_database
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.registry.graphs import said, vertex
from tests.registry.postgresql import empty_database
from vedette.clock import ManualClock
from vedette.graph.port import VertexFilter

INDEXES = text("SELECT indexname FROM pg_indexes WHERE tablename = 'graph_text' AND indexname LIKE 'ix%'")


@pytest.fixture
def graph(postgres_folder: Path, has_trigrams: bool) -> Iterator[Database]:
    """An empty graph, on a server with or without the extension."""
    with empty_database(postgres_folder) as url:
        if not has_trigrams:
            # Somebody else's type of the name that the extension needs: it cannot be made.
            with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as there:
                there.execute("CREATE TYPE public.gtrgm AS (x int)")
        graph_database(url).migrate()
        with graph_database(url) as database:
            yield database


@pytest.mark.parametrize(
    ("has_trigrams", "index", "found"),
    [(True, "ix_graph_text_trigrams", {"Zeus", "zeu", "banking tro"}), (False, "ix_graph_text_words", {"Zeus"})],
    ids=["parts", "words"],
)
async def test_one_index_finds_parts_of_words_or_another_whole_ones(
    graph: Database, index: str, found: set[str]
) -> None:
    writer = GraphWriter(database=graph, clock=ManualClock())
    zeus = vertex("Malware", "Zeus", description=("a banking trojan",))
    await writer.merge([said("i1", [zeus], [], source="i1")])

    assert await graph.read(lambda connection: connection.execute(INDEXES).scalars().all()) == [index]
    asked = {"Zeus", "zeu", "banking tro", "nothing"}
    answers = {one: await GraphRead(database=graph).find(VertexFilter(text=one)) for one in asked}
    assert {one for one, answer in answers.items() if [view.name for view in answer.vertices]} == found
