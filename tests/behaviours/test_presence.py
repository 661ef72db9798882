"""Presence is true: silence means gone, the watcher itself stays, and a failing store loses nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from behaviours import presence
from behaviours.admit import Admit
from behaviours.presence import SILENT_AFTER, SWEEP_EVERY, Change, WatchPresence
from registry.agent_list import AgentList, AgentsWanted
from registry.database import Database
from registry.directory import Directory
from tests.agents.station import Until
from tests.behaviours.switchboard import Switchboard, incoming, started
from vedette.clock import ManualClock
from vedette.clock_offsets import ClockOffset
from vedette.messages.card import Heartbeat, Role
from vedette.messages.envelope import Action, Performative
from vedette.signing import SigningKey

REGISTRY, PROBE = "registry@localhost", "probe1@localhost"


class Fleet:
    """A directory with two agents, watched."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.directory = Directory(database=database, clock=self.clock)
        self.changes: list[Change] = []
        self.watch = WatchPresence(
            clock=self.clock,
            agent_name="registry",
            watcher=REGISTRY,
            directory=self.directory,
            changed=self.changes.append,
        )

    async def shows(self, jid: str) -> tuple[str, str]:
        """Return what the directory says of an agent."""
        (entry,) = [entry for entry in await self.directory.agents() if entry.jid == jid]
        return entry.show, entry.status

    async def is_shown(self, jid: str, show: str) -> bool:
        """Tell whether the directory says this of an agent."""
        return (await self.shows(jid))[0] == show


@pytest.fixture
async def fleet(database: Database, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Two enrolled agents, of which nothing was heard yet."""
    monkeypatch.setattr(presence, "SWEEP_EVERY", 0.02)
    fleet = Fleet(database)
    for jid, role in ((REGISTRY, Role.REGISTRY), (PROBE, Role.PROBE)):
        await fleet.directory.enrol(jid, role=role, public_key=SigningKey.generate().verifying.text)
    return fleet


async def test_what_a_heartbeat_says_of_the_outbox_is_known_without_asking(fleet: Fleet, until: Until) -> None:
    async def reported() -> list[tuple[int | None, int | None, int | None]]:
        page = await AgentList(database=fleet.database).page(wanted=AgentsWanted(role=Role.PROBE), limit=9)
        return [(line.waiting, line.waiting_since, line.dead_letters) for line in page.rows]

    now = fleet.clock.now()
    fleet.watch.reported(PROBE, Heartbeat(pending=3, oldest=60, dead_letters=1))
    # Who has no outbox says nothing of one, and a stranger is not believed.
    fleet.watch.reported(REGISTRY, Heartbeat())
    fleet.watch.reported("stranger@localhost", Heartbeat(pending=9))
    async with started(fleet.watch):
        fleet.clock.advance(SWEEP_EVERY)
        await until(reported_is(reported, [(3, now - 60, 1)]))
        fleet.watch.reported(PROBE, Heartbeat(pending=0, oldest=5))
        fleet.clock.advance(SWEEP_EVERY)
        await until(reported_is(reported, [(0, None, 0)]))


async def test_how_an_agents_clock_stands_is_known_while_it_is_there(fleet: Fleet) -> None:
    now = fleet.clock.now()
    # Whoever is not known to be there is not measured.
    fleet.watch.reported(PROBE, Heartbeat(sent_at=now))
    assert list(fleet.watch.clocks.known()) == []
    fleet.watch.heard(PROBE, show="available", status="", cause="heartbeat")
    fleet.watch.reported(PROBE, Heartbeat())
    fleet.watch.reported(PROBE, Heartbeat(sent_at=now + 7, clock_set=False))
    assert list(fleet.watch.clocks.known()) == [ClockOffset(agent=PROBE, ahead=7, is_set=False)]
    fleet.watch.heard(PROBE, show="gone", status="", cause="presence")
    assert list(fleet.watch.clocks.known()) == []


def reported_is(read: Callable[[], Awaitable[Any]], wanted: Any) -> Callable[[], Awaitable[bool]]:
    """Return what tells whether this is known."""

    async def is_so() -> bool:
        return bool(await read() == wanted)

    return is_so


async def test_an_agent_without_signs_of_life_is_gone_and_says_why(fleet: Fleet, until: Until) -> None:
    fleet.watch.heard(PROBE, show="available", status="", cause="registered")
    async with started(fleet.watch):
        await until(lambda: fleet.is_shown(PROBE, "available"))
        fleet.clock.advance(SILENT_AFTER - 1)
        fleet.watch.heard(PROBE, show="available", status="", cause="heartbeat")
        fleet.clock.advance(SILENT_AFTER - 1)
        await until(lambda: fleet.watch.state().runs > 3)
        assert await fleet.is_shown(PROBE, "available")
        fleet.clock.advance(2)
        await until(lambda: fleet.is_shown(PROBE, "gone"))
    assert await fleet.shows(PROBE) == ("gone", "no sign of life for 30 s")
    (last, *_) = await fleet.directory.history(PROBE)
    assert last.cause == "silence"


async def test_a_heartbeat_brings_a_silent_one_back(fleet: Fleet, until: Until) -> None:
    fleet.watch.heard(PROBE, show="available", status="", cause="registered")
    async with started(fleet.watch):
        await until(lambda: fleet.is_shown(PROBE, "available"))
        fleet.clock.advance(SILENT_AFTER + 1)
        await until(lambda: fleet.is_shown(PROBE, "gone"))
        fleet.watch.heard(PROBE, show="dnd", status="outbox full", cause="heartbeat")
        await until(lambda: fleet.is_shown(PROBE, "dnd"))
    assert [change.show for change in fleet.changes] == ["available", "gone", "dnd"]


async def test_the_registry_does_not_call_itself_gone(fleet: Fleet, until: Until) -> None:
    fleet.watch.heard(REGISTRY, show="available", status="", cause="registered")
    fleet.watch.heard(PROBE, show="available", status="", cause="registered")
    async with started(fleet.watch):
        await until(lambda: fleet.is_shown(PROBE, "available"))
        fleet.clock.advance(10 * SILENT_AFTER)
        await until(lambda: fleet.is_shown(PROBE, "gone"))
    assert await fleet.is_shown(REGISTRY, "available")


async def test_a_card_does_not_overrule_what_the_agent_said(fleet: Fleet, until: Until) -> None:
    async with started(fleet.watch):
        fleet.watch.heard(PROBE, show="dnd", status="outbox full", cause="presence")
        fleet.watch.registered(PROBE)
        await until(lambda: fleet.is_shown(PROBE, "dnd"))
        fleet.watch.heard(PROBE, show="gone", status="stopped", cause="presence")
        fleet.watch.registered(PROBE)
        await until(lambda: fleet.is_shown(PROBE, "available"))


async def test_what_a_session_said_before_it_ended_does_not_bring_it_back(fleet: Fleet, until: Until) -> None:
    ended: set[str] = set()
    desk = Admit(
        clock=fleet.clock,
        agent_name="registry",
        exchange=Switchboard(),
        directory=fleet.directory,
        watch=fleet.watch,
        key=SigningKey.generate(),
        has_ended=ended.__contains__,
    )
    beat = incoming(Performative.INFORM, Action.HEARTBEAT, Heartbeat().model_dump(), sender=PROBE)
    async with started(fleet.watch), started(desk):
        desk.deliver(beat)
        await until(lambda: fleet.is_shown(PROBE, "available"))
        # The stanza about the end overtakes the message, which waits to be admitted.
        ended.add(beat.full_sender)
        fleet.watch.heard(PROBE, show="gone", status="", cause="presence")
        desk.deliver(beat)
        await until(lambda: desk.counters["late"] == 1)
        await until(lambda: fleet.is_shown(PROBE, "gone"))
        ended.clear()
        desk.deliver(beat)
        await until(lambda: fleet.is_shown(PROBE, "available"))


async def test_a_stranger_gets_no_entry(fleet: Fleet, until: Until) -> None:
    async with started(fleet.watch):
        fleet.watch.heard("stranger@localhost", show="available", status="", cause="presence")
        fleet.watch.heard(PROBE, show="available", status="", cause="presence")
        await until(lambda: fleet.is_shown(PROBE, "available"))
    assert fleet.watch.state().failures == 0
    assert len(await fleet.directory.agents()) == 2


async def test_what_could_not_be_written_is_written_with_the_next_sign_of_life(
    fleet: Fleet, until: Until, database: Database
) -> None:
    database.close()
    fleet.watch.heard(PROBE, show="available", status="", cause="registered")
    async with started(fleet.watch):
        await until(lambda: fleet.watch.state().failures == 1)
        database.open()
        fleet.watch.heard(PROBE, show="available", status="", cause="heartbeat")
        await until(lambda: fleet.is_shown(PROBE, "available"))
