"""Audit entries in an engine's log: each once, without a gap, in order, whoever else writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from registry.audit import Audit
from registry.audit_log import log_audits
from registry.audit_tables import audit
from registry.database import Database
from registry.intake import Intake
from registry.items import Items
from registry.proofs import Proofs
from tests.registry.auditing import ANNA, assert_gapless, entry, logged
from tests.registry.conftest import ENGINE, RECEIVED_AT
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.evidence.audit_entry import read_audit
from vedette.evidence.statement import read_statement


@pytest.fixture
def log(database: Database, clock: ManualClock) -> Audit:
    return Audit(database=database, clock=clock)


@pytest.fixture
def proofs(database: Database, clock: ManualClock) -> Proofs:
    return Proofs(database=database, engine=ENGINE, clock=clock)


async def test_entries_are_logged_between_items_without_a_gap(
    database: Database, log: Audit, proofs: Proofs, intake: Intake, clock: ManualClock, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=3)])
    for _ in range(2):
        await log.record(entry())
    clock.advance(5.0)
    done = await proofs.log_audits()
    assert (done.count, done.damaged) == (2, ())
    assert (await proofs.log_audits()).count == 0
    (committed,) = await intake.commit([sender.deliver(count=2)])

    assert committed.log_index == 6
    assert [place for _, _, place in await logged(database)] == [3, 4]
    assert await assert_gapless(database) == 7
    newest, older = (await log.page()).entries
    assert (newest.engine, newest.epoch, newest.log_index) == (ENGINE, intake.epoch, 4)
    rows = await database.read(lambda connection: connection.execute(select(audit).order_by(audit.c.id)).all())
    statement = read_statement(rows[0].statement)
    assert (statement.kind, statement.received_at) == ("audit", RECEIVED_AT + 5_000_000)
    facts = read_audit(statement)
    assert (facts.uuid, facts.at, facts.who, facts.detail) == (older.uuid, RECEIVED_AT, ANNA, "because")


async def test_what_waits_counts_and_ages_like_an_item(
    log: Audit, proofs: Proofs, clock: ManualClock, database: Database
) -> None:
    await log.record(entry())
    assert (await proofs.unbatched()).count == 0, "no engine has logged it"
    clock.advance(3.0)
    await proofs.log_audits()

    waiting = await proofs.unbatched()

    assert (waiting.count, waiting.oldest_received_at, waiting.urgent) == (1, clock.now(), False)
    batch = await proofs.close_batch(max_items=10)
    assert batch is not None
    assert (batch.count, batch.audit_count, batch.items) == (1, 1, 0)
    assert sum((await Items(database=database).counts()).values()) == 0


async def test_a_row_that_was_written_by_hand_holds_nothing_up(
    database: Database, log: Audit, proofs: Proofs
) -> None:
    forged = {"uuid": "u", "at": 2**60, "who": "w", "action": "a", "object": "o", "origin": "x", "detail": ""}
    await database.write(lambda connection: connection.execute(audit.insert().values(forged)) and None)
    await log.record(entry())

    first, second = await proofs.log_audits(), await proofs.log_audits()

    assert (first.count, len(first.damaged)) == (1, 1)
    assert (second.count, second.damaged) == (0, ()), "it is told once"
    assert await assert_gapless(database) == 1


async def test_more_than_one_transaction_takes_is_logged_in_turns(database: Database, log: Audit) -> None:
    for number in range(12):
        await log.record(entry(object=str(number)))

    def take(connection: Connection) -> int:
        return log_audits(connection, engine=ENGINE, now=RECEIVED_AT, limit=5).count

    assert [await database.write(take) for _ in range(4)] == [5, 5, 2, 0]
    assert await assert_gapless(database) == 12
    assert [place for _, _, place in await logged(database)] == list(range(12))


async def test_several_engines_log_each_entry_once(store_url: str, clock: ManualClock, sender: Any) -> None:
    """Three processes' worth of databases: two engines that log and take items, one that only writes entries."""
    engines = ("one@localhost", "two@localhost")
    with Database(store_url) as first, Database(store_url) as second, Database(store_url) as third:
        audits = Audit(database=third, clock=clock)
        stop = asyncio.Event()

        async def engine(name: str, database: Database) -> None:
            intake = Intake(database=database, engine=name, clock=clock)
            await intake.open()
            proofs = Proofs(database=database, engine=name, clock=clock)
            while True:
                last = stop.is_set()
                await proofs.log_audits()
                await intake.commit([sender.deliver(count=2)])
                if last:
                    return

        async def write() -> None:
            for number in range(40):
                await audits.record(entry(object=str(number)))
            stop.set()

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(engine(engines[0], first), engine(engines[1], second), write())
        for name in engines:
            await Proofs(database=first, engine=name, clock=clock).log_audits()

        placed = await logged(first)
        assert [number for number, _, _ in placed] == sorted({number for number, _, _ in placed})
        assert len(placed) == 40
        for name in engines:
            await assert_gapless(first, name)


async def test_the_look_for_waiting_entries_uses_an_index(database: Database) -> None:
    query = "SELECT EXISTS (SELECT * FROM audit WHERE chain_id IS NULL)"
    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "

    def plan(connection: Connection) -> str:
        if database.dialect == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        return " ".join(str(row) for row in connection.execute(text(explain + query)))

    assert "ix_audit_chain_index" in await database.read(plan)
