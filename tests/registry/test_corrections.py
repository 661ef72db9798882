"""Correcting items' texts on both databases: what is kept, who did it, and what the graph says then."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Actor
from registry.corrections import Corrections, NoAnnotationError, UnknownCorrectionError
from registry.database import Database
from registry.graph_correcting import GraphCorrecting
from registry.graph_corrections import corrections_of, forget_corrections, read_lines
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.prose_documents import keep_reading, place_of, report
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.extraction.prose.corrections.kinds import (
    AddEntity,
    AddRelation,
    ChangeEntity,
    RejectEntity,
    RejectRelation,
)
from vedette.graph.port import KeptAnnotation, VertexFilter

ITEM, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
BY = Actor(who="user anna", origin="192.0.2.1")
REPORT = report()
LAZARUS, QAKBOT, BANKS = (place_of(REPORT, text) for text in ("Lazarus Group", "Qakbot", "banks"))
USES = RejectRelation(head=LAZARUS, relation="uses", tail=QAKBOT)


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A store for the audit log; which database that is changes nothing here."""
    path = tmp_path / "audited.db"
    shutil.copyfile(request.getfixturevalue("migrated_file"), path)
    with Database(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
async def corrections(graph_store: Database, store: Database, clock: ManualClock) -> Corrections:
    """Those of a graph in which the report was read."""
    await keep_reading(graph_store, REPORT, item=ITEM)
    return Corrections.over(graph_store, store=store, clock=clock)


async def edges_of(graph: Database, name: str) -> set[tuple[str, str]]:
    """Relations and other ends of what leaves a vertex."""
    reading = GraphRead(database=graph)
    (vertex, *_) = (await reading.find(VertexFilter(name=name))).vertices
    found = await reading.edges(vertex.id, direction="out")
    return {(edge.relation, found.vertices[edge.in_id].name) for edge in found.edges}


async def types_of(graph: Database, name: str) -> set[str]:
    return {one.type for one in (await GraphRead(database=graph).find(VertexFilter(name=name))).vertices}


async def test_the_graph_says_what_a_person_says_and_again_what_was_read(
    corrections: Corrections, graph_store: Database
) -> None:
    before = await edges_of(graph_store, "Lazarus Group")
    assert any(name == "Qakbot" for _, name in before)
    line = await corrections.add(ITEM, USES, why="It only names both.", by=BY)
    after = await edges_of(graph_store, "Lazarus Group")
    assert not any(name == "Qakbot" for _, name in after)
    await corrections.undo(ITEM, line.id, by=BY)
    assert await edges_of(graph_store, "Lazarus Group") == before
    await corrections.add(ITEM, RejectEntity(at=LAZARUS), by=BY)
    await corrections.add(ITEM, AddEntity(at=place_of(REPORT, "scripts"), label="MALWARE"), by=BY)
    assert await types_of(graph_store, "scripts") == {"Malware"}


async def test_who_did_what_when_and_why_is_kept_and_audited(
    corrections: Corrections, graph_store: Database, store: Database, clock: ManualClock
) -> None:
    made_at = clock.now()
    line = await corrections.add(ITEM, ChangeEntity(at=BANKS, to=BANKS, label="ORG"), why="So\0it is.", by=BY)
    clock.advance(5)
    await corrections.undo(ITEM, line.id, why="No.", by=Actor(who="user bert", origin="here"))
    (kept,) = await corrections.lines(ITEM)
    assert (kept.made_by, kept.made_at, kept.why) == ("user anna", made_at, "So\ufffdit is.")
    assert (kept.undone_by, kept.undone_at, kept.undone_why) == ("user bert", clock.now(), "No.")
    audit = (await Audit(database=store, clock=clock).page(wanted=AuditFilter(action="correction."))).entries
    assert [(one.action, one.who) for one in audit] == [
        ("correction.undo", "user bert"),
        ("correction.add", "user anna"),
    ]
    assert all("banks" not in one.detail for one in audit), "the log outlives the text"
    (of_item,) = (await graph_store.read(lambda connection: corrections_of(connection, [ITEM, OTHER]))).values()
    assert (of_item.revision, of_item.corrections) == (2, ())


async def test_what_does_not_fit_or_changes_nothing_is_refused_and_not_kept(corrections: Corrections) -> None:
    for wrong in (
        RejectEntity(at=place_of(REPORT, "against")),
        ChangeEntity(at=LAZARUS, to=place_of(REPORT, "Norway.\nThe"), label="ORG"),
        AddRelation(head=LAZARUS, relation="uses", tail=LAZARUS),
        RejectRelation(head=LAZARUS, relation="drops", tail=QAKBOT),
    ):
        with pytest.raises(RefusedError):
            await corrections.add(ITEM, wrong, by=BY)
    await corrections.add(ITEM, USES, by=BY)
    with pytest.raises(RefusedError):
        await corrections.add(ITEM, USES, by=BY)
    assert len(await corrections.lines(ITEM)) == 1


async def test_what_is_not_there_cannot_be_corrected_or_taken_back(corrections: Corrections) -> None:
    with pytest.raises(NoAnnotationError):
        await corrections.add(OTHER, USES, by=BY)
    with pytest.raises(NoAnnotationError):
        await corrections.of_item(OTHER)
    line = await corrections.add(ITEM, USES, by=BY)
    await corrections.undo(ITEM, line.id, by=BY)
    for item, number in ((ITEM, line.id), (OTHER, line.id), (ITEM, 999)):
        with pytest.raises(UnknownCorrectionError):
            await corrections.undo(item, number, by=BY)
    assert (await corrections.was_read(ITEM), await corrections.was_read(OTHER)) == (True, False)


async def test_a_newer_reading_is_corrected_too_and_what_does_not_fit_it_is_told(
    corrections: Corrections, graph_store: Database
) -> None:
    fits = await corrections.add(ITEM, USES, by=BY)
    gone = await corrections.add(ITEM, ChangeEntity(at=BANKS, to=BANKS, label="ORG"), by=BY)
    newer = REPORT.model_copy(
        update={"entities": tuple(one for one in REPORT.entities if one.id < 2), "relations": REPORT.relations[:1]}
    )
    await keep_reading(graph_store, newer, item=ITEM, version="2")
    found = await corrections.of_item(ITEM)
    assert set(found.unfit) == {gone.id}
    assert [line.id for line in found.lines] == [fits.id, gone.id]
    assert found.corrected.document.relations == ()
    assert found.read.relations != ()


async def test_lessons_are_of_what_counts(corrections: Corrections, graph_store: Database) -> None:
    assert [one async for one in corrections.lessons()] == []
    await keep_reading(graph_store, REPORT, item=OTHER)
    await corrections.add(ITEM, ChangeEntity(at=BANKS, to=BANKS, label="ORG"), by=BY)
    undone = await corrections.add(OTHER, USES, by=BY)
    await corrections.add(
        OTHER, AddRelation(head=LAZARUS, relation="targets", tail=place_of(REPORT, "Norway")), by=BY
    )
    await corrections.undo(OTHER, undone.id, by=BY)
    first, second = [one async for one in corrections.lessons()]
    assert (len(first.entities), len(first.relations)) == (1, 0)
    assert (len(second.entities), [one["relation"] for one in second.relations]) == (0, ["targets"])


async def test_corrections_go_with_the_text_that_they_quote(
    corrections: Corrections, graph_store: Database, clock: ManualClock
) -> None:
    await corrections.add(ITEM, USES, by=BY)
    writer = GraphWriter(database=graph_store, clock=clock)
    await writer.withdraw(item=ITEM, who="retention", why="deleted")
    await graph_store.write(lambda connection: forget_corrections(connection, [ITEM]))
    assert await graph_store.read(lambda connection: read_lines(connection, [ITEM])) == []
    assert [one async for one in corrections.lessons()] == []


class Withdrawing(GraphRead):
    """Somebody deletes the item's text right after it was looked at."""

    def __init__(self, *, database: Database, writer: GraphWriter) -> None:
        super().__init__(database=database)
        self._writer = writer

    async def annotation(self, item: str, *, tokens: bool = True) -> KeptAnnotation | None:
        found = await super().annotation(item, tokens=tokens)
        await self._writer.withdraw(item=item, who="retention", why="deleted")
        return found


async def test_a_text_deleted_meanwhile_leaves_no_quotation_of_it(
    corrections: Corrections, graph_store: Database, store: Database, clock: ManualClock
) -> None:
    assert await corrections.was_read(ITEM)
    writer = GraphWriter(database=graph_store, clock=clock)
    raced = Corrections(
        graph=graph_store,
        reading=Withdrawing(database=graph_store, writer=writer),
        rereading=GraphCorrecting(database=graph_store, writing=writer),
        audit=Audit(database=store, clock=clock),
        clock=clock,
    )
    with pytest.raises(NoAnnotationError):
        await raced.add(ITEM, USES, by=BY)
    assert await corrections.lines(ITEM) == []


async def test_of_two_who_say_the_same_at_once_one_is_told_so(corrections: Corrections) -> None:
    both = await asyncio.gather(*(corrections.add(ITEM, USES, by=BY) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["CorrectionLine", "RefusedError"]
    assert len(await corrections.lines(ITEM)) == 1
