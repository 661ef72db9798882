"""Which shares items wake, and what their exports wait for; on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.callers import Actor
from registry.database import Database
from registry.export_readiness import PATIENCE, ShareReadiness
from registry.exports import Exports
from registry.queue_bindings import Asker
from registry.queues import Queues
from registry.share_waking import ShareWaking
from tests.registry.conftest import Sender
from tests.registry.kept import Kept
from vedette.clock import MICROSECONDS, ManualClock
from vedette.configuration.sharing import SharingSection
from vedette.errors import RefusedError
from vedette.sharing.request import ExportRequest

AGENT = Actor(who="agent misp@localhost", origin="sharing")
KEY = "vedette.in.structured.nmap.probe1"


def sharing_of(*shares: dict[str, Any]) -> SharingSection:
    destinations = [{"name": name, "exporter": "file"} for name in ("alpha", "beta")]
    return SharingSection.model_validate(
        {"destinations": destinations, "shares": [{"when": "automatic", "to": ["alpha"], **one} for one in shares]}
    )


class Desk:
    """A store with items, and the shares of a configuration."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path, *shares: dict[str, Any]) -> None:
        self.sharing = sharing_of(*shares)
        self.exports = Exports(database=database, clock=clock, sharing=self.sharing)
        self.waking = ShareWaking(database=database, exports=self.exports)
        self.readiness = ShareReadiness(database=database, clock=clock, sharing=self.sharing, reading="rt")
        self.kept = Kept(database=database, clock=clock, folder=folder, sender=Sender())
        self.queues = Queues(database=database, clock=clock)

    async def commit(self, **meta: Any) -> str:
        (uuid,) = await self.kept.commit(self.kept.sender.item(**meta), stamped=False)
        return uuid

    async def stamp(self, *, external: bool) -> None:
        proofs = self.kept.proofs
        while (batch := await proofs.close_batch(max_items=100)) is not None:
            pass
        for batch in await proofs.pending_batches(tsa="t", limit=100):
            token = await self.kept.authority.stamp(batch.root)
            await proofs.store_token(batch=batch, tsa="t", external=external, token=token)

    async def woken(self, *uuids: str) -> list[str]:
        await self.waking.wake(uuids, by=AGENT)
        return sorted(f"{one.destination} {one.key}" for one in (await self.exports.page()).rows)


async def test_items_wake_the_shares_that_select_them(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    desk = Desk(
        database,
        clock,
        tmp_path,
        {"name": "all", "select": "type=scan", "to": ["alpha", "beta"]},
        {"name": "targets", "select": f"source={KEY}", "per": "target"},
        {"name": "days", "select": "source=*.in.structured.#", "per": "day"},
        {"name": "odd", "select": "verdict=changed type=scan"},
        {"name": "late", "select": "type=scan until=2020-01-01"},
        {"name": "graph", "select": "text=nginx"},
        {"name": "jobs", "select": "type=scan", "per": "job"},
        {"name": "hand", "select": "type=scan", "when": "manual"},
        {"name": "proved", "select": "type=document state=proved"},
    )
    await desk.kept.open()
    scans = [await desk.commit(source=KEY, target=target) for target in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]
    assert await desk.woken(*scans, "unknown") == [
        "alpha search:all",
        "alpha search:days/day:2026-11-22",
        "alpha search:graph",
        "alpha search:targets/target:192.0.2.1",
        "alpha search:targets/target:192.0.2.2",
        "beta search:all",
    ]
    before = await desk.woken()
    document = await desk.commit(type="document", source="vedette.in.unstructured.blog")
    assert set(await desk.woken(document)) - set(before) == {"alpha search:proved"}
    changed = await desk.commit(verdict="changed", source="vedette.in.unstructured.x")
    assert set(await desk.woken(changed)) - set(before) == {"alpha search:proved", "alpha search:odd"}


async def test_a_share_can_be_asked_for_by_hand(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    desk = Desk(database, clock, tmp_path, {"name": "hand", "select": "type=scan", "when": "manual", "per": "target"})
    share = desk.sharing.share("hand")
    (made,) = await desk.waking.ask(share, by=AGENT, part="target=192.0.2.1")
    assert (made.key, made.share, made.approval) == ("search:hand/target:192.0.2.1", "hand", False)
    with pytest.raises(RefusedError):
        await desk.waking.ask(share, by=AGENT, part="colour=red")


async def test_an_export_waits_until_its_items_are_read(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    desk = Desk(database, clock, tmp_path, {"name": "all", "select": "type=scan"})
    await desk.kept.open()
    asker = Asker(jid="rt@localhost", role="rt")
    await desk.queues.bind("rt", owner="rt", asker=asker, patterns=["#"])
    uuid = await desk.commit(source=KEY)
    (export,) = await desk.waking.wake([uuid], by=AGENT)
    assert "read into the graph" in (await desk.readiness.of(export)).reason
    # A person who asks gets what there is.
    asked = await desk.exports.request(ExportRequest(select="type=scan", destination="beta"), by=AGENT)
    assert (await desk.readiness.of(asked)).reason == ""
    # What nobody reads holds nothing up for ever: it goes, and another one follows.
    clock.advance(PATIENCE / MICROSECONDS)
    late = await desk.readiness.of(export)
    assert (late.reason, late.follows) == ("", 600.0)
    (held,) = await desk.queues.lease("rt", asker=asker, life="1", limit=10, max_bytes=10**6, lease_seconds=60)
    await desk.queues.acknowledge("rt", asker=asker, life="1", ids=[held.id])
    ready = await desk.readiness.of(export)
    assert (ready.reason, ready.follows) == ("", None)


async def test_an_export_waits_until_its_items_are_proved(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    desk = Desk(database, clock, tmp_path, {"name": "all", "select": "type=scan", "proof": True})
    await desk.kept.open()
    uuid = await desk.commit(source=KEY)
    clock.advance(1)
    (export,) = await desk.waking.wake([uuid], by=AGENT)
    assert "proved" in (await desk.readiness.of(export)).reason
    # Closed and self-asserted is not enough, however long it takes: nothing says that a proof will come.
    clock.advance(1)
    await desk.stamp(external=False)
    assert "proved" in (await desk.readiness.of(export)).reason
    clock.advance(PATIENCE / MICROSECONDS + 1)
    assert "proved" in (await desk.readiness.of(export)).reason


async def test_what_comes_later_holds_no_proved_export_up(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    desk = Desk(database, clock, tmp_path, {"name": "all", "select": "type=scan", "proof": True})
    await desk.kept.open()
    uuid = await desk.commit(source=KEY)
    (export,) = await desk.waking.wake([uuid], by=AGENT)
    clock.advance(1)
    await desk.stamp(external=True)
    await desk.commit(source=KEY)
    assert (await desk.readiness.of(export)).reason == ""
    # Where items never end, it goes all the same, and another one follows.
    for _ in range(3):
        clock.advance(300)
        await desk.stamp(external=True)
        await desk.waking.wake([await desk.commit(source=KEY)], by=AGENT)
    (export,) = (await desk.exports.page()).rows
    ready = await desk.readiness.of(export)
    assert (ready.reason, ready.follows) == ("", 60.0)
