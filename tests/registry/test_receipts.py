"""A tail that was cut off together with its traces shows against what the senders kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, text, update

from registry import tables
from registry.chain import GENESIS, next_head
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.outbox import Outbox
from registry.receipts import check_receipts, read_receipts
from vedette.clock import ManualClock
from vedette.errors import StoreError
from vedette.evidence.statement import leaf
from vedette.messages.batch import Receipt, Signed
from vedette.messages.card import Role
from vedette.signing import SigningKey

ENGINE = "engine@localhost"


class Receipts:
    """An engine that confirmed three deliveries of three items."""

    def __init__(self, *, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.key = SigningKey.generate()
        self.sealed: list[Signed] = []

    async def confirm(self, sender: Any) -> None:
        directory = Directory(database=self.database, clock=self.clock)
        await directory.enrol(ENGINE, role=Role.AGGREGATION, public_key=self.key.verifying.text)
        intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        await intake.open()
        for _ in range(3):
            delivery = sender.deliver(count=3)
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
            self.sealed.append(Signed.seal(receipt, self.key))

    async def found(self) -> set[tuple[str, str]]:
        report = await check_receipts(self.database, self.sealed)
        assert (report.receipts, report.items) == (3, 9)
        return {(finding.kind, finding.place.rpartition(", ")[2]) for finding in report.findings}


@pytest.fixture
async def receipts(database: Database, clock: ManualClock, sender: Any) -> Receipts:
    made = Receipts(database=database, clock=clock)
    await made.confirm(sender)
    return made


async def test_receipts_of_a_store_as_it_was_confirmed(receipts: Receipts) -> None:
    assert await receipts.found() == set()


async def test_a_tail_cut_off_with_all_its_traces_is_found(receipts: Receipts) -> None:
    def cut(connection: Connection) -> None:
        item, chain, head = tables.item, tables.chain, GENESIS
        connection.execute(delete(item).where(item.c.log_index >= 7))
        for statement in connection.execute(
            item.select().with_only_columns(item.c.statement).order_by(item.c.log_index)
        ).scalars():
            head = next_head(head, leaf(statement))
        connection.execute(update(chain).values(next_index=7, head=head))

    await receipts.database.write(cut)

    assert await receipts.found() == {("truncated", f"item {index}") for index in (7, 8)}


async def test_a_rewritten_past_is_found_where_it_begins(receipts: Receipts) -> None:
    change = text("UPDATE item SET statement = :data WHERE log_index = 4").bindparams(data=b"{}")
    await receipts.database.write(lambda connection: connection.execute(change) and None)

    assert await receipts.found() == {("rewritten", "item 5")}


async def test_items_that_changed_places_are_found(receipts: Receipts) -> None:
    def swap(connection: Connection) -> None:
        item = tables.item
        for old, new in ((1, 99), (2, 1), (99, 2)):
            connection.execute(update(item).where(item.c.log_index == old).values(log_index=new))

    await receipts.database.write(swap)

    assert await receipts.found() == {("rewritten", "item 1"), ("rewritten", "item 2")}


async def test_a_receipt_that_nobody_signed_says_so(receipts: Receipts) -> None:
    receipts.sealed[0] = receipts.sealed[0].model_copy(update={"signature": receipts.sealed[1].signature})
    report = await check_receipts(receipts.database, receipts.sealed)
    assert [finding.kind for finding in report.findings] == ["receipt"]


async def test_receipts_are_read_from_an_outbox_without_changing_it(
    receipts: Receipts, tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, agent="probe@localhost", clock=clock, limit_items=10, limit_bytes=10_000)
    await outbox.open()
    for sealed in receipts.sealed:
        await outbox.confirm(sealed, [])
    await outbox.close()
    before = path.read_bytes()

    assert read_receipts(path) == receipts.sealed
    assert path.read_bytes() == before
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE x (y)")
    for wrong in (tmp_path / "other.db", tmp_path / "missing.db"):
        with pytest.raises(StoreError, match="cannot be read"):
            read_receipts(wrong)
    assert not (tmp_path / "missing.db").exists()
