"""Presence both ways: available, busy with the reason, gone, and what is not known is not called gone."""

from __future__ import annotations

import pytest

from registry.directory import AgentEntry
from tests.agents.station import Station, Until
from tests.timing import bound


async def _entry(station: Station, name: str) -> AgentEntry:
    return next(entry for entry in await station.directory.agents() if entry.jid == station.jid(name))


async def test_the_registry_knows_who_is_there_why_and_since_when(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()

    async def shows(show: str) -> bool:
        return (await _entry(station, "sender")).show == show

    await until(lambda: shows("available"))
    since = (await _entry(station, "sender")).since
    assert since is not None
    sender.set_presence(show="dnd", status="outbox full")
    await until(lambda: shows("dnd"))
    entry = await _entry(station, "sender")
    assert entry.status == "outbox full"
    assert entry.since is not None
    assert entry.since > since
    sender.set_presence()
    await until(lambda: shows("available"))
    await sender.stop()
    await until(lambda: shows("gone"))
    history = [change.show for change in await station.directory.history(sender.identity.jid)]
    assert history[:4] == ["gone", "available", "dnd", "available"]


async def test_a_dead_connection_is_seen_as_gone_within_two_seconds(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()

    async def shows(show: str) -> bool:
        return (await _entry(station, "sender")).show == show

    await until(lambda: shows("available"))
    for task in sender._tasks:
        task.cancel()
    sender.client.abort()
    await until(lambda: shows("gone"), bound(2.0))


async def test_who_dies_before_the_registry_has_subscribed_is_seen_as_gone(
    station: Station, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    await station.start_hub()
    # It is present at once; seeing it by subscription takes two more round trips.
    monkeypatch.setattr(station.registry, "subscribe_to", lambda jid: None)
    sender = await station.sender()

    async def is_there() -> bool:
        return (await _entry(station, "sender")).show == "available"

    await until(is_there)
    for task in sender._tasks:
        task.cancel()
    sender.client.abort()

    async def is_gone() -> bool:
        return (await _entry(station, "sender")).show == "gone"

    await until(is_gone)
    (last, *_) = await station.directory.history(sender.identity.jid)
    # Not by 30 s of silence: the server said so.
    assert last.cause == "presence"


async def test_agents_see_the_registry_and_lose_sight_when_cut_off(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()

    def registry_shows(show: str) -> bool:
        return any(c.jid == station.jid("registry") and c.show == show for c in sender.contacts.states())

    await until(lambda: registry_shows("available"))
    sender.client.abort()
    await until(lambda: registry_shows("unknown") or sender.session > 1)
    await until(lambda: registry_shows("available"))
    assert sender.session == 2
    assert sender.counters["connections lost"] == 1


async def test_the_registry_calls_nobody_present_after_a_restart(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()

    async def shows(show: str) -> bool:
        return (await _entry(station, "sender")).show == show

    await until(lambda: shows("available"))
    await sender.stop()
    await station.directory.forget_presence(cause="restart")
    assert await shows("unknown")
