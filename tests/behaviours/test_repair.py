"""The behaviour that looks: it counts, and wakes whoever shows repairs only when something changed."""

from __future__ import annotations

from pathlib import Path

from behaviours.repair import WatchRepairs
from registry.alarms import Alarms
from registry.database import Database
from registry.repair_watch import RepairWatch
from vedette.clock import ManualClock
from vedette.evidence.finding import Finding
from vedette.repairs.policy import RepairPolicy


async def test_it_tells_what_changed_and_nothing_else(tmp_path: Path) -> None:
    clock, woken = ManualClock(now=1_795_305_600_000_000), list[int]()
    store = Database(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store:
        watch = RepairWatch(
            database=store,
            data=tmp_path,
            outboxes=tmp_path / "outbox",
            observer="e@localhost",
            # Of this machine's disk nothing is assumed.
            policy=RepairPolicy(look_every=0.2, disk_free=0.0),
            stamping=lambda: None,
            states=lambda: (),
            clock=clock,
        )
        looking = WatchRepairs(
            clock=clock, agent_name="registry", watch=watch, changed=lambda: woken.append(len(woken))
        )
        alarms = Alarms(database=store, clock=clock)
        await alarms.report([Finding(kind="gap", place="item 7", text="there is a gap")])
        await looking.run()
        await looking.run()
        assert (looking.counters["looks"], looking.counters["began"], looking.counters["ended"]) == (2, 1, 0)
        assert woken == [0]
        await alarms.acknowledge(1)
        await looking.run()
        assert looking.counters["ended"] == 1
        assert woken == [0, 1]
