"""Audit entries are evidence: batched, swept, bundled and renewed like items, and tampering shows with its place."""

from __future__ import annotations

import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from registry.audit import Audit
from registry.database import Database
from registry.directory import Directory
from registry.event_feed import EventFeed, Position
from registry.intake import Intake
from registry.items import ItemFilter, Items
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.receipts import check_receipts
from registry.renewals import Renewals
from tests.registry.conftest import ENGINE
from tests.registry.watched_log import Watched, entry
from tests.vedette.evidence.sample import BASH
from vedette.clock import ManualClock
from vedette.errors import EvidenceError, StoreError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle, read_bundle
from vedette.evidence.renewal_policy import Cause, DueGroup, RenewalKind
from vedette.evidence.statement import read_statement
from vedette.evidence.verification import verify_bundle
from vedette.messages.batch import Receipt, Signed
from vedette.messages.card import Role
from vedette.signing import SigningKey


@pytest.fixture
async def watched(database: Database, clock: ManualClock, tmp_path: Path, sender: Any) -> Watched:
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)
    store = Watched(database=database, clock=clock, authority=authority, sender=sender)
    await store.fill()
    return store


async def test_items_and_entries_are_swept_in_one_walk(watched: Watched) -> None:
    assert await watched.found() == set()
    await watched.audit.record(entry("user.add"))
    await watched.proofs.log_audits()
    await watched.stamp()
    assert await watched.found() == set()


CONTENT = ("who", "action", "object", "origin", "detail", "uuid")
CHANGE = "UPDATE audit SET NAME = 'x' WHERE log_index = 4"
SPOIL = "UPDATE audit SET statement = VALUE, at = 'x', who = x'ff' WHERE log_index = 4"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        *(((CHANGE.replace("NAME", name),), {("statement", "item 4")}) for name in CONTENT),
        (("UPDATE audit SET at = at + 1 WHERE log_index = 4",), {("statement", "item 4")}),
        (("UPDATE audit SET received_at = 0 WHERE log_index = 8",), {("statement", "item 8")}),
        (
            ("DELETE FROM audit WHERE log_index = 4",),
            {("gap", "item 4"), ("root", "batch 1"), ("head", "end")},
        ),
        (("DELETE FROM audit WHERE log_index = 8",), {("gap", "item 8"), ("head", "end")}),
        (
            ("UPDATE audit SET log_index = 9 WHERE log_index = 8",),
            {("gap", "item 8"), ("inserted", "item 9"), ("head", "end")},
        ),
        (
            ("UPDATE audit SET statement = (SELECT statement FROM item WHERE log_index = 1) WHERE log_index = 4",),
            {("statement", "item 4"), ("root", "batch 1"), ("head", "end")},
        ),
        (
            (
                "UPDATE audit SET log_index = -1 WHERE log_index = 3",
                "UPDATE audit SET log_index = 3 WHERE log_index = 4",
                "UPDATE audit SET log_index = 4 WHERE log_index = -1",
            ),
            {("statement", "item 3"), ("statement", "item 4"), ("root", "batch 1"), ("head", "end")},
        ),
        (
            (
                "INSERT INTO audit (uuid, at, who, action, object, origin, detail, chain_id, log_index, received_at,"
                " statement) SELECT 'new', at, who, action, object, origin, detail, chain_id, 6, received_at,"
                " statement FROM audit WHERE log_index = 4",
            ),
            {("inserted", "item 6"), ("statement", "item 6"), ("root", "batch 2"), ("head", "end")},
        ),
    ],
    ids=[*CONTENT, "at", "received_at", "delete", "delete-last", "move", "swap", "reorder", "insert"],
)
async def test_tampering_is_found_with_its_place(
    watched: Watched, change: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    await watched.tamper(*change)

    assert await watched.found() == expected


async def test_a_deleted_and_a_changed_entry_are_found_in_both_databases(watched: Watched) -> None:
    await watched.tamper("DELETE FROM audit WHERE log_index = 8", CHANGE.replace("NAME", "who"))

    assert await watched.found() == {("statement", "item 4"), ("gap", "item 8"), ("head", "end")}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", ["NULL", "'text'", "x'00'", "17"])
async def test_a_statement_that_is_none_is_found_and_breaks_nothing(watched: Watched, value: str) -> None:
    await watched.tamper(SPOIL.replace("VALUE", value))

    assert ("statement", "item 4") in await watched.found()


async def test_what_was_changed_is_not_bundled_as_if_it_were_right(watched: Watched) -> None:
    numbers = {one.log_index: one.id for one in (await watched.audit.page()).entries}
    await watched.tamper(
        "UPDATE audit SET statement = NULL WHERE log_index = 5", "UPDATE audit SET who = 'bob' WHERE log_index = 4"
    )

    with pytest.raises(StoreError, match="is not what was logged"):
        await watched.proofs.audit_bundle_contents(numbers[4])
    with pytest.raises(EvidenceError, match="no engine has logged it yet"):
        await watched.proofs.audit_bundle_contents(numbers[5])
    with pytest.raises(EvidenceError, match="no such audit entry"):
        await watched.proofs.audit_bundle_contents(10**9)
    with pytest.raises(EvidenceError, match="is pending"):
        await watched.proofs.audit_bundle_contents(numbers[8])


async def test_the_bundle_of_an_entry_verifies_and_says_who_did_what(
    watched: Watched, tmp_path: Path, clock: ManualClock
) -> None:
    found = next(one for one in (await watched.audit.page()).entries if one.action == "document.delete")
    assert found.state is ProofState.SELF_ASSERTED

    data = build_bundle(await watched.proofs.audit_bundle_contents(found.id))

    verdict = verify_bundle(data, roots=watched.authority.roots, now=clock.now())
    assert verdict.ok, verdict.reasons
    assert verdict.uuid == found.uuid
    said = {check.name: check.text for check in verdict.checks}
    assert "user anna did document.delete to probe@localhost" in said["statement"]
    assert "no agent signs an audit entry" in said["signature"]
    agent = SigningKey.generate().verifying
    claimed = verify_bundle(data, roots=watched.authority.roots, now=clock.now(), agent_key=agent)
    assert [check.name for check in claimed.checks if not check.ok] == ["signature"]
    with zipfile.ZipFile(BytesIO(data)) as packed:
        names = set(packed.namelist())
        page, steps = packed.read("report.html").decode(), packed.read("VERIFY.txt").decode()
        payload = packed.read("payload.bin")
        packed.extractall(tmp_path / "bundle")
    assert not names & {"manifest.json", "manifest.sig", "agent.pub"}
    assert payload == read_statement(read_bundle(data).statement).meta_json
    for text_of_it in ("user anna", "document.delete", "probe@localhost", "192.0.2.1"):
        assert f"<b>{text_of_it}</b>" in page
    assert "no longer &lt;b&gt;needed&lt;/b&gt;" in page
    assert "What was done, by whom and from where" in page
    for wrong in ("observed", "handed in", "agent.pub", "collected_at"):
        assert wrong not in page, wrong
        assert wrong not in steps, wrong
    assert "who did what, to what, when and from where" in steps
    roots = tmp_path / "roots.pem"
    roots.write_bytes((tmp_path / "tsa" / "roots.pem").read_bytes())
    done = run_script(tmp_path / "bundle", roots)
    assert done.returncode == 0, done.stderr


def run_script(folder: Path, roots: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BASH, "verify.sh", roots], cwd=folder, capture_output=True, text=True)


async def test_items_beside_entries_are_bundled_and_counted_as_before(watched: Watched, clock: ManualClock) -> None:
    items = Items(database=watched.database)
    page = await items.page(wanted=ItemFilter())
    assert [item.log_index for item in reversed(page.items)] == [0, 1, 2, 6, 7]
    counts = await items.counts()
    assert (counts[ProofState.SELF_ASSERTED], sum(counts.values())) == (5, 5)
    for item in page.items:
        data = build_bundle(await watched.proofs.bundle_contents(item.uuid))
        assert verify_bundle(data, roots=watched.authority.roots, now=clock.now()).ok


async def test_events_are_of_items_and_know_the_places_between(watched: Watched) -> None:
    feed = EventFeed(database=watched.database, engine=ENGINE)
    now = await feed.now()
    assert now.next_index == 9

    scans = await feed.scans(Position(chain_id=now.chain_id, next_index=2, token=0), limit=10)

    assert [scan.log_index for scan in scans] == [2, 6, 7]


async def test_renewals_cover_entries_too(watched: Watched, clock: ManualClock, tmp_path: Path) -> None:
    """With a new digest the entry's own bytes are bound again, like a payload's."""
    renewals = Renewals(database=watched.database, clock=clock)
    (group,) = await renewals.groups()
    due = DueGroup(
        group=group, kind=RenewalKind.HASHTREE, cause=Cause.DIGEST, digest="sha512", reason="test", ends_at=0
    )
    batch = await renewals.prepare(due, limit=10)
    assert batch is not None
    assert batch.damaged == ()
    token = await watched.authority.stamp(batch.tree.root, digest_algorithm="sha512")
    await renewals.store(batch, token, tsa="local", external=False)

    for entry_of_it in (await watched.audit.page()).entries[1:]:
        data = build_bundle(await watched.proofs.audit_bundle_contents(entry_of_it.id))
        verdict = verify_bundle(data, roots=watched.authority.roots, now=clock.now())
        assert verdict.ok, verdict.reasons
        assert any("bound by sha512 too" in check.text for check in verdict.checks)
    assert await watched.found() == set()


async def test_a_changed_entry_is_not_whitewashed_by_a_renewal(watched: Watched, clock: ManualClock) -> None:
    await watched.tamper("UPDATE audit SET who = 'bob' WHERE log_index = 4")
    renewals = Renewals(database=watched.database, clock=clock)
    (group,) = await renewals.groups()
    due = DueGroup(
        group=group, kind=RenewalKind.HASHTREE, cause=Cause.DIGEST, digest="sha512", reason="test", ends_at=0
    )

    batch = await renewals.prepare(due, limit=10)

    assert batch is not None
    assert (len(batch.leaves), len(batch.damaged)) == (1, 1)


async def test_receipts_fit_a_log_with_entries_between(
    database: Database, clock: ManualClock, sender: Any, intake: Intake
) -> None:
    """The head that a receipt names covers the entries before it, so cutting one out shows."""
    key = SigningKey.generate()
    await Directory(database=database, clock=clock).enrol(
        ENGINE, role=Role.AGGREGATION, public_key=key.verifying.text
    )
    sealed = []
    for _ in range(2):
        await Proofs(database=database, engine=ENGINE, clock=clock).log_audits()
        delivery = sender.deliver(count=2)
        (result,) = await intake.commit([delivery])
        receipt = Receipt(
            engine=ENGINE,
            epoch=intake.epoch,
            manifest_sha256=delivery.signed.sha256,
            committed=result.committed,
            refused=result.refused,
            log_index=result.log_index,
            head=result.head,
        )
        sealed.append(Signed.seal(receipt, key))
        await Audit(database=database, clock=clock).record(entry("key.issue"))

    report = await check_receipts(database, sealed)

    assert (report.items, report.findings) == (4, ())
