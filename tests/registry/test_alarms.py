"""Alarms stay until a person has taken note, and the same one is raised once."""

from __future__ import annotations

import pytest

from registry import alarms as module
from registry.alarms import Alarms
from registry.database import Database
from vedette.clock import ManualClock
from vedette.evidence.finding import Finding


def finding(place: str, *, kind: str = "payload") -> Finding:
    return Finding(kind=kind, place=place, text="is not what was committed")


async def test_the_same_kind_at_the_same_place_is_one_alarm(database: Database, clock: ManualClock) -> None:
    alarms = Alarms(database=database, clock=clock)
    one, two = finding("item 1"), finding("item 1", kind="gap")

    assert await alarms.report([one, one]) == [one]
    assert await alarms.report([one, two]) == [two]
    assert await alarms.report([]) == []
    assert [alarm.kind for alarm in await alarms.all()] == ["gap", "payload"]
    assert await alarms.count() == 2


async def test_an_alarm_that_was_noted_stays_and_is_not_raised_again(database: Database, clock: ManualClock) -> None:
    alarms = Alarms(database=database, clock=clock)
    await alarms.report([finding("item 1"), finding("item 2\0")])
    first = (await alarms.all())[-1]

    assert await alarms.acknowledge(first.id)
    assert not await alarms.acknowledge(99)
    assert await alarms.count() == 1
    assert [alarm.id for alarm in await alarms.all(acknowledged=False)] != [first.id]
    assert (await alarms.all())[-1].acknowledged_at == clock.now()
    assert await alarms.report([finding("item 1"), finding("item 2\0")]) == []


async def test_they_cannot_fill_the_disk(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ALARMS", 3)
    alarms = Alarms(database=database, clock=clock)
    assert len(await alarms.report([finding(f"item {number}") for number in range(9)])) == 3
    assert await alarms.count() == 3
