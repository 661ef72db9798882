"""Many dead letters at once: filtered, counted, replayed and discarded, in queues and outboxes, audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry import dead_letter_bulk as module
from registry.audit import Audit, AuditFilter
from registry.callers import Actor
from registry.database import Database
from registry.dead_letter_bulk import BulkDone, DeadLetterBulk, LetterName
from registry.dead_letter_lines import LettersWanted
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.intake import Intake
from registry.outbox import Outbox
from registry.queues import Asker, Queues
from vedette.clock import ManualClock

ANNA = Actor(who="user anna", origin="127.0.0.1")
RT = Asker(jid="rt@localhost", role="rt")
HOSTILE = "100%_ <b>' \\ reason"


class Letters:
    """Dead letters in a queue and in an outbox."""

    def __init__(self, *, database: Database, clock: ManualClock, folder: Path, intake: Intake, sender: Any) -> None:
        self.database = database
        self.clock = clock
        self.folder = folder
        self.list = DeadLetters(database=database, outboxes=folder, clock=clock)
        self.bulk = DeadLetterBulk(database=database, letters=self.list, clock=clock)
        self.queues = Queues(database=database, clock=clock, max_attempts=1)
        self._intake = intake
        self._sender = sender

    async def in_queue(self, *reasons: str) -> list[str]:
        """Items that a consumer could not handle; their uuids."""
        await self.queues.bind("rt", owner="rt", asker=RT, patterns=["#"])
        items = [self._sender.item() for _ in reasons]
        await self._intake.commit([self._sender.deliver(*items)])
        held = await self.queues.lease("rt", asker=RT, life="l", limit=1_000, max_bytes=10**8, lease_seconds=60)
        failures = [(one.id, reason) for one, reason in zip(held, reasons, strict=True)]
        await self.queues.reject("rt", asker=RT, life="l", failures=failures)
        return [one.uuid for one in held]

    async def in_outbox(self, *reasons: str) -> list[str]:
        """Items that the engine refused; their uuids."""
        path = self.folder / "probe.db"
        box = Outbox(path, agent="p@localhost", clock=self.clock, limit_items=99, limit_bytes=10**7, max_attempts=1)
        await box.open()
        added = await box.add([self._sender.item().data for _ in reasons])
        for item, reason in zip(added, reasons, strict=True):
            await box.refuse(item["meta"]["uuid"], "meta.type", reason)
        await box.close()
        return [item["meta"]["uuid"] for item in added]

    async def waiting(self, **wanted: Any) -> list[str]:
        """Uuids of those that wait."""
        page = await self.list.page(wanted=LettersWanted(**wanted), limit=1_000)
        return sorted(line.uuid for line in page.rows)

    async def audited(self, action: str) -> int:
        """How often something was done."""
        audit = Audit(database=self.database, clock=self.clock)
        return len((await audit.page(wanted=AuditFilter(action=action), limit=1_000)).entries)


@pytest.fixture
def letters(database: Database, clock: ManualClock, tmp_path: Path, intake: Intake, sender: Any) -> Letters:
    folder = tmp_path / "outboxes"
    folder.mkdir()
    return Letters(database=database, clock=clock, folder=folder, intake=intake, sender=sender)


async def test_they_are_filtered_and_counted_by_reason(letters: Letters, clock: ManualClock) -> None:
    queued = await letters.in_queue("no route", "no route", HOSTILE)
    clock.advance(100)
    later = clock.now()
    clock.advance(100)
    boxed = await letters.in_outbox("no route", "unknown type")
    assert await letters.waiting(reason="NO ROUTE") == sorted([*queued[:2], boxed[0]])
    # What a database would take for a pattern is text.
    assert await letters.waiting(reason="100%_ <b>' \\") == [queued[2]]
    assert await letters.waiting(reason="%") == [queued[2]]
    assert await letters.waiting(reason="meta.type") == sorted(boxed)
    assert await letters.waiting(sender="p@localhost") == sorted(boxed)
    assert await letters.waiting(sender="nobody\0") == []
    assert await letters.waiting(until=later) == sorted(queued)
    assert await letters.waiting(since=later) == sorted(boxed)
    assert await letters.waiting(place="queue:rt", reason="route") == sorted(queued[:2])
    counts = await letters.list.counts(LettersWanted())
    assert counts.total == 5
    assert counts.reasons == (("no route", 3), (HOSTILE, 1), ("unknown type", 1))
    assert (await letters.list.counts(LettersWanted(place="outbox:probe"))).total == 2
    with pytest.raises(UnknownPlaceError):
        await letters.list.counts(LettersWanted(place="elsewhere"))


async def test_a_filtered_list_is_walked_to_its_end(letters: Letters) -> None:
    await letters.in_queue(*(f"reason {number % 2}" for number in range(30)))
    seen: list[str] = []
    cursor = None
    while True:
        page = await letters.list.page(wanted=LettersWanted(reason="reason 1"), limit=4, cursor=cursor)
        seen += [line.uuid for line in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 15


async def test_chosen_ones_are_replayed_and_each_is_written_down(letters: Letters) -> None:
    queued, boxed = await letters.in_queue("a", "b", "c"), await letters.in_outbox("a", "b")
    chosen = [LetterName(place="queue:rt", uuid=uuid) for uuid in queued[:2]]
    chosen += [LetterName(place="outbox:probe", uuid=boxed[0]), LetterName(place="outbox:probe", uuid=queued[2])]
    chosen += [LetterName(place="outbox:none", uuid=boxed[0]), LetterName(place="queue:none", uuid=queued[0])]
    done = await letters.bulk.decide([*chosen, *chosen], reason=None, by=ANNA)
    assert done == BulkDone(done=3, missing=3, left=0)
    assert await letters.waiting() == sorted([queued[2], boxed[1]])
    assert await letters.audited("dead-letter.replay") == 3
    held = await letters.queues.lease("rt", asker=RT, life="l", limit=9, max_bytes=10**6, lease_seconds=60)
    assert sorted(one.uuid for one in held) == sorted(queued[:2])
    # Once is enough.
    assert await letters.bulk.decide(chosen, reason=None, by=ANNA) == BulkDone(done=0, missing=6, left=0)


async def test_all_that_fit_are_discarded_with_a_reason(letters: Letters) -> None:
    await letters.in_queue(*["old"] * 25, *["new"] * 5)
    await letters.in_outbox("old", "new")
    done = await letters.bulk.decide_all(LettersWanted(reason="old"), reason="nobody needs them", by=ANNA)
    assert done == BulkDone(done=26, missing=0, left=0)
    assert (await letters.list.counts(LettersWanted())).reasons == (("new", 6),)
    assert await letters.audited("dead-letter.discard") == 26
    tombs = await letters.list.page(wanted=LettersWanted(discarded=True, reason="old"), limit=99)
    assert {line.why for line in tombs.rows} == {"nobody needs them"}
    # Tombstones are not decided about again.
    again = await letters.bulk.decide_all(LettersWanted(reason="old", discarded=True), reason="x", by=ANNA)
    assert again.done == 0


async def test_one_decision_is_about_a_bounded_number(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "TOGETHER", 4)
    await letters.in_queue(*["x"] * 25)
    assert await letters.bulk.decide_all(LettersWanted(), reason=None, by=ANNA) == BulkDone(
        done=10, missing=0, left=15
    )


async def test_what_is_given_up_meanwhile_is_not_among_them(letters: Letters, clock: ManualClock) -> None:
    old = await letters.in_queue("x")
    clock.advance(1)
    shown = clock.now()
    clock.advance(1)
    new = await letters.in_queue("x")
    done = await letters.bulk.decide_all(LettersWanted(until=shown), reason="x", by=ANNA)
    assert done.done == 1
    assert await letters.waiting() == new != old
