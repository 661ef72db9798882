"""The sweep finds every kind of tampering, and says exactly where."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.proofs import Proofs
from registry.sweep import Sweep
from vedette.clock import ManualClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots
from vedette.messages.card import Role

ENGINE = "engine@localhost"
Tamper = Callable[[sqlite3.Connection], object]


class Swept:
    """A store of 3 batches of 4 items, of which 2 more are in none, on SQLite and on PostgreSQL."""

    def __init__(self, *, database: Database, clock: ManualClock, authority: LocalAuthority) -> None:
        self.database = database
        self.clock = clock
        self.authority = authority
        self.sender: Any = None

    def sweep(self, *, roots: dict[str, TrustRoots] | None = None) -> Sweep:
        given = {"local": self.authority.roots} if roots is None else roots
        return Sweep(database=self.database, engine=ENGINE, clock=self.clock, roots=given)

    async def commit(self, count: int) -> None:
        intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        await intake.open()
        await intake.commit([self.sender.deliver(count=count)])

    async def stamp(self) -> None:
        proofs = Proofs(database=self.database, engine=ENGINE, clock=self.clock)
        while (batch := await proofs.close_batch(max_items=4)) is not None:
            token = await self.authority.stamp(batch.root)
            await proofs.store_token(batch=batch, tsa="local", external=False, token=token)

    async def found(self, sweep: Sweep | None = None, *, limit: int = 3) -> list[tuple[str, str]]:
        """One round: kind and place of what is found, the place without the engine and epoch."""
        sweep = sweep or self.sweep()
        findings = []
        while (step := await sweep.step(limit=limit)) is not None:
            findings += [(finding.kind, finding.place.rpartition(f"{ENGINE}/")[2]) for finding in step.findings]
            await sweep.save()
        return [(kind, place.partition(", ")[2] or place) for kind, place in findings]


IN_THE_FILE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""The tampering is done in the SQLite file."""


@pytest.fixture
async def swept(database: Database, clock: ManualClock, tmp_path: Path, sender: Any) -> Swept:
    authority = LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)
    store = Swept(database=database, clock=clock, authority=authority)
    store.sender = sender
    await Directory(database=database, clock=clock).enrol(
        sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text
    )
    await store.commit(12)
    await store.stamp()
    await store.commit(2)
    return store


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_nothing_is_found_in_a_store_as_it_was_proved(swept: Swept, limit: int) -> None:
    for _ in range(2):
        assert await swept.found(limit=limit) == []
    await swept.commit(3)
    await swept.stamp()
    assert await swept.found(limit=limit) == []


def tampered(store_url: str, change: Tamper) -> None:
    """Change the file behind the store's back, as somebody with the disk in hand would."""
    with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection:
        connection.create_function("flip", 1, lambda data: bytes([data[0] ^ 1]) + data[1:])
        connection.create_function("flip_last", 1, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        change(connection)
        connection.commit()


def run(*statements: str) -> Tamper:
    def change(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return change


KINDS = ("payload", "statement")
COLUMNS = (
    'agent, type, format, version, target, source, "check", ts, collected_at, received_at, verdict, exit_code, size,'
    " unsigned, skew, digest, payload_sha256, manifest_sha256, extra, statement"
)
COPY = (
    "INSERT INTO item (uuid, chain_id, log_index, {columns})"
    " SELECT 'new', chain_id, {index}, {columns} FROM item WHERE log_index = 3"
)


@IN_THE_FILE
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (run("UPDATE item_payload SET payload = flip(payload) WHERE log_index = 5"), {("payload", "item 5")}),
        (
            run("UPDATE item SET statement = flip(statement) WHERE log_index = 5"),
            {("statement", "item 5"), ("root", "batch 2"), ("head", "end")},
        ),
        (
            run(
                "UPDATE item SET statement = CAST(replace(CAST(statement AS TEXT), 'salt\":\"', 'salt\":\"0')"
                " AS BLOB) WHERE log_index = 13"
            ),
            {("statement", "item 13"), ("head", "end")},
        ),
        (
            run(
                'UPDATE item SET statement = CAST(replace(CAST(statement AS TEXT), \'"type":"scan"\','
                ' \'"type":"scam"\') AS BLOB) WHERE log_index = 6'
            ),
            {("statement", "item 6"), ("root", "batch 2"), ("head", "end")},
        ),
        (
            run("DELETE FROM item WHERE log_index = 5"),
            {("gap", "item 5"), ("root", "batch 2"), ("head", "end")},
        ),
        (run("DELETE FROM item WHERE log_index >= 12"), {("gap", "item 12"), ("head", "end")}),
        (run(COPY.format(index=14, columns=COLUMNS)), {("inserted", "item 14")}),
        (run(COPY.format(index=-1, columns=COLUMNS)), {("inserted", "item -1")}),
        (
            run(
                "UPDATE item SET log_index = -9 WHERE log_index = 5",
                "UPDATE item SET log_index = 5 WHERE log_index = 6",
                "UPDATE item SET log_index = 6 WHERE log_index = -9",
            ),
            {("statement", "item 5"), ("statement", "item 6"), ("root", "batch 2"), ("head", "end")},
        ),
        (
            run("UPDATE batch SET root = flip(root) WHERE number = 2"),
            {("root", "batch 2"), ("token", "batch 2, token of local"), ("batch", "batch 3")},
        ),
        (run("UPDATE token SET token = flip_last(token) WHERE id = 2"), {("token", "batch 2, token of local")}),
        (run("UPDATE token SET gen_time = gen_time - 1 WHERE id = 2"), {("token", "batch 2, token of local")}),
        (
            run("DELETE FROM evidence_record WHERE token_id = 2", "DELETE FROM token WHERE id = 2"),
            {("state", "batch 2")},
        ),
        (
            run("DELETE FROM batch WHERE number = 2"),
            {("batch-missing", "batch 2"), ("batch-missing", "token 2 of local")},
        ),
        (run("DELETE FROM batch WHERE number = 3"), {("batch-missing", "token 3 of local")}),
        (
            run("UPDATE batch SET statement = flip(statement) WHERE number = 1"),
            {("batch", "batch 1"), ("root", "batch 1")},
        ),
        (run("UPDATE chain SET head = flip(head)"), {("head", "end")}),
        (run("UPDATE item_payload SET payload = 'text' WHERE log_index = 5"), {("payload", "item 5")}),
        (
            run(
                "UPDATE item_payload SET payload = 22 WHERE log_index = 5",
                "UPDATE item SET size = 'x' WHERE log_index = 5",
            ),
            {(k, "item 5") for k in KINDS},
        ),
        (
            run("UPDATE item SET log_index = 'five' WHERE log_index = 13"),
            {("gap", "item 13"), ("head", "end"), ("inserted", "item five")},
        ),
        (run("UPDATE token SET token = 'text' WHERE id = 2"), {("token", "batch 2")}),
        (run("UPDATE delivery SET text = x'00' WHERE rowid = 2"), {("manifest", f"item {n}") for n in (12, 13)}),
        (
            run("UPDATE delivery SET text = text || ' ' WHERE rowid = 2"),
            {("manifest", f"item {n}") for n in (12, 13)},
        ),
        (run("UPDATE item SET agent = 'other@localhost' WHERE log_index = 1"), {("manifest", "item 1")}),
    ],
)
async def test_tampering_is_found_with_its_place(
    swept: Swept, store_url: str, change: Tamper, expected: set[tuple[str, str]]
) -> None:
    tampered(store_url, change)

    assert set(await swept.found()) == expected


@IN_THE_FILE
async def test_a_tail_that_was_cut_off_with_its_traces_is_found_by_what_was_seen_before(
    swept: Swept, store_url: str
) -> None:
    assert await swept.found() == []
    cut = (
        "DELETE FROM evidence_record WHERE token_id = 3",
        "DELETE FROM token WHERE id = 3",
        "DELETE FROM batch WHERE number = 3",
        "DELETE FROM item WHERE log_index >= 8",
        "UPDATE chain SET next_index = 8, head = (SELECT head FROM sweep)",
    )
    tampered(store_url, run(*cut))

    found = await swept.found()

    assert ("truncated", "item 8") in found
    assert ("batch-missing", "batch 3") in found


@IN_THE_FILE
async def test_a_past_rewritten_throughout_is_not_what_was_seen_before(swept: Swept, store_url: str) -> None:
    assert await swept.found() == []
    tampered(store_url, run("UPDATE chain SET head = flip(head)", "UPDATE sweep SET target_head = flip(target_head)"))
    assert set(await swept.found()) == {("head", "end")}


async def test_a_forgers_own_authority_is_not_believed(swept: Swept, tmp_path: Path) -> None:
    other = LocalAuthority.open(tmp_path / "other", clock=swept.clock, create=True)

    assert {kind for kind, _ in await swept.found(swept.sweep(roots={"local": other.roots}))} == {"token"}
    assert await swept.found(swept.sweep(roots={})) == []


async def test_it_goes_on_where_it_was_and_can_start_over(swept: Swept) -> None:
    first = swept.sweep()
    for _ in range(3):
        await first.step(limit=3)
        await first.save()
    assert first.items == 7

    second = swept.sweep()
    assert await swept.found(second) == []
    assert second.items == 10, "the batch that was not finished is looked at again, those before it are not"

    await second.restart()
    assert await swept.found(second) == []
    assert second.items == 24


async def test_an_empty_chain_and_a_store_without_one(database: Database, clock: ManualClock) -> None:
    sweep = Sweep(database=database, engine=ENGINE, clock=clock, roots={})
    assert await sweep.step(limit=10) is None
    await Intake(database=database, engine=ENGINE, clock=clock).open()
    step = await sweep.step(limit=10)
    assert step is not None
    assert (step.items, step.findings, step.finished) == (0, [], True)
    await sweep.save()
    assert await sweep.step(limit=10) is None
