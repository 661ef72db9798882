"""Payloads go when a policy or a person says so, with a tombstone; the proof stays, and nothing goes silently."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.audit import Audit, AuditFilter
from registry.database import Database
from registry.items import Items
from registry.queue_tables import queue_item
from registry.retention_rows import read_payloads
from registry.retention_tables import item_tombstone
from tests.registry.conftest import Sender
from tests.registry.kept import ANNA, DAY, LARGE_ID, SECRET, Kept, rules
from tests.registry.payloads import change_payload
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.evidence.bundle import read_bundle
from vedette.evidence.retention import Fate
from vedette.evidence.verification import verify_bundle
from vedette.messages.item import ReceivedItem


@pytest.fixture
async def kept(database: Database, clock: ManualClock, tmp_path: Path, sender: Sender) -> Kept:
    store = Kept(database=database, clock=clock, folder=tmp_path, sender=sender)
    await store.open()
    return store


async def test_what_is_old_enough_goes_and_all_else_stays(kept: Kept) -> None:
    scan, log = kept.sender.item(payload=SECRET), kept.sender.item(type="log", source="a.in.structured.syslog")
    await kept.commit(scan, log)
    kept.clock.advance(10 * DAY)
    (young,) = await kept.commit(kept.sender.item())
    wanted = rules({"type": "log", "keep": "forever"}, {"keep": "10d"})
    assert await kept.run(wanted, dry=True) == {Fate.DUE: 1, Fate.KEPT: 1}
    assert "raw" in await kept.payload(scan.uuid)
    assert await kept.run(wanted) == {Fate.DUE: 1, Fate.KEPT: 1}
    assert await kept.run(wanted) == {Fate.KEPT: 1}
    payload = await kept.payload(scan.uuid)
    assert (payload["deleted"]["policy"], payload["deleted"]["by"]) == ("p1", "retention")
    for uuid in (log.uuid, young):
        assert "raw" in await kept.payload(uuid)
    assert await kept.swept() == []


async def test_what_is_not_proved_held_or_waited_for_stays(kept: Kept, database: Database) -> None:
    held, queued = kept.sender.item(), kept.sender.item()
    await kept.commit(held, queued)
    (pending,) = await kept.commit(kept.sender.item(), stamped=False)
    kept.clock.advance(10 * DAY)
    await kept.holds.hold(held.uuid, actor=ANNA, reason="a court wants it")
    await kept.enqueue(queued.uuid)
    wanted = rules({"keep": "1d"})
    assert await kept.run(wanted) == {Fate.HELD: 1, Fate.QUEUED: 1, Fate.UNPROVED: 1}
    await database.write(lambda connection: connection.execute(queue_item.delete()) and None)
    await kept.stamp()
    await kept.holds.release(held.uuid, actor=ANNA)
    assert await kept.run(wanted) == {Fate.DUE: 3}
    for uuid in (held.uuid, queued.uuid, pending):
        assert "deleted" in await kept.payload(uuid)


async def test_a_hold_that_comes_between_looking_and_deleting_wins(kept: Kept) -> None:
    (uuid,) = await kept.commit(kept.sender.item())
    kept.clock.advance(10 * DAY)
    (rule,) = rules({"keep": "1d"})
    seen = await kept.database.read(lambda connection: list(read_payloads(connection, [uuid]).values()))
    await kept.holds.hold(uuid, actor=ANNA, reason="a court wants it")
    assert await kept.retention._delete_due(seen, rule) == 0
    assert "raw" in await kept.payload(uuid)


async def test_a_person_deletes_one_and_it_is_written_down(
    kept: Kept, database: Database, clock: ManualClock
) -> None:
    (uuid,) = await kept.commit(kept.sender.item(payload=SECRET))
    await kept.retention.delete(uuid, actor=ANNA, reason="asked for by Jane")
    payload = await kept.payload(uuid)
    expected = {"at": clock.now(), "by": "user anna", "reason": "asked for by Jane", "policy": ""}
    assert payload == {"document": hashlib.sha256(SECRET).hexdigest(), "deleted": expected}
    page = await Audit(database=database, clock=clock).page(wanted=AuditFilter(action="item.delete"))
    assert [(entry.who, entry.object, entry.origin, entry.detail) for entry in page.entries] == [
        ("user anna", uuid, "192.0.2.1", "asked for by Jane")
    ]


async def test_a_deletion_is_refused_with_the_reason(kept: Kept) -> None:
    (pending,) = await kept.commit(kept.sender.item(), stamped=False)

    async def refused(uuid: str, words: str, reason: str = "why") -> None:
        with pytest.raises(RefusedError, match=words):
            await kept.retention.delete(uuid, actor=ANNA, reason=reason)

    await refused(pending, "wait for its time-stamp")
    await refused("nothing", "no such item")
    await refused(pending, "reason", reason=" ")
    await kept.holds.hold(pending, actor=ANNA, reason="a court wants it")
    await refused(pending, "on hold")
    with pytest.raises(RefusedError, match="on hold already"):
        await kept.holds.hold(pending, actor=ANNA, reason="again")
    await kept.holds.release(pending, actor=ANNA)
    with pytest.raises(RefusedError, match="not on hold"):
        await kept.holds.release(pending, actor=ANNA)
    await kept.retention.delete(pending, actor=ANNA, reason="law", unproved=True)
    await refused(pending, "not there: deleted already")
    with pytest.raises(RefusedError, match="deleted already"):
        await kept.holds.hold(pending, actor=ANNA, reason="too late")
    with pytest.raises(RefusedError, match="not the uuid"):
        await kept.holds.hold("nothing", actor=ANNA, reason="why")
    await kept.stamp()
    assert await kept.swept() == []


async def test_a_bundle_says_what_was_deleted_and_verifies_the_rest(kept: Kept) -> None:
    one, other = kept.sender.item(payload=SECRET), kept.sender.item()
    await kept.commit(one, other)
    reason = "asked for by Jane\n\n3. Trust everything <script>alert(1)</script>"
    await kept.retention.delete(one.uuid, actor=ANNA, reason=reason)
    data = await kept.bundle(one.uuid)
    assert SECRET not in data
    contents = read_bundle(data)
    assert contents.deletion is not None
    assert (contents.deletion.by, contents.deletion.reason) == ("user anna", reason)
    verdict = verify_bundle(data, roots=kept.authority.roots, now=kept.clock.now())
    assert verdict.ok, verdict.reasons
    (said,) = [check.text for check in verdict.checks if check.name == "payload"]
    assert "by user anna" in said
    assert b"<script>" not in data.partition(b"report.html")[2]
    assert b"\n3. Trust everything" not in data
    assert verify_bundle(await kept.bundle(other.uuid), roots=kept.authority.roots, now=kept.clock.now()).ok


async def test_the_sweep_alarms_for_what_went_silently_only(kept: Kept, database: Database) -> None:
    await kept.store()
    good, silent, large = kept.sender.item(), kept.sender.item(), kept.large()
    await kept.commit(good, silent, large)
    await kept.retention.delete(good.uuid, actor=ANNA, reason="law")
    assert await kept.swept() == []
    await database.write(lambda connection: change_payload(connection, silent.uuid, None))
    kept.content.remove(LARGE_ID)
    findings = await kept.swept()
    assert [kind for kind, _ in findings] == ["payload", "payload"]
    assert [text.partition(":")[0] for _, text in findings] == [silent.uuid, large.uuid]
    assert all("nobody deleted it" in text for _, text in findings)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_deleted_bytes_are_overwritten_in_the_file(kept: Kept, store_url: str, database: Database) -> None:
    (uuid,) = await kept.commit(kept.sender.item(payload=SECRET * 20))
    path = Path(store_url.removeprefix("sqlite:///"))
    # As some builds of SQLite have it.
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA secure_delete = OFF").close())
    await kept.retention.delete(uuid, actor=ANNA, reason="law")
    database.close()
    assert SECRET not in await asyncio.to_thread(path.read_bytes)
    database.open()


async def test_unknown_fields_within_the_payload_go_with_it(kept: Kept) -> None:
    data = kept.sender.item().data
    item = ReceivedItem({**data, "note": "kept", "payload": {**data["payload"], "summary": "Jane Doe"}})
    await kept.commit(item)
    await kept.retention.delete(item.uuid, actor=ANNA, reason="law")
    found = await Items(database=kept.database).get(item.uuid)
    assert ("summary" in found["payload"], found["note"]) == (False, "kept")


async def test_a_policy_writes_one_entry_for_many_and_its_digest_is_that_of_the_tombstones(
    kept: Kept, database: Database, clock: ManualClock
) -> None:
    await kept.commit(*(kept.sender.item() for _ in range(5)))
    clock.advance(10 * DAY)
    await kept.run(rules({"keep": "1d"}), limit=100)
    page = await Audit(database=database, clock=clock).page(wanted=AuditFilter(action="item.delete"))
    (entry,) = page.entries
    query = select(item_tombstone.c.uuid).order_by(item_tombstone.c.uuid)
    uuids = await database.read(lambda connection: list(connection.execute(query).scalars()))
    digest = hashlib.sha256("".join(f"{uuid}\n" for uuid in sorted(uuids)).encode()).hexdigest()
    assert (entry.who, entry.object, entry.detail.endswith(digest)) == ("retention", "p0", True)
    assert entry.detail.startswith("5 payloads")
