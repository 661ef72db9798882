"""How SQLite finds what the graph's writer asks for: by an index, however large the graph is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from tests.registry.graphs import id_of, said, vertex
from vedette.clock import ManualClock


@contextmanager
def watched() -> Iterator[dict[str, Any]]:
    """Give the statements that are run meanwhile, each with parameters that it was run with."""
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if " graph_" in sql and "graph_search" not in sql:
            seen[sql] = parameters[0] if many else parameters

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_nothing_that_the_writer_does_reads_a_whole_table(migrated_graph: Path, tmp_path: Path) -> None:
    shutil.copyfile(migrated_graph, tmp_path / "graph.db")
    zeus, zbot = vertex("Malware", "Zeus", alias=("Zbot",)), vertex("Malware", "Zbot", description=("new",))
    host, network = vertex("IP", "10.0.0.1"), vertex("AddressRange", "10.0.0.0/24")
    file = vertex("Observable/File", "a.exe", sha256="ab" * 32)
    vertices, edges = [zeus, zbot, host, network, file], [(zeus, "UsesIP", host), (file, "UsesIP", host)]
    with graph_database(f"sqlite:///{tmp_path}/graph.db") as database, watched() as seen:
        writer = GraphWriter(database=database, clock=ManualClock())
        for item in ("i1", "i2", "i3"):
            await writer.merge([said(item, vertices, edges, source=item)])
        await writer.merge([said("i3", vertices[:3], edges[:1], version="2")])
        decision = await writer.decide(
            id_of("Malware", "Zeus"), id_of("Malware", "Zbot"), same=False, who="ann", why="x"
        )
        await writer.undo(decision, who="ann", why="x")
        await writer.withdraw(source="i1", who="ann", why="x")
        await writer.withdraw(item="i2", who="ann", why="x")

        def plans(connection: Connection) -> list[tuple[str, str]]:
            explain = connection.exec_driver_sql
            rows = [(sql, explain(f"EXPLAIN QUERY PLAN {sql}", given).all()) for sql, given in asked]
            return [(sql, str(row[3])) for sql, found in rows for row in found]

        asked = list(seen.items())
        found = database.read_sync(plans)
        assert len(asked) > 40
        assert [(sql, plan) for sql, plan in found if plan.startswith("SCAN graph_")] == []
