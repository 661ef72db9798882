"""The folder of a fleet that is not running, with a store and a knowledge graph that were used."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.backup_manifest import BackupManifest, read_manifest
from registry.database import Database
from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from registry.queues import Asker, Queues
from tests.registry.backing_up import Filled
from tests.registry.graphs import id_of, said, snapshot, vertex
from tests.registry.postgresql import postgres_sql, postgres_url
from vedette.cli.main import build
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet

OURS = "vedette.in.structured.nmap.probe1"
ZEUS, CITADEL, ADDRESS = vertex("Malware", "Zeus"), vertex("Malware", "Citadel"), vertex("IP", "192.0.2.1")
RT = Asker(jid="rt@localhost", role="rt")
PLACES = ["beside the store", "in the store's PostgreSQL", "in a PostgreSQL of its own"]


def vedette(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(words), words)


def answer(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


class Fleet:
    """The folder of a fleet with items, of which two were read into its graph, and a person's decision there."""

    def __init__(self, file: Path, *, store: str) -> None:
        self.file = file
        _, self.paths = load_fleet(file)
        self.paths.make()
        graph_database(self.paths.graph_url).migrate()
        self.filled = Filled(url=store, folder=self.paths.data)

    async def fill(self) -> None:
        await self.filled.open()
        self.items = [self.filled.sender.item(source=OURS) for _ in range(3)]
        await self.filled.intake.commit([self.filled.sender.deliver(*self.items)])
        self.queues = Queues(database=self.filled.database, clock=SystemClock())
        await self.queues.bind("rt", owner="rt", asker=RT, patterns=["#.structured.#"], from_start=True)
        with self.graph() as graph:
            write = GraphWriter(database=graph, clock=SystemClock())
            for one in self.items[:2]:
                await write.merge([said(one.uuid, [ZEUS, CITADEL, ADDRESS], [(ZEUS, "UsesIP", ADDRESS)])])
            await write.decide(id_of("Malware", "Zeus"), id_of("Malware", "Citadel"), same=True, who="ann", why="x")
        await self.acknowledge(2)

    async def acknowledge(self, count: int) -> None:
        asked: dict[str, Any] = {"asker": RT, "life": "1"}
        leased = await self.queues.lease("rt", **asked, limit=count, max_bytes=10**6, lease_seconds=60)
        await self.queues.acknowledge("rt", **asked, ids=[one.id for one in leased])

    def graph(self) -> Database:
        return graph_database(self.paths.graph_url)

    def says(self) -> dict[str, list[Any]]:
        """What the graph says now."""
        with self.graph() as graph:
            return graph.write_sync(snapshot)

    def learn(self, item: str, *vertices: Any) -> None:
        """Merge what an item says."""
        with self.graph() as graph:
            write = GraphWriter(database=graph, clock=SystemClock())
            asyncio.run(write.merge([said(item, vertices)]))

    def decide(self, first: str, second: str, *, same: bool) -> None:
        """Decide about two kinds of malware."""
        with self.graph() as graph:
            write = GraphWriter(database=graph, clock=SystemClock())
            ids = [id_of("Malware", one) for one in (first, second)]
            asyncio.run(write.decide(ids[0], ids[1], same=same, who="ann", why="since"))

    def withdraw(self, item: str) -> None:
        """Take back what an item said."""
        with self.graph() as graph:
            asyncio.run(GraphWriter(database=graph, clock=SystemClock()).withdraw(item=item, who="ann", why="wrong"))

    def waiting(self) -> int:
        """How many items RT's queue holds."""
        with Database(self.paths.store_url) as database:
            (status,) = asyncio.run(Queues(database=database, clock=SystemClock()).statuses())
            return status.depth

    def backup(self, target: Path) -> BackupManifest:
        assert (made := vedette("backup", target, "-c", self.file)).exit_code == 0, made.output
        return read_manifest(target)

    def restore(self, copy: Path) -> Any:
        self.filled.close()
        return answer(vedette("restore", copy, "-c", self.file, "--replace", "--json"))


@pytest.fixture
def make_fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Fleet]]:
    """Makes a fleet whose graph is in a place."""
    made: list[Fleet] = []

    def make(place: str) -> Fleet:
        folder = tmp_path / "fleet"
        folder.mkdir()
        file, lines = folder / "vedette.yml", ["data: var"]
        if place == PLACES[0]:
            (folder / "var").mkdir()
            shutil.copyfile(request.getfixturevalue("migrated_file"), folder / "var" / "store.db")
        else:
            server = request.getfixturevalue("migrated_postgres")
            postgres_sql(server, "CREATE DATABASE with_graph TEMPLATE migrated")
            lines.append(f"store: {postgres_url(server, 'with_graph')}")
        if place == PLACES[2]:
            postgres_sql(server, "CREATE DATABASE own_graph")
            lines.append(f"graph: {postgres_url(server, 'own_graph')}")
        file.write_text("\n".join(lines) + "\n")
        fleet = Fleet(file, store=load_fleet(file)[1].store_url)
        made.append(fleet)
        asyncio.run(fleet.fill())
        return fleet

    yield make
    for fleet in made:
        fleet.filled.close()
    if made and "postgresql" in made[0].paths.store_url:
        server = request.getfixturevalue("migrated_postgres")
        for name in ("with_graph", "own_graph"):
            postgres_sql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
