"""Retention in the background: bounded, counted, and never fooled by a clock that jumps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.custody import custody_of
from behaviours import retain
from behaviours.retain import JUMP, Retain
from registry.alarms import Alarms
from registry.database import Database
from registry.graph_forgetting import GraphForgetting
from tests.agents.station import Until
from tests.behaviours.switchboard import started
from tests.behaviours.test_renew import ENGINE, NO_ENDS, Station
from tests.registry.kept import ANNA, DAY, Kept, rules
from vedette.clock import ManualClock
from vedette.configuration.fleet import load_fleet
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.renewal_policy import LEAD


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Any) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


def behaviour(kept: Kept, *, rate: float = 10_000, forgetting: GraphForgetting | None = None) -> Retain:
    return Retain(
        clock=kept.clock,
        agent_name="aggregation",
        retention=kept.retention,
        rules=rules({"keep": "10d"}),
        alarms=Alarms(database=kept.database, clock=kept.clock),
        rate=rate,
        forgetting=forgetting,
    )


async def test_a_graph_that_is_not_there_hinders_no_deletion(
    kept: Kept, until: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(retain, "REST", 0.01)
    await kept.commit(kept.sender.item())
    kept.clock.advance(10 * DAY)
    url = f"sqlite:///{tmp_path / 'missing.db'}"
    forgetting = GraphForgetting(store=kept.database, graph_url=url, policies=["policy"], clock=kept.clock)
    retaining = behaviour(kept, forgetting=forgetting)
    with capture_logs() as lines:
        async with started(retaining):
            await until(lambda: retaining.counters["not taken back"] >= 2)
            assert retaining.counters["deleted"] == 1
    assert any("still in the graph" in line["event"] for line in lines)


async def test_it_deletes_what_is_due_round_after_round_and_says_what_is_left(
    kept: Kept, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain, "REST", 0.01)
    uuids = await kept.commit(*(kept.sender.item() for _ in range(7)))
    await kept.holds.hold(uuids[0], actor=ANNA, reason="a court wants it")
    kept.clock.advance(10 * DAY)
    retaining = behaviour(kept)
    with capture_logs() as lines:
        async with started(retaining):
            await until(lambda: retaining.counters["rounds"] >= 2)
            assert (retaining.counters["deleted"], retaining.counters["held"]) == (6, 1)
            await kept.holds.release(uuids[0], actor=ANNA)
            await until(lambda: retaining.counters["deleted"] == 7)
            await until(lambda: retaining.counters["held"] == 0)
    assert [line["count"] for line in lines if line["event"] == "payloads deleted"] == [6, 1]
    assert retaining.counters["bytes"] == 7 * len(b"22/tcp open")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_it_rests_for_as_long_as_the_rate_says(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept.commit(*(kept.sender.item() for _ in range(5)))
    kept.clock.advance(10 * DAY)
    retaining, rests = behaviour(kept, rate=2), []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(retaining, "pause", rest)
    for _ in range(4):
        await retaining.run()
    assert rests == [1.0, 1.0, 0.5, retain.REST]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("jump", "deleted"), [(JUMP - 1, 1), (JUMP + 1, 0), (400 * DAY, 0), (-400 * DAY, 0)])
async def test_a_clock_that_jumps_ahead_deletes_nothing_and_is_an_alarm(
    kept: Kept, jump: float, deleted: int
) -> None:
    await kept.commit(kept.sender.item())
    kept.clock.advance(10 * DAY - 1)
    retaining = behaviour(kept, rate=1e9)

    async def rest(_seconds: float) -> None:
        return

    retaining.pause = rest  # type: ignore[method-assign]
    kept.clock.jump(jump)
    await retaining.run()
    kept.clock.jump(-jump)
    await retaining.run()
    assert retaining.counters["deleted"] == deleted
    alarms = await Alarms(database=kept.database, clock=kept.clock).all()
    assert [alarm.kind for alarm in alarms] == (["clock"] if jump > JUMP else [])


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("policies", "there"), [("[]", False), ("[{name: old, keep: 90d}]", True)])
async def test_an_engine_gets_it_when_there_are_policies(
    kept: Kept, tmp_path: Path, policies: str, there: bool
) -> None:
    file = tmp_path / "vedette.yml"
    file.write_text(f"retention: {policies}\ntsa: [{{name: local}}]\n", encoding="utf-8")
    configuration, paths = load_fleet(file)
    paths.make()
    LocalAuthority.open(paths.tsa, clock=kept.clock, create=True)
    custody = custody_of(
        configuration, paths, database=kept.database, engine=ENGINE, authorities=[kept.authority], clock=kept.clock
    )
    assert ("retain" in [one.name for one in custody.behaviours()]) is there


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_an_engine_takes_back_in_the_graph_when_a_policy_wants_it(
    kept: Kept, tmp_path: Path, until: Until
) -> None:
    file = tmp_path / "vedette.yml"
    file.write_text("retention: [{name: old, keep: 90d, graph: goes}]\ntsa: [{name: local}]\n", encoding="utf-8")
    configuration, paths = load_fleet(file)
    paths.make()
    LocalAuthority.open(paths.tsa, clock=kept.clock, create=True)
    retaining = custody_of(
        configuration, paths, database=kept.database, engine=ENGINE, authorities=[kept.authority], clock=kept.clock
    ).retaining
    assert retaining is not None
    async with started(retaining):
        # There is no graph to take it back in, which it says.
        await until(lambda: retaining.counters["not taken back"])


async def test_a_renewal_in_a_new_digest_after_a_deletion_still_verifies(
    database: Database, clock: ManualClock, tmp_path: Path, sender: Any
) -> None:
    station = Station(database=database, clock=clock, folder=tmp_path)
    authority: LocalAuthority = station.authority("one")
    uuids = await station.collect(sender, authority, items=3)
    kept = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await kept.retention.delete(uuids[1], actor=ANNA, reason="law")
    ends = NO_ENDS | {"sha256": clock.now() + LEAD - 1}
    report = await station.run(authority, lifetimes=ends).run()
    assert (report.renewed, report.left) == (1, ())
    await kept.retention.delete(uuids[2], actor=ANNA, reason="law")
    for uuid in uuids:
        assert "renewals: 1" in await station.check(uuid)
    assert [(await station.proofs.bundle_contents(uuid)).deletion is not None for uuid in uuids] == [
        False,
        True,
        True,
    ]
