"""What keeps evidence alive in an engine: a bounded sweep, alarms on the page, and everything wired."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from behaviours import custody as module
from behaviours import sweep as sweeping
from behaviours.custody import Custody
from registry.content import ContentFolder
from registry.database import Database
from registry.duties import Duties, Duty
from registry.intake import Intake
from registry.leases import Held
from registry.payload_tables import item_payload
from registry.proofs import Proofs
from vedette.clock import ManualClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.retention import RetentionRule
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
    damage = update(item_payload).where(item_payload.c.log_index == 7).values(payload=b"other")
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
    names = [one.name for one in custody.behaviours()]
    assert names[:4] == ["revocation", "renew", "sweep", "watch"]
    assert names[4:] == (["partition"] if custody.partitioning else [])
    await custody.revoking.run()
    await custody.renewing.run()
    assert custody.renewing.counters["records renewed"] == 0


async def test_an_engine_does_for_the_whole_store_what_it_holds_and_nothing_else(
    database: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("behaviours.renew.LOOK_AT_TURN", 0.0)
    monkeypatch.setattr("behaviours.revocation.LOOK_AT_TURN", 0.0)
    monkeypatch.setattr("behaviours.revocation.LOOK_EVERY", 0.0)
    monkeypatch.setattr("behaviours.retain.LOOK_AT_TURN", 0.0)
    monkeypatch.setattr("behaviours.retain.REST", 0.0)
    fetcher, duties = HttpFetcher(policy=FetchPolicy()), Duties(ENGINE, leased=True)
    custody = Custody(
        database=database,
        engine=ENGINE,
        clock=clock,
        authorities=[],
        roots={},
        fetcher=fetcher,
        rate=50.0,
        documents=ContentFolder(tmp_path / "documents", limit=1024),
        rules=[RetentionRule(name="old", type=None, source="#", keep=1, states=frozenset())],
        duties=duties,
    )
    asked: list[str] = []

    async def note(name: str) -> None:
        asked.append(name)

    monkeypatch.setattr(custody.revoking, "refresh", partial(note, "revocation"))
    assert custody.retaining is not None
    for held, done in ((frozenset[str](), 0), (frozenset(Duty), 1)):
        duties.hold(Held(engines=(ENGINE,), duties=held))
        for behaviour in (custody.renewing, custody.revoking, custody.retaining):
            await behaviour.run()
        assert custody.retaining.counters["rounds"] == done
        assert (custody.renewing._ran_at is not None, len(asked)) == (bool(done), done)
    await fetcher.aclose()
