"""What keeps evidence alive in an engine: a bounded sweep, alarms on the page, and everything wired."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from behaviours import custody as module
from behaviours import sweep as sweeping
from behaviours.custody import Custody
from registry import tables
from registry.database import Database
from registry.intake import Intake
from registry.proofs import Proofs
from vedette.clock import ManualClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.fetching.client import HttpFetcher
from vedette.fetching.policy import FetchPolicy

ENGINE = "engine@localhost"


@pytest.fixture
async def custody(database: Database, clock: ManualClock, tmp_path: Path, sender: Any) -> AsyncIterator[Custody]:
    """The custody of a store with 20 stamped items."""
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)
    intake = Intake(database=database, engine=ENGINE, clock=clock)
    await intake.open()
    for _ in range(20):
        await intake.commit([sender.send_unsigned(sender.item())])
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    batch = await proofs.close_batch(max_items=100)
    assert batch is not None
    token = await authority.stamp(batch.root)
    await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
    fetcher = HttpFetcher(policy=FetchPolicy())
    yield Custody(
        database=database,
        engine=ENGINE,
        clock=clock,
        authorities=[authority],
        roots={"local": authority.roots},
        fetcher=fetcher,
        rate=50.0,
    )
    await fetcher.aclose()


async def test_the_sweep_keeps_to_its_rate(custody: Custody) -> None:
    started = time.monotonic()
    await custody.sweeping.run()
    assert custody.sweeping.counters["items"] == 20
    assert time.monotonic() - started >= 20 / 50
    assert custody.sweeping.counters["found"] == 0


async def test_damage_is_an_alarm_on_the_page_once(
    custody: Custody, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "REST", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    await custody.watching.run()
    assert (custody.notes(), custody.panels()[0].rows) == ([], [])
    item = tables.item
    damage = update(item).where(item.c.log_index == 7).values(payload=b"other")
    await database.write(lambda connection: connection.execute(damage) and None)

    for _ in range(4):
        await custody.sweeping.run()
    await custody.watching.run()

    assert (custody.sweeping.counters["rounds"], custody.sweeping.counters["found"]) == (2, 1)
    ((_, kind, place, _),) = custody.panels()[0].rows
    assert (kind.text, place.text.endswith("item 7")) == ("payload", True)
    assert "1 alarms" in custody.notes()[0]


async def test_what_an_engine_gets(custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("behaviours.revocation.LOOK_EVERY", 0.0)
    assert [one.name for one in custody.behaviours()] == ["revocation", "renew", "sweep", "watch"]
    await custody.revoking.run()
    await custody.renewing.run()
    assert custody.renewing.counters["records renewed"] == 0
