"""The knowledge graph in safety copies: what people decided survives what the store survives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from registry.backup_manifest import MANIFEST, read_manifest
from registry.callers import Actor
from registry.corrections import Corrections
from registry.database import Database
from registry.graph import graph_database
from registry.graph_corrections import CorrectionLine, read_lines
from registry.graph_rebuilding import GraphRebuild
from registry.graph_writing import GraphWriter
from tests.prose_documents import keep_reading, place_of, report
from tests.registry.graphs import said, snapshot, vertex
from tests.registry.postgresql import postgres_sql, postgres_url
from tests.timing import PATIENCE
from tests.vedette.cli.graph_fleet import (
    ADDRESS,
    OURS,
    PLACES,
    ZEUS,
    Fleet,
    answer,
    make_fleet,
    vedette,
)
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.extraction.prose.corrections.kinds import AddEntity, Correction, RejectEntity, RejectRelation

__all__ = ["make_fleet"]

ANN = Actor(who="user ann", origin="here")


@pytest.mark.parametrize("place", PLACES)
def test_the_graph_comes_back_as_it_was_with_what_people_decided(
    make_fleet: Callable[[str], Fleet], tmp_path: Path, place: str
) -> None:
    fleet = make_fleet(place)
    manifest = fleet.backup(tmp_path / "copy")
    assert manifest.graph is not None
    assert (manifest.graph.part is None) == (place == PLACES[1])
    assert (manifest.graph.counts["documents"], manifest.graph.counts["mentions"]) == (2, 6)
    assert manifest.graph.counts["decisions"] == 1
    assert answer(vedette("backup", "verify", tmp_path / "copy", "--json"))["findings"] == []

    whole = fleet.says()
    fleet.learn("later", vertex("IP", "192.0.2.77"))
    said_then = fleet.restore(tmp_path / "copy")

    assert fleet.says() == whole
    assert not [note for note in said_then["notes"] if "decisions" in note]
    assert (fleet.waiting(), [note for note in said_then["notes"] if "through RT" in note]) == (1, [])
    assert answer(vedette("graph", "check", "-c", fleet.file, "--json"))["findings"] == []
    aside = [note for note in said_then["notes"] if "graph that was there is now" in note]
    assert len(aside) == (place != PLACES[1])


@pytest.mark.parametrize("place", PLACES[:2])
def test_what_people_decided_after_the_copy_is_decided_again(
    make_fleet: Callable[[str], Fleet], tmp_path: Path, place: str
) -> None:
    fleet = make_fleet(place)
    fleet.backup(tmp_path / "copy")
    fleet.learn("later", vertex("Malware", "Conficker"))
    fleet.decide("Zeus", "Conficker", same=False)
    fleet.decide("Zeus", "Citadel", same=False)
    fleet.withdraw(fleet.items[0].uuid)
    notes = fleet.restore(tmp_path / "copy")["notes"]

    assert "2 decisions about the knowledge graph, made after the safety copy, were made again" in notes
    assert "1 decisions are about what the restored knowledge graph does not know" in notes
    apart = [one for one in fleet.says()["decisions"] if one[2] == "person"]
    assert [(one[3], one[5]) for one in apart] == [("different", "since")]
    told = answer(vedette("graph", "mentions", "Zeus", "-c", fleet.file, "--json"))
    assert {one["item"]: one["withdrawn"] for one in told} == {
        fleet.items[0].uuid: True,
        fleet.items[1].uuid: False,
    }
    assert answer(vedette("graph", "check", "-c", fleet.file, "--json"))["findings"] == []


@pytest.mark.parametrize("place", PLACES[:2])
def test_what_people_corrected_in_texts_counts_after_a_restore(
    make_fleet: Callable[[str], Fleet], tmp_path: Path, place: str
) -> None:
    fleet = make_fleet(place)
    read = report()
    names = ("Lazarus Group", "Qakbot", "banks")
    actor, qakbot, banks = (place_of(read, name) for name in names)
    before, since = AddEntity(at=place_of(read, "scripts"), label="MALWARE"), RejectEntity(at=banks)
    taken_back = RejectRelation(head=actor, relation="uses", tail=qakbot)
    item = fleet.items[0].uuid

    async def correct(*added: Correction, undo: Correction | None = None) -> None:
        with fleet.graph() as graph, Database(fleet.paths.store_url) as store:
            corrections = Corrections.over(graph, store=store, clock=SystemClock())
            for one in added:
                await corrections.add(item, one, why="since", by=ANN)
            for line in await corrections.lines(item):
                if line.correction == undo:
                    await corrections.undo(item, line.id, by=ANN)

    with fleet.graph() as graph:
        asyncio.run(keep_reading(graph, read, item=item))
    asyncio.run(correct(before, taken_back))
    fleet.backup(tmp_path / "copy")
    asyncio.run(correct(since, undo=taken_back))
    said_before, corrected = fleet.says(), corrections_in(fleet, item)
    notes = fleet.restore(tmp_path / "copy")["notes"]

    assert "2 corrections of texts, made after the safety copy, were made again" in notes
    assert corrections_in(fleet, item) == corrected
    assert [(one.correction, one.counts) for one in corrected] == [
        (before, True),
        (taken_back, False),
        (since, True),
    ]
    assert fleet.says()["nodes"] == said_before["nodes"]
    assert fleet.says()["edges"] == said_before["edges"]
    assert answer(vedette("graph", "check", "-c", fleet.file, "--json"))["findings"] == []


def corrections_in(fleet: Fleet, item: str) -> list[CorrectionLine]:
    """What people corrected, whatever its numbers are."""
    with fleet.graph() as graph:
        lines = graph.read_sync(lambda connection: read_lines(connection, [item]))
    return [replace(line, id=0) for line in lines]


def test_a_copy_under_work_lacks_nothing_that_the_store_thinks_done(
    make_fleet: Callable[[str], Fleet], tmp_path: Path
) -> None:
    fleet = make_fleet(PLACES[0])
    started, ended = threading.Event(), threading.Event()

    async def read() -> None:
        """Do as RT does: merge, then acknowledge."""
        with fleet.graph() as graph:
            write = GraphWriter(database=graph, clock=SystemClock())
            while not ended.is_set():
                item = fleet.filled.sender.item(source=OURS)
                await fleet.filled.intake.commit([fleet.filled.sender.deliver(item)])
                await write.merge([said(one, [ZEUS, ADDRESS]) for one in (item.uuid, fleet.items[2].uuid)])
                await fleet.acknowledge(2)
                started.set()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(lambda: asyncio.run(read()))
        try:
            assert started.wait(PATIENCE)
            manifest = fleet.backup(tmp_path / "copy")
        finally:
            ended.set()
            working.result()
    assert manifest.graph is not None
    store, graph = tmp_path / "copy" / manifest.store, tmp_path / "copy" / str(manifest.graph.part)
    with Database(f"sqlite:///{store}") as copied, graph_database(f"sqlite:///{graph}") as known:
        step = GraphRebuild(store=copied, graph=known, queue="rt").step()
    assert step is not None
    assert (step.held, step.looked) == (0, manifest.counts["items"])


@pytest.mark.parametrize("has_trigrams", [True, False])
def test_a_restore_to_another_postgresql_makes_the_extension_or_does_without(
    make_fleet: Callable[[str], Fleet], tmp_path: Path, migrated_postgres: Path, has_trigrams: bool
) -> None:
    fleet = make_fleet(PLACES[1])
    fleet.backup(tmp_path / "copy")
    name = f"elsewhere_{has_trigrams}".lower()
    postgres_sql(migrated_postgres, f"CREATE DATABASE {name}")
    if not has_trigrams:
        # Somebody else's type of the name that the extension needs: it cannot be made.
        with psycopg.connect(f"host={migrated_postgres} user=postgres dbname={name}", autocommit=True) as there:
            there.execute("CREATE TYPE public.gtrgm AS (x int)")
    file = tmp_path / "elsewhere.yml"
    file.write_text(f"data: elsewhere\nstore: {postgres_url(migrated_postgres, name)}\n")
    whole, done = fleet.says(), vedette("restore", tmp_path / "copy", "-c", file, "--replace", "--json")
    assert done.exit_code == 0, done.output
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'graph_text' AND indexname LIKE 'ix%'"
    with graph_database(load_fleet(file)[1].graph_url) as graph:
        assert graph.write_sync(snapshot) == whole
        found = graph.read_sync(lambda connection: connection.execute(text(indexes)).scalars().all())
    assert found == ["ix_graph_text_trigrams" if has_trigrams else "ix_graph_text_words"]
    postgres_sql(migrated_postgres, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_graph_beside_the_store_is_no_file_of_the_fleet(make_fleet: Callable[[str], Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(PLACES[0])
    made = vedette("backup", tmp_path / "copy", "-c", fleet.file, "--with-secrets")
    assert (made.exit_code, "a graph of 6 mentions" in made.output) == (0, True)
    assert [file.origin for file in read_manifest(tmp_path / "copy").files] == ["vedette.yml"]
    vedette("restore", tmp_path / "copy", "--to", tmp_path / "new")
    whole, (_, paths) = fleet.says(), load_fleet(tmp_path / "new" / "vedette.yml")
    with graph_database(paths.graph_url) as graph:
        assert graph.write_sync(snapshot) == whole


def without_graph(copy: Path) -> None:
    """Make a safety copy one of a release that had no graph."""
    manifest = read_manifest(copy)
    assert manifest.graph is not None
    parts = [part for part in manifest.parts if part.path != manifest.graph.part]
    old = manifest.model_copy(update={"graph": None, "parts": parts})
    (copy / MANIFEST).write_bytes(old.sealed())


def test_an_old_copy_has_no_graph_and_rt_makes_it_anew(make_fleet: Callable[[str], Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(PLACES[0])
    fleet.backup(tmp_path / "copy")
    without_graph(tmp_path / "copy")
    done = vedette("restore", tmp_path / "copy", "--to", tmp_path / "new", "--json")
    notes = answer(done)["notes"]
    assert [note for note in notes if "RT makes it anew" in note and "decided again" in note]
    assert "2 items that the knowledge graph does not know go through RT again" in notes
    _, paths = load_fleet(tmp_path / "new" / "vedette.yml")
    with graph_database(paths.graph_url) as graph:
        assert graph.write_sync(snapshot)["nodes"] == []


def test_an_old_copy_leaves_the_graph_that_is_there(make_fleet: Callable[[str], Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(PLACES[0])
    fleet.backup(tmp_path / "copy")
    without_graph(tmp_path / "copy")
    fleet.learn("later", vertex("IP", "192.0.2.77"))
    whole = fleet.says()
    notes = fleet.restore(tmp_path / "copy")["notes"]
    assert [note for note in notes if "the one that is there stays" in note]
    assert [note for note in notes if "knows 1 items that are gone from the store" in note]
    assert fleet.says() == whole


def test_a_graph_that_cannot_be_copied_hinders_no_copy_of_the_evidence(
    make_fleet: Callable[[str], Fleet], tmp_path: Path
) -> None:
    fleet = make_fleet(PLACES[0])
    (fleet.paths.data / "graph.db").write_bytes(b"no database" * 1000)
    made = vedette("backup", tmp_path / "copy", "-c", fleet.file)
    assert (made.exit_code, "missing: the knowledge graph:" in made.output) == (1, True)
    assert not list((tmp_path / "copy").glob("*/graph.db"))
    assert vedette("backup", "verify", tmp_path / "copy").exit_code == 0
    (fleet.paths.data / "graph.db").unlink()
    notes = fleet.restore(tmp_path / "copy")["notes"]
    assert [note for note in notes if "could not be copied then" in note]
    assert fleet.waiting() == 3


def test_damage_to_the_graphs_part_is_found(make_fleet: Callable[[str], Fleet], tmp_path: Path) -> None:
    fleet = make_fleet(PLACES[0])
    manifest = fleet.backup(tmp_path / "copy")
    assert manifest.graph is not None
    part = tmp_path / "copy" / str(manifest.graph.part)
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    (found,) = answer(vedette("backup", "verify", tmp_path / "copy", "--json"))["findings"]
    assert (found["kind"], found["place"]) == ("part", manifest.graph.part)
    part.write_bytes(whole)
    counts = {**manifest.graph.counts, "decisions": 7}
    told = manifest.model_copy(update={"graph": manifest.graph.model_copy(update={"counts": counts})})
    (tmp_path / "copy" / MANIFEST).write_bytes(told.sealed())
    (found,) = answer(vedette("backup", "verify", tmp_path / "copy", "--json"))["findings"]
    assert (found["kind"], found["place"]) == ("graph", "counts")


def test_a_graph_without_a_restored_item_says_so_and_rebuild_finds_what_it_lacks(
    make_fleet: Callable[[str], Fleet],
) -> None:
    fleet = make_fleet(PLACES[0])
    asyncio.run(fleet.acknowledge(1))
    found = answer(vedette("graph", "rebuild", "-c", fleet.file, "--json"))
    assert found == {"looked": 3, "known": 2, "gone": 0, "held": 1}
    assert fleet.waiting() == 1
    every = vedette("graph", "rebuild", "--all", "-c", fleet.file)
    assert (every.exit_code, "2 wait for RT now" in every.output, fleet.waiting()) == (0, True, 3)
    unsound = vedette("graph", "check", "-c", fleet.file)
    assert (unsound.exit_code, unsound.output.startswith("SOUND: ")) == (0, True)
