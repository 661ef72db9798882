"""What agents report of their outboxes: the last report counts, strangers have none, and lists have it."""

from __future__ import annotations

from registry.agent_list import AgentLine, AgentList, AgentsWanted
from registry.agent_reports import OutboxReport
from registry.database import Database
from registry.directory import Directory
from vedette.clock import ManualClock
from vedette.messages.card import Role

FULL = OutboxReport(reported_at=10, waiting=3, waiting_since=4, dead_letters=1)
EMPTY = OutboxReport(reported_at=20, waiting=0, waiting_since=None, dead_letters=0)


async def listed(database: Database, **wanted: bool) -> list[AgentLine]:
    return (await AgentList(database=database).page(wanted=AgentsWanted(**wanted), limit=10)).rows


async def test_the_last_report_is_the_one_that_counts(database: Database, clock: ManualClock) -> None:
    directory = Directory(database=database, clock=clock)
    for name in ("a@x", "b@x"):
        await directory.enrol(name, role=Role.PROBE, public_key=None, unsigned_allowed=True)
    await directory.seen({"a@x": 1}, {"a@x": FULL, "stranger@x": FULL})
    first, silent = await listed(database)
    assert (first.reported_at, first.waiting, first.waiting_since, first.dead_letters) == (10, 3, 4, 1)
    assert (silent.reported_at, silent.waiting, silent.waiting_since, silent.dead_letters) == (None,) * 4
    assert [line.jid for line in await listed(database, waiting=True)] == ["a@x"]

    await directory.seen({}, {"a@x": EMPTY})
    assert [(line.reported_at, line.waiting) for line in await listed(database)] == [(20, 0), (None, None)]
    assert await listed(database, waiting=True) == []
    assert set(await AgentList(database=database).lines(["b@x", "stranger@x"])) == {"b@x"}
