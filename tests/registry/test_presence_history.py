"""The presence of many agents over the last hours, with what was before."""

from __future__ import annotations

from registry.database import Database
from registry.directory import Directory, Show
from registry.presence_history import PresenceHistory
from vedette.clock import ManualClock
from vedette.messages.card import Role


async def test_each_agent_has_its_changes_and_the_last_one_before(database: Database) -> None:
    clock = ManualClock()
    directory = Directory(database=database, clock=clock)
    for jid in ("a@x", "b@x", "c@x"):
        await directory.enrol(jid, role=Role.PROBE, public_key=None, unsigned_allowed=True)
    times = []
    changes: list[tuple[str, Show]] = [("a@x", "available"), ("a@x", "gone"), ("b@x", "away"), ("a@x", "available")]
    for jid, show in changes:
        clock.advance(60)
        times.append(clock.now())
        await directory.presence(jid, show=show, status="", cause="presence")

    found = await PresenceHistory(database=database).since(["a@x", "b@x", "c@x"], since=times[3])
    assert found == {
        "a@x": [(times[1], "gone"), (times[3], "available")],
        "b@x": [(times[2], "away")],
        "c@x": [],
    }
    assert await PresenceHistory(database=database).since([], since=0) == {}
