"""Repairs in the store: they begin, go on and end; a person takes note; observers do not touch each other's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from registry.alarms import Alarms
from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.live_events import LiveEvents
from registry.repairs import Repairs, RepairState, RepairsWanted, UnknownRepairError
from vedette.clock import MICROSECONDS, ManualClock
from vedette.evidence.finding import Finding
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.rules import Checked, Judgement

HUB, OTHER = "engine@localhost", "engine2@localhost"
ANNA = Actor(who="user anna", origin="127.0.0.1")
DAY = 86_400 * MICROSECONDS
KEPT = 90 * DAY


def repair(place: str = "p@localhost", **changes: Any) -> Repair:
    """An agent that is gone."""
    usual = {"kind": RepairKind.AGENT, "severity": Severity.WARNING, "what": "gone", "cause": "why", "remedy": "do"}
    return Repair(place=place, **usual | changes)


def judgement(*repairs: Repair) -> Judgement:
    """What a look found."""
    return Judgement(repairs=repairs, checks=(Checked(name="agents", found=len(repairs), problem=""),))


@pytest.fixture
def repairs(database: Database, clock: ManualClock) -> Repairs:
    return Repairs(database=database, clock=clock)


async def note(repairs: Repairs, *found: Repair, observer: str = HUB) -> tuple[list[str], list[str]]:
    """Places of what began, and what ended."""
    changes = await repairs.note(judgement(*found), observer=observer, kept=KEPT)
    return [one.place for one in changes.began], list(changes.ended)


async def test_a_repair_begins_once_goes_on_and_ends(repairs: Repairs, clock: ManualClock) -> None:
    began = clock.now()
    assert await note(repairs, repair()) == (["p@localhost"], [])
    clock.advance(60)
    assert await note(repairs, repair(what="gone for 60 s")) == ([], [])
    (line,) = await repairs.waiting()
    assert (line.what, line.since, line.began_at, line.state) == ("gone for 60 s", began, began, "open")
    clock.advance(60)
    assert await note(repairs) == ([], ["agent: p@localhost"])
    assert await repairs.waiting() == []
    (ended,) = (await repairs.page(limit=10)).rows
    assert (ended.state, ended.ended_at) == ("ended", clock.now())
    # The same again is another time that it is wrong.
    assert await note(repairs, repair()) == (["p@localhost"], [])
    assert len((await repairs.page(limit=10)).rows) == 2


async def test_what_one_hub_sees_another_does_not_end(repairs: Repairs) -> None:
    await note(repairs, repair("disk"), observer=HUB)
    assert await note(repairs, repair("disk"), repair("b"), observer=OTHER) == (["disk", "b"], [])
    assert await note(repairs, observer=HUB) == ([], ["agent: disk"])
    assert {line.observer for line in await repairs.waiting()} == {OTHER}
    assert {look.observer for look in await repairs.looks()} == {HUB, OTHER}


async def test_the_worst_comes_first_and_what_was_noted_last(repairs: Repairs, clock: ManualClock) -> None:
    now = clock.now()
    await note(
        repairs,
        repair("notice", severity=Severity.NOTICE),
        repair("young", since=now - 1),
        repair("old", since=now - 9),
        repair("bad", severity=Severity.CRITICAL),
        repair("noted", severity=Severity.CRITICAL),
    )
    by_place = {line.place: line.id for line in await repairs.waiting()}
    await repairs.acknowledge(by_place["noted"], reason="on it", by=ANNA)
    assert [line.place for line in await repairs.waiting()] == ["bad", "old", "young", "notice", "noted"]
    wanted = {Severity.CRITICAL: 1, Severity.WARNING: 2, Severity.NOTICE: 1}
    assert await repairs.counts() == {("agent", severity): count for severity, count in wanted.items()}
    assert await repairs.count() == 4


async def test_a_person_takes_note_with_a_reason_which_is_in_the_audit_log(
    repairs: Repairs, database: Database, clock: ManualClock
) -> None:
    await note(repairs, repair())
    (line,) = await repairs.waiting()
    noted = await repairs.acknowledge(line.id, reason="moved on \0Friday", by=ANNA)
    assert (noted.state, noted.noted_by, noted.noted_why) == ("noted", "user anna", "moved on \ufffdFriday")
    assert await repairs.count() == 0
    (entry,) = (await Audit(database=database, clock=clock).page()).entries
    assert (entry.who, entry.action) == ("user anna", "repair.acknowledge")
    assert "agent p@localhost" in entry.object
    assert "moved on" in entry.detail
    # It goes on, and is still noted: only its end or the time ends that.
    await note(repairs, repair(what="still gone"))
    assert (await repairs.waiting())[0].state == "noted"


async def test_a_note_for_a_time_ends_with_it(repairs: Repairs, clock: ManualClock) -> None:
    await note(repairs, repair())
    (line,) = await repairs.waiting()
    await repairs.acknowledge(line.id, reason="later", seconds=3_600)
    assert [len(await repairs.waiting(RepairsWanted(state=state))) for state in RepairState] == [0, 1, 0]
    clock.advance(3_600)
    assert (await repairs.waiting())[0].state == "open"
    assert await repairs.count() == 1


async def test_what_got_worse_is_open_again(repairs: Repairs) -> None:
    await note(repairs, repair(severity=Severity.WARNING))
    (line,) = await repairs.waiting()
    await repairs.acknowledge(line.id, reason="known")
    await note(repairs, repair(severity=Severity.NOTICE))
    assert (await repairs.waiting())[0].state == "noted"
    await note(repairs, repair(severity=Severity.CRITICAL))
    (worse,) = await repairs.waiting()
    assert (worse.state, worse.noted_why) == ("open", "")


async def test_to_note_what_is_not_there_or_is_right_again_is_refused(repairs: Repairs) -> None:
    await note(repairs, repair())
    (line,) = await repairs.waiting()
    await note(repairs)
    for number in (line.id, 999):
        with pytest.raises(UnknownRepairError, match=str(number)):
            await repairs.acknowledge(number, reason="x")


async def test_with_a_repair_its_alarm_is_noted(repairs: Repairs, database: Database, clock: ManualClock) -> None:
    alarms = Alarms(database=database, clock=clock)
    await alarms.report([Finding(kind="payload", place="item 1", text="x"), Finding(kind="gap", place="2", text="y")])
    await note(repairs, repair("payload at item 1", kind=RepairKind.EVIDENCE, reference="alarm 1"))
    (line,) = await repairs.waiting()
    await repairs.acknowledge(line.id, reason="restored")
    assert [alarm.id for alarm in await alarms.all(acknowledged=False)] == [2]


async def test_beginning_and_end_are_live_events(repairs: Repairs, database: Database) -> None:
    events = LiveEvents(database=database)
    start = await events.now()
    await note(repairs, repair("x" * 500))
    await note(repairs, repair("x" * 500, what="the number changed"))
    await note(repairs)
    began, ended = await events.after(start, limit=10)
    assert [event.topic for event in (began, ended)] == ["repair", "repair"]
    assert [event.fields["change"] for event in (began, ended)] == ["began", "ended"]
    assert began.fields["kind"] == "agent"
    assert len(began.fields["place"]) == 200
    assert await events.after(ended.position, limit=10) == []
    assert began.is_before(ended.position)
    assert not ended.is_before(began.position)
    assert (await events.now()).covers(ended.position)


async def test_old_ones_are_forgotten_and_their_events_too(
    repairs: Repairs, database: Database, clock: ManualClock
) -> None:
    await note(repairs, repair())
    await note(repairs)
    clock.advance(91 * 86_400)
    start = await LiveEvents(database=database).now()
    await note(repairs, repair("new"))
    assert [line.place for line in (await repairs.page(limit=10)).rows] == ["new"]
    # Numbers of events are not used twice: who was away reads on.
    (event,) = await LiveEvents(database=database).after(start, limit=10)
    assert event.fields["place"] == "new"


async def test_the_list_is_filtered_and_walked(repairs: Repairs) -> None:
    await note(
        repairs,
        *(repair(f"p{number}") for number in range(5)),
        repair("d", kind=RepairKind.DISK, severity=Severity.CRITICAL),
    )
    first = await repairs.page(limit=4)
    second = await repairs.page(limit=4, cursor=first.next)
    assert [len(page.rows) for page in (first, second)] == [4, 2]
    for wanted, count in (
        (RepairsWanted(kind="disk"), 1),
        (RepairsWanted(severity=Severity.WARNING), 5),
        (RepairsWanted(ended=True), 0),
        (RepairsWanted(ended=False, kind="agent"), 5),
    ):
        assert len((await repairs.page(wanted=wanted, limit=100)).rows) == count, wanted


async def test_two_looks_at_the_same_moment_leave_one_repair(repairs: Repairs) -> None:
    await asyncio.gather(*(note(repairs, repair(), repair("b")) for _ in range(8)))
    assert sorted(line.place for line in await repairs.waiting()) == ["b", "p@localhost"]


async def test_hostile_texts_are_kept_as_text(repairs: Repairs) -> None:
    for text in ("\0", "\ud800", "x" * 100_000, "'; DROP TABLE repair; --", "<script>"):
        await note(repairs, replace(repair(text), what=text, cause=text, remedy=text))
        (line,) = await repairs.waiting()
        assert len(line.place) <= 1024
        # The same place is the same repair, cut and mended as it is.
        assert await note(repairs, replace(repair(text), what=text, cause=text, remedy=text)) == ([], [])
