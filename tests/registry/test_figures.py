"""The store in figures: the same on both databases, and counted on as items come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.database import Database
from registry.directory import Directory
from registry.figures import OTHER, TYPES, Figures
from registry.graph_reading import GraphRead
from registry.intake import Intake
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.refusals import Refusal, Refusals
from vedette.clock import ManualClock
from vedette.graph.port import GraphCounts
from vedette.messages.card import Role
from vedette.signing import SigningKey
from web.api.exposition import Snapshot

ENGINE = "engine@localhost"


@pytest.fixture
def figures(database: Database, clock: ManualClock, tmp_path: Path) -> Figures:
    (tmp_path / "outboxes").mkdir()
    return Figures(database=database, data=tmp_path, outboxes=tmp_path / "outboxes", clock=clock)


async def test_an_empty_store_has_figures_too(figures: Figures) -> None:
    found = await figures.now()
    assert (found.committed, found.unstamped.count, found.queues, found.agents) == (0, 0, (), {})
    assert found.by_type == dict.fromkeys((*TYPES, OTHER), 0)
    assert found.size > 0
    assert found.disk_free > 0


async def test_everything_is_counted(
    figures: Figures, intake: Intake, database: Database, clock: ManualClock, sender: Any
) -> None:
    await figures.now()
    items = [sender.item(type=kind) for kind in ("scan", "scan", "flow", "what I like")]
    await intake.commit([sender.deliver(*items)])
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    batch = await proofs.close_batch(max_items=1)
    assert batch is not None
    await proofs.set_failed(batch, "test")
    await Refusals(database=database).record([Refusal(at=1, sender="a", uuid="", field="", reason="")])
    directory = Directory(database=database, clock=clock)
    await directory.enrol("a@x", role=Role.PROBE, public_key=SigningKey.generate().verifying.text)
    clock.advance(2)

    found = await figures.now()

    assert {kind: count for kind, count in found.by_type.items() if count} == {"scan": 2, "flow": 1, OTHER: 1}
    assert (found.items[ProofState.FAILED], found.items[ProofState.PENDING]) == (1, 3)
    assert (found.committed, found.refusals, found.alarms) == (4, 1, 0)
    assert (found.unstamped.count, found.unstamped.failed) == (4, 1)
    assert found.agents == {("probe", "unknown"): 1}


async def test_what_was_there_before_is_not_counted_as_new(figures: Figures, intake: Intake, sender: Any) -> None:
    await intake.commit([sender.deliver(count=3)])
    found = await figures.now()
    assert (found.committed, found.by_type["scan"]) == (3, 0)


async def test_the_graph_is_counted_once_a_minute_and_hides_nothing_when_it_cannot_be(
    database: Database, graph_store: Database, clock: ManualClock, tmp_path: Path
) -> None:
    graph = GraphRead(database=graph_store)
    figures = Figures(database=database, data=tmp_path, outboxes=tmp_path, clock=clock, graph=graph)
    found = await figures.now()
    assert found.graph == GraphCounts(vertices=0, edges=0, mentions=0, origins=0, reviews=0)
    written = Snapshot(store=found).collect()
    assert "vedette_graph_vertices" in {family.name for family in written}
    graph_store.close()
    clock.advance(59)
    assert (await figures.now()).graph == found.graph
    clock.advance(2)
    lost = await figures.now()
    assert (lost.graph, lost.committed) == (None, 0)
    assert "vedette_graph_vertices" not in {family.name for family in Snapshot(store=lost).collect()}
