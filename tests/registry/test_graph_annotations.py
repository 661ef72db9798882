"""Annotated documents beside the graph: kept, replaced, corrected, and gone with what they are of."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from registry.database import Database
from registry.graph import graph_database
from registry.graph_check import GraphCheck
from registry.graph_correcting import GraphCorrecting
from registry.graph_corrections import insert_line, read_lines, undo_line
from registry.graph_forgetting import GraphForgetting
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from registry.intake import Intake
from registry.retention_rows import bury_payload, read_payloads
from registry.sharing_facts import fold_sayings
from registry.sharing_graph import said_by_items
from tests.registry.graphs import origin
from tests.vedette.extraction.prose.annotations import annotated
from vedette.clock import ManualClock
from vedette.evidence.deletion import Deletion
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.kinds import Place, RejectEntity
from vedette.extraction.prose.graph.subgraph import subgraph_of
from vedette.extraction.prose.keeping import keep
from vedette.graph.ontology import ontology
from vedette.graph.port import Said, VertexFilter

REPORT = annotated("[Emotet|MALWARE] uses [Mimikatz|TOOL].", says=[(0, "uses", 1, {"confidence": 0.6})])
NEWER = annotated("[Qbot|MALWARE] is here.")
GERMAN = AnnotatedDocument(text="Ein Satz.", language="de", read=False, why_not="it is in German")


def said(item: str, document: AnnotatedDocument, *, version: str = "1") -> Said:
    """What an item says that is prose."""
    return Said(
        origin=origin(item, version=version),
        subgraph=subgraph_of(document, places=[(0, 25)]),
        annotation=keep(document, places=[(0, 25)], least_confidence=0.5),
    )


@pytest.fixture
def writing(graph_store: Database, clock: ManualClock) -> GraphWriter:
    return GraphWriter(database=graph_store, clock=clock)


@pytest.fixture
def reading(graph_store: Database) -> GraphRead:
    return GraphRead(database=graph_store)


async def names(reading: GraphRead) -> set[str]:
    """Return the names of what the graph knows."""
    return {one.name for one in (await reading.find(VertexFilter(), limit=50)).vertices}


async def test_what_was_read_is_kept_with_what_it_says(writing: GraphWriter, reading: GraphRead) -> None:
    await writing.merge([said("one", REPORT), said("two", GERMAN)])
    kept = await reading.annotation("one")
    assert kept is not None
    assert (kept.origin, kept.language, kept.read) == (origin("one"), "en", True)
    assert (kept.reading.annotated(), list(kept.reading.places)) == (REPORT, [(0, 25)])
    german = await reading.annotation("two")
    assert german is not None
    assert (german.read, german.language, german.reading.annotated()) == (False, "de", GERMAN)
    assert (await reading.said_by("two")).count == 0
    assert await reading.annotation("three") is None


async def test_a_newer_reader_replaces_and_an_older_one_does_not(writing: GraphWriter, reading: GraphRead) -> None:
    for version, document in (("1 1+2026.11.22", REPORT), ("1 1+2026.12.1", NEWER), ("1 1+2026.11.23", REPORT)):
        await writing.merge([said("one", document, version=version)])
    kept = await reading.annotation("one")
    assert kept is not None
    assert (kept.version, kept.reading.annotated()) == ("1 1+2026.12.1", NEWER)
    assert await names(reading) == {"Qbot"}


async def test_it_goes_when_the_item_is_taken_back(
    writing: GraphWriter, reading: GraphRead, graph_store: Database
) -> None:
    await writing.merge([said("one", REPORT), said("two", NEWER)])
    await correct(graph_store, "one")
    await writing.withdraw(item="one", who="ann", why="wrong")
    assert await reading.annotation("one") is None
    assert await reading.annotation("two") is not None
    assert graph_store.read_sync(lambda connection: read_lines(connection, ["one"])) == []


async def test_how_sure_a_sentence_is_of_an_edge_counts(
    writing: GraphWriter, reading: GraphRead, graph_store: Database, clock: ManualClock
) -> None:
    async def confidence() -> float:
        (emotet,) = (await reading.find(VertexFilter(name="Emotet"))).vertices
        (edge,) = (await reading.edges(emotet.id)).edges
        return edge.confidence

    await writing.merge([said("one", REPORT)])
    assert await confidence() == pytest.approx(0.6)
    surer = annotated("[Emotet|MALWARE] uses [Mimikatz|TOOL].", says=[(0, "uses", 1, {"confidence": 0.8})])
    await writing.merge([said("two", surer)])
    assert await confidence() == pytest.approx(0.8)
    checking = GraphCheck(database=graph_store, clock=clock, mend=False)
    assert [one for piece in checking.pieces() for one in piece.findings] == []
    await writing.withdraw(item="two", who="ann", why="wrong")
    assert await confidence() == pytest.approx(0.6)


async def test_who_shares_is_as_sure_as_the_sentences(writing: GraphWriter, graph_store: Database) -> None:
    surer = annotated("[Emotet|MALWARE] is here.", sure=0.95)
    await writing.merge([said("one", REPORT), said("two", surer)])

    def confidences(*items: str) -> dict[str, float]:
        sayings = graph_store.read_sync(lambda connection: said_by_items(connection, items))
        known = fold_sayings(sayings, items=items, ontology=ontology())
        of_edges = {one.relation: one.confidence for one in known.edges}
        return {one.vertex.name: one.confidence for one in known.facts.values()} | of_edges

    assert confidences("one") == pytest.approx({"Emotet": 0.9, "Mimikatz": 0.9, "RelatedTTP": 0.6})
    assert confidences("one", "two") == pytest.approx({"Emotet": 0.95, "Mimikatz": 0.9, "RelatedTTP": 0.6})


async def correct(graph: Database, item: str) -> int:
    """Say that Mimikatz is none; return the correction's number."""
    place = Place(start=12, end=20, text="Mimikatz")
    wrong = RejectEntity(at=place)
    line = await graph.write(
        lambda connection: insert_line(connection, item=item, correction=wrong, why="", by="ann", at=1)
    )
    return line.id


async def test_what_people_corrected_is_what_the_graph_says(
    writing: GraphWriter, reading: GraphRead, graph_store: Database
) -> None:
    correcting = GraphCorrecting(database=graph_store, writing=writing)
    await writing.merge([said("one", REPORT), said("two", NEWER)])
    assert await correcting.reread(["one", "two"]) == 0
    id = await correct(graph_store, "one")
    assert (await correcting.reread(["one", "two"]), await correcting.reread(["one"])) == (1, 0)
    assert await names(reading) == {"Emotet", "Qbot"}
    kept = await reading.annotation("one")
    assert kept is not None
    assert kept.reading.annotated() == REPORT
    # The same once more is nothing new; a newer reading is corrected as well
    assert (await writing.merge([said("one", REPORT)])).unchanged == 1
    await writing.merge([said("one", REPORT, version="2")])
    assert "Mimikatz" in await names(reading)
    assert await correcting.reread(["one"]) == 1
    assert await names(reading) == {"Emotet", "Qbot"}
    # Undone, it is there again
    await graph_store.write(lambda connection: undo_line(connection, id, why="", by="ann", at=2))
    assert await correcting.reread(["one"]) == 1
    assert await names(reading) == {"Emotet", "Mimikatz", "Qbot"}


async def test_a_correction_that_does_not_fit_any_more_changes_nothing(
    writing: GraphWriter, reading: GraphRead, graph_store: Database
) -> None:
    await writing.merge([said("one", NEWER)])
    await correct(graph_store, "one")
    await GraphCorrecting(database=graph_store, writing=writing).reread(["one"])
    assert await names(reading) == {"Qbot"}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policies", [[], ["short"]])
async def test_a_text_goes_with_the_bytes_whoever_deleted_them(
    database: Database,
    intake: Intake,
    sender: Any,
    clock: ManualClock,
    migrated_graph: Path,
    tmp_path: Path,
    policies: Collection[str],
) -> None:
    url = f"sqlite:///{shutil.copyfile(migrated_graph, tmp_path / 'graph.db')}"
    items = [sender.item() for _ in range(2)]
    await intake.commit([sender.deliver(*items)])
    gone = items[0].uuid
    deletion = Deletion(at=1, by="ann", reason="personal data", policy="")
    database.write_sync(
        lambda connection: bury_payload(connection, read_payloads(connection, [gone])[gone], deletion)
    )
    forgetting = GraphForgetting(store=database, graph_url=url, policies=policies, clock=clock)
    with graph_database(url) as graph:
        reading = GraphRead(database=graph)
        await GraphWriter(database=graph, clock=clock).merge([said(one.uuid, REPORT) for one in items])
        await correct(graph, gone)
        assert await forgetting.round() == 0
        assert [await reading.annotation(one.uuid) is None for one in items] == [True, False]
        assert graph.read_sync(lambda connection: read_lines(connection, [gone])) == []
        # What it said stays, unless a policy wants it gone
        assert (await reading.said_by(gone)).count == 2
    missing = f"sqlite:///{tmp_path / 'no.db'}"
    if not policies:
        assert await GraphForgetting(store=database, graph_url=missing, policies=[], clock=clock).round() == 0
