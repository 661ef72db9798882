"""The correlation over a real store: each item once, whatever happens, and shown with all its witnesses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from sqlalchemy import Connection

from registry.content import ContentFolder
from registry.correlation import Correlation, Step
from registry.correlation_reading import TOGETHER_BYTES, Reading, next_items
from registry.database import Database
from registry.documents import Documents
from registry.finding_list import FindingsWanted
from registry.intake import Intake
from registry.live_events import LiveEvents, Position
from tests.registry.conftest import ENGINE, RECEIVED_AT, Sender
from tests.registry.watched import MINUTE, Watched
from vedette.clock import ManualClock
from vedette.correlation.finding import FindingKind, Severity
from vedette.errors import RefusedError, StoreError
from vedette.messages.item import ReceivedItem


@pytest.fixture
def watched(database: Database, intake: Intake, clock: ManualClock) -> Watched:
    """A correlation over a store."""
    return Watched(database, intake, clock)


async def test_a_change_is_kept_with_its_item(watched: Watched, sender: Sender) -> None:
    for minute in range(10):
        changed = await watched.see(sender, "open" if minute == 9 else "closed", minute=minute)
    first, second = await watched.findings()
    assert (first.kind, second.kind, second.severity) == (
        FindingKind.FIRST_SEEN,
        FindingKind.CHANGED,
        Severity.NOTICE,
    )
    assert [(one.fact, one.before, one.after) for one in second.changes] == [("value port 22", "closed", "open")]
    assert [witness.item for witness in second.witnesses] == [changed.uuid]
    assert second.at == RECEIVED_AT + 9 * MINUTE
    shown = await watched.list.page(wanted=FindingsWanted(item=changed.uuid), limit=10)
    assert shown.rows == [second]


async def test_the_same_finding_of_two_agents_is_one_with_two_witnesses(
    watched: Watched, make_sender: Callable[[str], Sender]
) -> None:
    one, other = make_sender("one@localhost"), make_sender("other@localhost")
    for minute, state in enumerate(["closed", "closed", "open", "open"]):
        await watched.see(one, state, minute=minute)
        await watched.see(other, state, minute=minute + 0.5)
    first, changed = await watched.findings()
    assert [witness.agent for witness in first.witnesses] == ["one@localhost", "other@localhost"]
    assert [witness.agent for witness in changed.witnesses] == ["one@localhost", "other@localhost"]


async def test_the_same_change_a_day_later_is_another_finding(watched: Watched, sender: Sender) -> None:
    for number, state in enumerate(["closed", "open", "closed", "open"]):
        await watched.see(sender, state, minute=number * 24 * 60)
    kinds = [(found.kind.value, len(found.witnesses)) for found in await watched.findings()]
    assert kinds == [("first seen", 1), ("changed", 1), ("changed", 1), ("changed", 1)]


async def test_a_contradiction_is_open_over_a_restart(watched: Watched, make_sender: Callable[[str], Sender]) -> None:
    one, other = make_sender("one@localhost"), make_sender("other@localhost")

    async def round(minute: int, state: str) -> list[str]:
        await watched.see(one, "open", minute=minute)
        await watched.see(other, state, minute=minute + 0.5)
        watched.correlation = watched.opened()
        return [found.kind.value for found in await watched.findings()]

    await round(0, "closed")
    told = await round(1, "closed")
    assert told == ["first seen", "contradiction"]
    assert await round(2, "closed") == told
    assert await round(3, "open") == [*told, "changed"]
    assert await round(4, "open") == [*told, "changed", "agreement"]
    assert await round(5, "open") == [*told, "changed", "agreement"]


async def test_a_step_that_dies_is_done_again_and_nothing_twice(
    watched: Watched, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(6):
        await watched.see(sender, "open" if minute % 2 else "closed", minute=60 * minute)

    def full(*_: object, **__: object) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Correlation, "_keep", full)
        with pytest.raises(StoreError, match="full"):
            await watched.correlation.advance(limit=10)
    kinds = [found.kind.value for found in await watched.findings()]
    assert kinds == ["first seen"] + ["changed"] * 5
    assert await watched.correlation.advance(limit=10) == Step()


async def test_two_processes_that_correlate_at_once_do_it_once(watched: Watched, sender: Sender) -> None:
    for minute in range(40):
        await watched.see(sender, "open" if minute % 2 else "closed", minute=90 * minute)
    both = [watched.opened(), watched.opened()]
    while any(step.items for step in await asyncio.gather(*(one.advance(limit=3) for one in both))):
        pass
    kinds = [found.kind.value for found in await watched.findings()]
    assert kinds == ["first seen"] + ["changed"] * 39


async def test_what_stops_coming_is_missing_once(watched: Watched, sender: Sender) -> None:
    for minute in range(5):
        last = await watched.see(sender, "open", minute=minute)
    await watched.findings()
    since = RECEIVED_AT
    assert await watched.correlation.look_for_absent(since=since, limit=10) == 0
    watched.clock.advance(8 * 60)
    # Nobody listened until now: the wait begins anew.
    assert await watched.correlation.look_for_absent(since=watched.clock.now(), limit=10) == 0
    assert await watched.correlation.look_for_absent(since=since, limit=10) == 1
    assert await watched.correlation.look_for_absent(since=since, limit=10) == 0
    missing = (await watched.findings())[-1]
    assert (missing.kind, missing.witnesses[0].item) == (FindingKind.MISSING, last.uuid)
    await watched.see(sender, "open", minute=60)
    assert (await watched.findings())[-1].kind is FindingKind.RETURNED


async def test_items_about_nothing_are_passed_over(watched: Watched, sender: Sender) -> None:
    await watched.intake.commit([sender.deliver(count=3)])
    assert await watched.correlation.advance(limit=10) == Step(places=3, items=3)


async def test_an_agents_clock_that_runs_ahead_does_not_make_what_follows_late(
    watched: Watched, sender: Sender
) -> None:
    await watched.see(sender, "closed", minute=0)
    ahead = sender.item(
        payload=b'{"port 22": "open"}',
        target="www.example.org",
        check="port 22",
        collected_at=RECEIVED_AT + 10**6 * MINUTE,
    )
    await watched.intake.commit([sender.deliver(ahead, received_at=RECEIVED_AT + MINUTE)])
    await watched.see(sender, "closed", minute=2)
    assert [found.kind.value for found in await watched.findings()] == ["first seen", "changed", "changed"]


async def test_what_is_in_a_document_is_looked_into(watched: Watched, sender: Sender, tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "documents", limit=1024 * 1024, reserve=0)
    documents = Documents(database=watched.database, folder=folder, clock=watched.clock)
    await documents.open()
    watched.correlation = watched.opened(documents=folder)
    for minute, state in enumerate(["closed", "open"]):
        body = json.dumps({"port 22": state}).encode()

        async def pieces(body: bytes = body) -> AsyncIterator[bytes]:
            yield body

        document, _ = await documents.receive(pieces(), content_type="application/json", by=sender.jid)
        data = sender.item(target="www.example.org", check="a", collected_at=RECEIVED_AT + minute * MINUTE).data
        item = ReceivedItem({**data, "payload": {"document": document.sha256}})
        at = RECEIVED_AT + minute * MINUTE
        await watched.intake.commit([sender.deliver(item, received_at=at)])
    _, changed = await watched.findings()
    assert [(one.fact, one.after) for one in changed.changes] == [("value port 22", "open")]


@dataclass
class Counting:
    """A connection that counts the bytes of payloads which the store gives."""

    connection: Connection
    payloads: int = 0

    def execute(self, *given: Any) -> Any:
        """Answer as the connection does, once."""
        rows = self.connection.execute(*given).all()
        self.payloads += sum(len(row.payload) for row in rows if hasattr(row, "payload"))
        answer = Mock()
        answer.all.return_value = rows
        return answer


@pytest.mark.parametrize(("size", "together"), [(100_000, 2), (TOGETHER_BYTES, 1), (10, 9)])
async def test_of_what_a_step_cannot_hold_no_payload_is_read(
    watched: Watched, sender: Sender, size: int, together: int
) -> None:
    for _ in range(9):
        await watched.intake.commit([sender.deliver(sender.item(payload=bytes(size), target="www.example.org"))])

    def work(connection: Connection) -> tuple[Reading | None, int]:
        counting = Counting(connection)
        return next_items(cast(Connection, counting), [ENGINE], limit=100), counting.payloads

    read, payloads = await watched.database.read(work)
    assert read is not None
    assert (len(read.rows), read.following, read.more) == (together, together, together < 9)
    assert payloads == together * size


async def test_findings_are_live_events_once(watched: Watched, sender: Sender) -> None:
    live = LiveEvents(database=watched.database)
    start = await live.now()
    await watched.see(sender, "closed", minute=0)
    await watched.see(sender, "open", minute=1)
    found = await watched.findings()
    events = [event for event in await live.after(start, limit=100) if event.topic == "finding"]
    assert [event.fields["id"] for event in events] == [one.id for one in found]
    assert events[1].fields["changes"] == [{"fact": "value port 22", "before": "closed", "after": "open"}]
    assert all(event.is_before(events[-1].position) for event in events)
    assert not events[1].is_before(events[0].position)
    resumed = await live.after(Position.parse(str(events[0].position)), limit=100)
    assert [event.fields["id"] for event in resumed if event.topic == "finding"] == [found[1].id]


async def test_pages_go_on_where_they_ended(watched: Watched, sender: Sender) -> None:
    for minute in range(6):
        await watched.see(sender, "open" if minute % 2 else "closed", minute=60 * minute)
    everything = list(reversed(await watched.findings()))
    first = await watched.list.page(wanted=FindingsWanted(), limit=4)
    second = await watched.list.page(wanted=FindingsWanted(), limit=4, cursor=first.next)
    assert [*first.rows, *second.rows] == everything
    changed = await watched.list.page(wanted=FindingsWanted(kind=FindingKind.CHANGED), limit=10)
    assert len(changed.rows) == 5
    assert (await watched.list.page(wanted=FindingsWanted(subject="a\0"), limit=10)).rows == []
    with pytest.raises(RefusedError, match="cursor"):
        await watched.list.page(wanted=FindingsWanted(), limit=4, cursor="x")


async def test_checks_are_listed_with_what_is_remembered(watched: Watched, sender: Sender) -> None:
    for minute in range(3):
        item = await watched.see(sender, "open", minute=minute, verdict="as expected")
    await watched.findings()
    (check,) = (await watched.list.checks(limit=10)).rows
    assert replace(check, facts=0) == replace(
        check,
        check="port 22",
        agent=sender.jid,
        subject="www.example.org",
        first_seen=RECEIVED_AT,
        last_seen=RECEIVED_AT + 2 * MINUTE,
        runs=3,
        unchanged=2,
        interval=MINUTE,
        verdict="as expected",
        error=None,
        flapping=False,
        missing=False,
        item=item.uuid,
        facts=0,
    )
