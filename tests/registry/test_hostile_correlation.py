"""The correlation under attack: no item, history or flood stops it or makes it dear for others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from registry.audit import Audit, AuditEntry
from registry.audit_log import log_audits
from registry.callers import Actor
from registry.content import ContentFolder
from registry.correlation_memory import WITNESSES, StoredMemory
from registry.correlation_tables import check_history
from registry.database import Database
from registry.documents import Documents
from registry.intake import Intake
from registry.retention import Retention
from tests.registry.conftest import ENGINE, RECEIVED_AT, Sender
from tests.registry.watched import MINUTE, Watched
from vedette.canonical import MAX_SAFE_INTEGER
from vedette.clock import MICROSECONDS, ManualClock
from vedette.correlation.finding import FindingKind
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import Subject
from vedette.messages.item import ReceivedItem

ANNA = Actor(who="anna", origin="here")


@pytest.fixture
def watched(database: Database, intake: Intake, clock: ManualClock) -> Watched:
    """A correlation over a store."""
    return Watched(database, intake, clock)


@pytest.mark.parametrize("when", [-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER], ids=["far-past", "far-future"])
@pytest.mark.parametrize("field", ["ts", "collected_at"])
async def test_no_time_that_an_item_may_say_holds_the_others_up(
    watched: Watched, sender: Sender, field: str, when: int
) -> None:
    for number in range(2):
        values = {"collected_at": None, field: when, "check": "hostile"}
        await watched.see(sender, f"state {number}", minute=number, **values)
    await watched.see(sender, "open", minute=5, check="honest")
    found = [one for one in await watched.findings() if one.kind is FindingKind.FIRST_SEEN]
    assert len(found) == 2
    assert all(0 <= one.at <= RECEIVED_AT + 5 * MINUTE + MICROSECONDS for one in found)
    # With the largest patience that a policy may ask for, the sum still fits into the column.
    patient = CorrelationPolicy(missing_after=1000)
    assert await watched.opened(policy=patient).look_for_absent(since=0, limit=10) == 0


async def test_a_damaged_history_holds_up_its_own_check_only(watched: Watched, sender: Sender) -> None:
    await watched.see(sender, "open", minute=0, check="damaged")
    await watched.findings()
    broken = update(check_history).values(history=b"x")
    await watched.database.write(lambda connection: connection.execute(broken))
    for minute in range(1, 20):
        await watched.see(
            sender, "closed", minute=minute, check="damaged" if minute % 3 else "good", target=f"{minute}"
        )
    steps = []
    while (step := await watched.correlation.advance(limit=7)).places:
        steps.append(step)
    assert sum(step.skipped for step in steps) == 13
    assert sum(step.compared for step in steps) == 6
    assert sum(step.items for step in steps) == 19


async def test_audit_entries_in_the_log_do_not_look_like_its_end(watched: Watched, sender: Sender) -> None:
    audit = Audit(database=watched.database, clock=watched.clock)
    for number in range(10):
        await audit.record(AuditEntry(who="somebody", action="login.failed", object=str(number), origin="here"))
    await watched.database.write(lambda connection: log_audits(connection, engine=ENGINE, now=RECEIVED_AT))
    item = await watched.see(sender, "open", minute=1)
    first = await watched.correlation.advance(limit=4)
    assert (first.items, first.places, first.more) == (0, 4, True)
    assert [one.witnesses[0].item for one in await watched.findings()] == [item.uuid]


async def test_a_step_is_bounded_in_bytes(watched: Watched, sender: Sender) -> None:
    for minute in range(6):
        await watched.see(sender, "x" * 100_000, minute=minute)
    steps = []
    while (step := await watched.correlation.advance(limit=100)).places:
        steps.append(step.items)
    assert steps == [2, 2, 2]


async def test_ten_thousand_checks_of_one_agent_do_not_drown_another_witness(
    watched: Watched, make_sender: Callable[[str], Sender]
) -> None:
    one, flood = make_sender("one@localhost"), make_sender("flood@localhost")
    await watched.see(one, "open", minute=0)
    for number in range(40):
        await watched.see(flood, "open", minute=0.1 + number / 1000, check=f"made up {number}")
    await watched.findings()
    heard: list[int] = []

    def look(connection: Connection) -> None:
        memory = StoredMemory(connection, policy=CorrelationPolicy())
        subject = Subject(name="www.example.org", family="text", shared=True)
        memory.load([], {subject})
        heard.append(len(memory.testimonies(subject)))

    await watched.database.read(look)
    assert heard == [1 + WITNESSES]
    await watched.see(flood, "closed", minute=1, check="made up 39")
    kinds = [found.kind for found in await watched.findings()]
    assert FindingKind.CONTRADICTION not in kinds
    await watched.see(one, "filtered", minute=2)
    await watched.see(flood, "closed", minute=2.5, check="made up 39")
    assert [found.kind for found in await watched.findings()][-1] is FindingKind.CONTRADICTION


async def test_checks_that_are_not_missed_yet_do_not_hide_one_that_is(watched: Watched, sender: Sender) -> None:
    day = 24 * 60
    for number in range(3):
        for minute in (0, day, 2 * day):
            await watched.see(sender, "open", minute=minute, check=f"daily {number}")
    for minute in range(5):
        await watched.see(sender, "open", minute=2 * day + minute, check="every minute")
    await watched.findings()
    # The hub was down for ten days; the daily checks have three days from now on, the other some minutes.
    up = RECEIVED_AT + 12 * day * MINUTE
    watched.clock.jump((up - watched.clock.now()) / MICROSECONDS + 600)
    assert await watched.correlation.look_for_absent(since=up, limit=2) == 1
    (missing,) = [one for one in await watched.findings() if one.kind is FindingKind.MISSING]
    assert [witness.agent for witness in missing.witnesses] == [sender.jid]


@pytest.mark.parametrize("check", ["port 22", None], ids=["named", "unnamed"])
async def test_what_a_person_has_deleted_is_in_no_finding_and_no_history(
    watched: Watched, sender: Sender, tmp_path: Path, check: str | None
) -> None:
    other = await watched.see(sender, "kept", minute=0.5, target="other.example", check="other")
    before = await watched.see(sender, "SECRET-1", minute=0, check=check)
    last = await watched.see(sender, "SECRET-2", minute=1, check=check)
    assert "'SECRET-1', after='SECRET-2'" in str(await watched.findings())
    files = ContentFolder(tmp_path / "files", limit=1024)
    retention = Retention(database=watched.database, clock=watched.clock, documents=files)
    await retention.delete(before.uuid, actor=ANNA, reason="her data", unproved=True)
    assert "SECRET" not in str(await watched.findings())
    assert len((await watched.list.checks(limit=10)).rows) == 2
    await retention.delete(last.uuid, actor=ANNA, reason="her data", unproved=True)
    assert [each.item for each in (await watched.list.checks(limit=10)).rows] == [other.uuid]
    await watched.see(sender, "new", minute=9, check=check)
    found = await watched.findings()
    assert [one.kind.value for one in found[1:]] == ["first seen", "changed", "first seen"]


async def test_a_document_that_is_deleted_is_forgotten_too(watched: Watched, sender: Sender, tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "documents", limit=1_000_000)
    folder.prepare()
    documents = Documents(database=watched.database, folder=folder, clock=watched.clock)
    watched.correlation = watched.opened(documents=folder)
    for minute, state in enumerate(["SECRET-1", "SECRET-2"]):
        text = json.dumps({"port 22": state}).encode()

        async def pieces(text: bytes = text) -> AsyncIterator[bytes]:
            yield text

        document, _ = await documents.receive(pieces(), content_type="application/json", by=sender.jid)
        at = RECEIVED_AT + minute * MINUTE
        data = sender.item(target="www.example.org", check="a", collected_at=at).data
        item = ReceivedItem({**data, "payload": {"document": document.sha256}})
        await watched.intake.commit([sender.deliver(item, received_at=at)])
    assert "SECRET-2" in str(await watched.findings())
    await documents.delete(document.sha256, by="anna", origin="here", reason="her data")
    assert "SECRET" not in str(await watched.findings())
    assert (await watched.list.checks(limit=10)).rows == []
