"""Partitions in the background: made ahead, dropped whole, and nothing is lost where one cannot be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from behaviours import partition, retain
from behaviours.partition import Partition
from behaviours.retain import Retain
from registry import partitions as module
from registry.alarms import Alarms
from registry.database import Database
from registry.engines import parse_url
from registry.partition_dropping import PartitionRetention
from registry.partitions import Partitions
from tests.agents.station import Until
from tests.behaviours.switchboard import started
from tests.registry.kept import DAY, Kept, rules
from vedette.clock import ManualClock

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Any) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


def making(kept: Kept) -> Partition:
    partitions = Partitions(database=kept.database, clock=kept.clock)
    return Partition(clock=kept.clock, agent_name="aggregation", partitions=partitions, days=1)


async def test_they_are_made_as_time_goes_on_and_dropped_when_all_in_one_is_due(
    kept: Kept, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(retain, "REST", 0.01)
    making_them = making(kept)
    async with started(making_them):
        await until(lambda: making_them.counters["made"] == 7)
        (uuid,) = await kept.commit(kept.sender.item())
        kept.clock.advance(10.5 * DAY)
        await until(lambda: making_them.counters["made"] > 7)
    retaining = Retain(
        clock=kept.clock,
        agent_name="aggregation",
        retention=kept.retention,
        rules=rules({"keep": "10d"}),
        alarms=Alarms(database=kept.database, clock=kept.clock),
        rate=10_000,
        partitions=PartitionRetention(database=kept.database, clock=kept.clock),
    )
    with capture_logs() as lines:
        async with started(retaining):
            await until(lambda: retaining.counters["rounds"] >= 2)
    assert (retaining.counters["partitions dropped"], retaining.counters["deleted"]) == (1, 1)
    assert [line["payloads"] for line in lines if line["event"] == "partition dropped"] == [{"p0": 1}]
    assert (await kept.payload(uuid))["deleted"]["policy"] == "p0"


async def test_where_one_cannot_be_made_payloads_are_kept_all_the_same_and_it_is_said(
    kept: Kept, until: Until, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(module, "LOCK_WAIT", "20ms")
    making_them = making(kept)
    with capture_logs() as lines, psycopg.connect(str(parse_url(store_url).set(drivername="postgresql"))) as reader:
        reader.execute("SELECT count(*) FROM item_payload")
        async with started(making_them):
            await until(lambda: making_them.counters["not made"] >= 1)
            (uuid,) = await kept.commit(kept.sender.item())
            reader.rollback()
            await until(lambda: making_them.counters["made"] == 7)
    assert any("partition not made" in line["event"] for line in lines)
    assert "raw" in await kept.payload(uuid)
    assert await kept.swept() == []
