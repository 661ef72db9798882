"""The other lists: filtered, and in pages that go both ways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from registry.agent_list import AgentList, AgentsWanted, UnknownAgentError
from registry.alarm_list import AlarmList
from registry.alarms import Alarms
from registry.audit import Audit
from registry.batch_list import BatchesWanted, BatchList
from registry.callers import Actor
from registry.database import Database
from registry.dead_letter_lines import LettersWanted
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.directory import Directory
from registry.intake import Intake
from registry.listing import Page
from registry.outbox import Outbox
from registry.outbox_work import NotInOutboxError
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.queue_errors import NoSuchDeadLetterError
from registry.queues import Asker, Queues
from registry.refusal_list import RefusalList
from registry.refusals import Refusal, Refusals
from registry.token_list import TokenList, TokensWanted
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.finding import Finding
from vedette.messages.card import Role
from vedette.signing import SigningKey

ENGINE = "engine@localhost"
BY = Actor(who="user anna", origin="192.0.2.1")

Fetch = Callable[[int, str | None], Awaitable[Page[Any]]]


async def there_and_back(fetch: Fetch) -> list[Any]:
    """Return all rows of a list, having checked that its pages are the same both ways."""
    pages = [await fetch(2, None)]
    while (cursor := pages[-1].next) is not None:
        pages.append(await fetch(2, cursor))
    rows = [row for page in pages for row in page.rows]
    assert rows == (await fetch(100, None)).rows
    assert all(len(page.rows) == 2 for page in pages[:-1])
    for number in range(len(pages) - 1, 0, -1):
        back = await fetch(2, pages[number].previous)
        assert back.rows == pages[number - 1].rows
        assert (back.previous is None) == (number == 1)
    with pytest.raises(RefusedError, match="cursor"):
        await fetch(2, "nothing")
    return rows


async def test_batches_and_tokens(
    intake: Intake, database: Database, clock: ManualClock, sender: Any, tmp_path: Path
) -> None:
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)
    await intake.commit([sender.deliver(count=5)])
    for number in range(5):
        batch = await proofs.close_batch(max_items=1)
        assert batch is not None
        if number < 4:
            name = "one" if number % 2 else "two"
            token = await authority.stamp(batch.root)
            await proofs.store_token(batch=batch, tsa=name, external=False, token=token)
        clock.advance(1)
    batches, tokens = BatchList(database=database), TokenList(database=database)

    rows = await there_and_back(lambda limit, at: batches.page(wanted=BatchesWanted(), limit=limit, cursor=at))
    assert [row.number for row in rows] == [5, 4, 3, 2, 1]
    assert [row.previous_root for row in rows] == [row.root for row in rows[1:]] + [None]
    assert (rows[0].engine, rows[0].count, rows[0].state) == (ENGINE, 1, ProofState.PENDING)
    wanted = BatchesWanted(state=ProofState.SELF_ASSERTED, engine=ENGINE, since=rows[3].closed_at)
    assert [row.number for row in (await batches.page(wanted=wanted, limit=10)).rows] == [4, 3, 2]
    assert (await batches.page(wanted=BatchesWanted(engine="x@y"), limit=10)).rows == []

    stamps = await there_and_back(lambda limit, at: tokens.page(wanted=TokensWanted(), limit=limit, cursor=at))
    assert [(row.batch, row.tsa) for row in stamps] == [(4, "one"), (3, "two"), (2, "one"), (1, "two")]
    mine = await tokens.page(wanted=TokensWanted(tsa="one", until=stamps[0].obtained_at), limit=10)
    assert [row.batch for row in mine.rows] == [2]


async def test_agents_and_their_presence(database: Database, clock: ManualClock) -> None:
    directory, agents = Directory(database=database, clock=clock), AgentList(database=database)
    for name in ("a@x", "b@x", "c@x", "d@x", "e@x"):
        role = Role.AGGREGATION if name == "a@x" else Role.PROBE
        await directory.enrol(name, role=role, public_key=SigningKey.generate().verifying.text)
    await directory.revoke("e@x")
    for show in ("available", "dnd", "gone", "available", "unknown"):
        clock.advance(1)
        await directory.presence("b@x", show=show, status=f"is {show}", cause="test")

    async def named(**wanted: Any) -> list[str]:
        rows = await there_and_back(
            lambda limit, at: agents.page(wanted=AgentsWanted(**wanted), limit=limit, cursor=at)
        )
        return [row.jid for row in rows]

    assert await named() == ["a@x", "b@x", "c@x", "d@x"]
    assert await named(revoked=True, role=Role.PROBE) == ["b@x", "c@x", "d@x", "e@x"]
    assert await named(show="unknown", role=Role.AGGREGATION) == ["a@x"]
    changes = await there_and_back(lambda limit, at: agents.presence("b@x", limit=limit, cursor=at))
    assert [row.show for row in changes] == ["unknown", "available", "gone", "dnd", "available"]
    assert (await agents.find("e@x")).revoked_at is not None
    with pytest.raises(UnknownAgentError):
        await agents.presence("nobody@x", limit=1)


async def test_refusals_and_alarms(database: Database, clock: ManualClock) -> None:
    refusals, alarms = RefusalList(database=database), AlarmList(database=database)
    rows = [Refusal(at=at, sender=f"{at % 2}@x", uuid="", field="f", reason="r") for at in range(5)]
    await Refusals(database=database).record(rows)
    findings = [Finding(kind="root" if at else "gap", place=str(at), text="t") for at in range(5)]
    known = Alarms(database=database, clock=clock)
    await known.report(findings)
    assert await known.acknowledge(2, by=BY)
    assert not await known.acknowledge(99, by=BY)

    refused = await there_and_back(lambda limit, at: refusals.page(sender=None, limit=limit, cursor=at))
    assert [row.at for row in refused] == [4, 3, 2, 1, 0]
    assert [row.at for row in (await refusals.page(sender="1@x", limit=9)).rows] == [3, 1]
    raised = await there_and_back(lambda limit, at: alarms.page(kind=None, acknowledged=None, limit=limit, cursor=at))
    assert [row.place for row in raised] == ["4", "3", "2", "1", "0"]
    open_ones = await alarms.page(kind="root", acknowledged=False, limit=9)
    assert [row.place for row in open_ones.rows] == ["4", "3", "2"]
    entries = (await Audit(database=database, clock=clock).page()).entries
    assert [(entry.who, entry.action, entry.object) for entry in entries] == [
        ("user anna", "alarm.acknowledge", "alarm 2")
    ]


@pytest.fixture
def outboxes(tmp_path: Path) -> Path:
    folder = tmp_path / "outboxes"
    folder.mkdir()
    return folder


async def fill(folder: Path, name: str, sender: Any, clock: ManualClock, *, count: int) -> list[str]:
    """Make an outbox with dead letters, a second apart, and return their uuids."""
    items = [sender.item() for _ in range(count)]
    outbox = Outbox(
        folder / f"{name}.db",
        agent=f"{name}@localhost",
        clock=clock,
        limit_items=100,
        limit_bytes=10**6,
        max_attempts=1,
    )
    await outbox.open()
    for item in items:
        await outbox.add([item.data])
        clock.advance(1)
        await outbox.refuse(item.uuid, "meta", "wrong")
    await outbox.close()
    return [item.uuid for item in items]


async def test_dead_letters_of_queues_and_outboxes_are_one_list(
    intake: Intake, database: Database, clock: ManualClock, sender: Any, outboxes: Path
) -> None:
    queues = Queues(database=database, clock=clock, max_attempts=1)
    asker = Asker(jid="rt@localhost", role="rt")
    await queues.bind("rt", owner="rt", asker=asker, patterns=["#"])
    await intake.commit([sender.deliver(count=3)])
    held = await queues.lease("rt", asker=asker, life="l", limit=3, max_bytes=10**6, lease_seconds=60)
    await queues.reject("rt", asker=asker, life="l", failures=[(one.id, "no") for one in held])
    await fill(outboxes, "one", sender, clock, count=3)
    letters = DeadLetters(database=database, outboxes=outboxes, clock=clock)

    rows = await there_and_back(lambda limit, at: letters.page(limit=limit, cursor=at))
    assert [row.place for row in rows] == ["outbox:one"] * 3 + ["queue:rt"] * 3
    assert sorted(row.uuid for row in rows[3:]) == sorted(one.uuid for one in held)

    await letters.decide("outbox:one", rows[0].uuid, reason=None, by=BY)
    await letters.decide("outbox:one", rows[1].uuid, reason="wrong probe", by=BY)
    await letters.decide("queue:rt", rows[3].uuid, reason="of no use", by=BY)
    await letters.decide("queue:rt", rows[4].uuid, reason=None, by=BY)
    waiting = await letters.page(limit=9)
    assert {row.uuid for row in waiting.rows} == {rows[2].uuid, rows[5].uuid}
    tombs = {row.uuid: row.why for row in (await letters.page(wanted=LettersWanted(discarded=True), limit=9)).rows}
    assert tombs[rows[1].uuid] == "wrong probe"
    assert tombs[rows[3].uuid] == "of no use"
    assert [row.uuid for row in (await letters.page(wanted=LettersWanted(place="queue:rt"), limit=9)).rows] == [
        rows[5].uuid
    ]
    entries = (await Audit(database=database, clock=clock).page()).entries
    assert [entry.action for entry in entries if entry.action.startswith("dead")] == [
        "dead-letter.replay",
        "dead-letter.discard",
        "dead-letter.discard",
        "dead-letter.replay",
    ]
    with pytest.raises(NotInOutboxError):
        await letters.decide("outbox:one", rows[0].uuid, reason=None, by=BY)
    with pytest.raises(NoSuchDeadLetterError):
        await letters.decide("queue:rt", rows[4].uuid, reason=None, by=BY)


@pytest.mark.parametrize("place", ["outbox:../../etc/passwd", "outbox:", "outbox:none", "elsewhere:x"])
async def test_a_place_is_only_one_that_is_there(
    database: Database, clock: ManualClock, outboxes: Path, place: str
) -> None:
    letters = DeadLetters(database=database, outboxes=outboxes, clock=clock)
    with pytest.raises(UnknownPlaceError):
        await letters.decide(place, "u", reason=None, by=BY)
