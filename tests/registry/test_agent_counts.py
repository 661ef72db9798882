"""The fleet counted and searched: who was never heard is unknown, who was revoked is not counted."""

from __future__ import annotations

from registry.agent_list import AgentList, AgentsWanted
from registry.database import Database
from registry.directory import Directory
from vedette.clock import ManualClock
from vedette.messages.card import Role


async def test_agents_are_counted_by_presence_and_found_by_text(database: Database) -> None:
    directory, agents = Directory(database=database, clock=ManualClock()), AgentList(database=database)
    assert await agents.counts() == {}
    for jid in ("a@x", "b@x", "c@x", "d@x"):
        await directory.enrol(jid, role=Role.PROBE, public_key=None, unsigned_allowed=True)
    for jid in ("a@x", "d@x"):
        await directory.presence(jid, show="dnd", status="The Queue is full", cause="presence")
    await directory.revoke("d@x")
    assert await agents.counts() == {"dnd": 1, "unknown": 2}

    # A job agent that waits for work is not missing; one that came and went is.
    for jid in ("job1@x", "job2@x"):
        await directory.enrol(jid, role=Role.JOB, public_key=None, unsigned_allowed=True)
    await directory.presence("job2@x", show="gone", status="", cause="presence")
    assert await agents.counts() == {"dnd": 1, "unknown": 2, "gone": 1, "idle": 1}
    lines = await agents.lines(["a@x", "b@x", "job1@x", "job2@x"])
    assert {jid: line.shown for jid, line in lines.items()} == {
        "a@x": "dnd",
        "b@x": "unknown",
        "job1@x": "idle",
        "job2@x": "gone",
    }

    for text, found in {
        "A@X": ["a@x"],
        "queue": ["a@x"],
        "@x": ["a@x", "b@x", "c@x", "job1@x", "job2@x"],
        "%": [],
        "nobody": [],
    }.items():
        page = await agents.page(wanted=AgentsWanted(text=text), limit=10)
        assert [line.jid for line in page.rows] == found, text
