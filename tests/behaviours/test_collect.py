"""Sources that are collected all the time: beside others, paused and resumed, and begun again where they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from behaviours import collect
from behaviours.collect import CollectSources
from tests.agents.station import Until
from tests.behaviours.switchboard import started
from tests.vedette.collection.rig import Rig, source
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk, Mode
from vedette.collection.interface import Collector
from vedette.collection.isolation import Isolation
from vedette.collection.rounds import Round
from vedette.collection.sections import Section


class Listener(Collector):
    """Listens until it is ended, or told to fail."""

    summary = "Listens"

    def __init__(self) -> None:
        self.failing = asyncio.Event()
        self.begun = 0
        self.ended = 0

    def lasts(self, source: SourceConfiguration) -> bool:
        return True

    async def collect(self, desk: Desk) -> None:
        self.begun += 1
        try:
            await self.failing.wait()
            raise OSError("the port is gone")
        finally:
            self.ended += 1


class Once(Collector):
    """Is done at once."""

    summary = "Is done at once"

    def __init__(self) -> None:
        self.done = 0

    async def collect(self, desk: Desk) -> None:
        self.done += 1


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Isolation(workers=1) as isolation:
        made = Rig(tmp_path, isolation=isolation)
        await made.open()
        yield made
        await made.close()


def collecting(rig: Rig, collectors: dict[SourceConfiguration, Collector], *, once: Mode | None) -> CollectSources:
    section = Section(name="demo", place="test", sources=tuple(collectors), warnings=())

    def desk(one: Round, mode: Mode) -> Desk:
        return rig.desk(one.source, mode)

    return CollectSources(
        clock=rig.clock,
        agent_name="collector",
        section=section,
        collectors={one.identity: collector for one, collector in collectors.items()},
        make_desk=desk,
        outbox=rig.outbox,
        limit_items=100,
        once=once,
        committed=lambda: None,
        busy=lambda reason: None,
    )


async def test_it_takes_no_turn_and_can_be_paused(rig: Rig, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "AT_ONCE", 1)
    listeners = [Listener(), Listener()]
    quick = Once()
    named = [source(f"/{number}", "FILE", source_name=f"l{number}") for number in range(2)]
    other = source("/x", "FILE", now_collect="new")
    behaviour = collecting(rig, dict(zip(named, listeners, strict=True)) | {other: quick}, once=None)
    async with started(behaviour):
        await until(lambda: quick.done == 1 and all(one.begun == 1 for one in listeners))
        first = named[0].identity
        await behaviour.order(first, "pause", by="anna")
        await until(lambda: listeners[0].ended == 1)
        assert [check.state for check in behaviour.states()] == ["paused", "running", "finished"]
        assert [check.when for check in behaviour.states()] == ["All the time", "All the time", "Not by time"]
        await behaviour.order(first, "resume", by="anna")
        await until(lambda: listeners[0].begun == 2)
        assert listeners[1].begun == 1
    assert [one.ended for one in listeners] == [2, 1]


async def test_it_is_begun_again_where_it_ends(rig: Rig, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "AGAIN", 0.05)
    listener = Listener()
    listener.failing.set()
    behaviour = collecting(rig, {source("/1", "FILE"): listener}, once=None)
    async with started(behaviour):
        await until(lambda: listener.begun == 3)
        listener.failing.clear()
        assert "the port is gone" in str(behaviour.panel().rows)


async def test_once_it_is_a_source_like_others(rig: Rig, until: Until) -> None:
    listener = Listener()
    listener.failing.set()
    behaviour = collecting(rig, {source("/1", "FILE"): listener}, once="new")
    async with started(behaviour):
        await until(behaviour.done.is_set)
    assert listener.begun == 1
