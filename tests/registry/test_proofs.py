"""Batches cover the chain without gap or overlap, and a bundle made from the store verifies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from registry import chain as chains
from registry import tables
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.items import Items
from registry.proofs import PendingBatch, Proofs, ProofState
from vedette.clock import ManualClock
from vedette.errors import EvidenceError, StoreError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import root_of
from vedette.evidence.statement import leaf, read_batch_statement
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role

ENGINE = "engine@localhost"


@pytest.fixture
def proofs(database: Database, clock: ManualClock) -> Proofs:
    return Proofs(database=database, engine=ENGINE, clock=clock)


@pytest.fixture
def authority(tmp_path: Path, clock: ManualClock) -> LocalAuthority:
    return LocalAuthority.open(tmp_path / "tsa", clock=clock, create=True)


async def stamp(
    proofs: Proofs, authority: LocalAuthority, batch: PendingBatch, *, tsa: str, external: bool
) -> ProofState:
    token = await authority.stamp(batch.root)
    return await proofs.store_token(batch=batch, tsa=tsa, external=external, token=token)


async def close(proofs: Proofs, *, max_items: int = 100) -> PendingBatch:
    batch = await proofs.close_batch(max_items=max_items)
    assert batch is not None
    return batch


async def test_batches_follow_each_other_and_name_the_root_before(
    intake: Intake, proofs: Proofs, database: Database, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=7)])

    closed = [await close(proofs, max_items=3) for _ in range(3)]

    assert [(batch.number, batch.first_index, batch.last_index) for batch in closed] == [
        (1, 0, 2),
        (2, 3, 5),
        (3, 6, 6),
    ]
    assert await proofs.close_batch(max_items=3) is None
    rows = await database.read(
        lambda connection: connection.execute(select(tables.batch).order_by(tables.batch.c.number)).mappings().all()
    )
    statements = [read_batch_statement(row["statement"]) for row in rows]
    assert [statement.previous_root for statement in statements] == ["", closed[0].root.hex(), closed[1].root.hex()]
    assert [statement.count for statement in statements] == [3, 3, 1]


async def test_what_waits_is_counted_with_its_age(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, sender: Any
) -> None:
    assert (await proofs.unbatched()).count == 0
    await intake.commit([sender.deliver(count=3, received_at=1_000), sender.deliver(count=2, received_at=2_000)])

    waiting = await proofs.unbatched()
    assert (waiting.count, waiting.oldest_received_at) == (5, 1_000)
    batch = await close(proofs, max_items=3)
    waiting, unstamped = await proofs.unbatched(), await proofs.unstamped()
    assert (waiting.count, waiting.oldest_received_at) == (2, 2_000)
    assert (unstamped.count, unstamped.oldest_received_at) == (5, 1_000)
    await stamp(proofs, authority, batch, tsa="local", external=False)
    unstamped = await proofs.unstamped()
    assert (unstamped.count, unstamped.oldest_received_at, unstamped.failed) == (2, 2_000, 0)


async def test_each_authority_gets_the_batches_that_it_has_not_stamped(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=3)])
    first, second, third = [await close(proofs, max_items=1) for _ in range(3)]

    assert await proofs.pending_batches(tsa="a", limit=2) == [first, second]
    await stamp(proofs, authority, first, tsa="a", external=True)
    await stamp(proofs, authority, second, tsa="a", external=True)

    async def numbers(tsa: str) -> list[int]:
        return [batch.number for batch in await proofs.pending_batches(tsa=tsa, limit=10)]

    assert await numbers("a") == [3]
    assert await numbers("b") == [3, 1, 2], "what has no token at all comes first"
    await stamp(proofs, authority, third, tsa="a", external=True)
    assert await numbers("a") == []
    for batch in (second, third):
        await stamp(proofs, authority, batch, tsa="b", external=True)
    assert await numbers("b") == [1]
    await intake.commit([sender.deliver(count=1)])
    fourth = await close(proofs)
    assert await numbers("a") == [fourth.number]


async def test_the_state_rises_with_the_tokens(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, database: Database, sender: Any
) -> None:
    delivery = sender.deliver(count=2)
    await intake.commit([delivery])
    items, uuid = Items(database=database), delivery.items[1].uuid
    assert (await items.proof(uuid)).state is ProofState.PENDING
    batch = await close(proofs)
    assert (await items.proof(uuid)).state is ProofState.PENDING

    for tsa, external, state in (
        ("local", False, ProofState.SELF_ASSERTED),
        ("one", True, ProofState.PROVED),
        ("one", True, ProofState.PROVED),
        ("two", True, ProofState.STRONG),
    ):
        assert await stamp(proofs, authority, batch, tsa=tsa, external=external) is state
        proof = await items.proof(uuid)
        assert (proof.state, proof.batch, proof.log_index) == (state, 1, 1)
    assert [token.tsa for token in proof.tokens] == ["local", "one", "two"]
    assert await items.counts() == dict.fromkeys(ProofState, 0) | {ProofState.STRONG: 2}


async def test_a_failed_batch_is_not_stamped_until_it_is_retried(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, database: Database, sender: Any
) -> None:
    delivery = sender.deliver(count=1)
    await intake.commit([delivery])
    batch = await close(proofs)

    assert await proofs.set_failed(batch, "no authority takes it") is ProofState.FAILED
    assert await proofs.pending_batches(tsa="a", limit=10) == []
    assert (await Items(database=database).proof(delivery.items[0].uuid)).reason == "no authority takes it"
    assert (await proofs.unstamped()).failed == 1
    with pytest.raises(EvidenceError, match="no authority takes it"):
        await proofs.bundle_contents(delivery.items[0].uuid)

    assert await proofs.retry_failed() == 1
    assert await proofs.pending_batches(tsa="a", limit=10) == [batch]
    await stamp(proofs, authority, batch, tsa="a", external=True)
    assert await proofs.set_failed(batch, "late") is ProofState.PROVED


async def test_a_token_over_something_else_is_not_stored(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=1)])
    batch = await close(proofs)
    token = await authority.stamp(bytes(32))

    with pytest.raises(EvidenceError, match="not over the root"):
        await proofs.store_token(batch=batch, tsa="a", external=True, token=token)
    with pytest.raises(EvidenceError, match="not over the root"):
        await proofs.store_token(batch=batch, tsa="a", external=True, token=replace(token, imprint=b""))


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_a_bundle_from_the_store_verifies(
    intake: Intake,
    proofs: Proofs,
    authority: LocalAuthority,
    database: Database,
    clock: ManualClock,
    tmp_path: Path,
    sender: Any,
    size: int,
) -> None:
    directory = Directory(database=database, clock=clock)
    await directory.enrol(sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text)
    delivery = sender.deliver(count=size)
    await intake.commit([delivery])
    uuid = delivery.items[-1].uuid
    with pytest.raises(EvidenceError, match="batch is not closed"):
        await proofs.bundle_contents(uuid)
    batch = await close(proofs)
    with pytest.raises(EvidenceError, match="no authority has stamped"):
        await proofs.bundle_contents(uuid)
    await stamp(proofs, authority, batch, tsa="local", external=False)

    contents = await proofs.bundle_contents(uuid)

    assert root_of(contents.path, leaf(contents.statement), "sha256") == batch.root
    assert root_of(contents.batch_path, leaf(contents.batch_statement), "sha256") == batch.root
    roots = TrustRoots.load(tmp_path / "tsa" / "roots.pem")
    verdict = verify_bundle(build_bundle(contents), roots=roots, now=clock.now(), agent_key=sender.key.verifying)
    assert verdict.ok, verdict.reasons
    with pytest.raises(EvidenceError, match="no such item"):
        await proofs.bundle_contents("00000000-0000-0000-0000-000000000000")


async def test_the_key_of_that_time_goes_into_the_bundle(
    intake: Intake,
    proofs: Proofs,
    authority: LocalAuthority,
    database: Database,
    clock: ManualClock,
    sender: Any,
    make_sender: Any,
) -> None:
    directory = Directory(database=database, clock=clock)
    await directory.enrol(sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text)
    delivery = sender.deliver(count=1)
    await intake.commit([delivery])
    await directory.enrol(sender.jid, role=Role.PROBE, public_key=make_sender("x@x").key.verifying.text)
    await stamp(proofs, authority, await close(proofs), tsa="local", external=False)

    contents = await proofs.bundle_contents(delivery.items[0].uuid)

    assert contents.agent_key_pem == sender.key.verifying.pem
    assert contents.manifest == delivery.signed


async def test_a_changed_statement_and_a_missing_item_are_found(
    intake: Intake, proofs: Proofs, authority: LocalAuthority, database: Database, sender: Any
) -> None:
    delivery = sender.deliver(count=3)
    await intake.commit([delivery])
    await stamp(proofs, authority, await close(proofs), tsa="local", external=False)
    first, second, third = (item.uuid for item in delivery.items)

    def tamper(connection: Connection) -> None:
        connection.execute(update(tables.item).where(tables.item.c.uuid == second).values(statement=b"{}"))

    await database.write(tamper)
    with pytest.raises(StoreError, match="damaged"):
        await proofs.bundle_contents(first)
    await database.write(
        lambda connection: connection.execute(delete(tables.item).where(tables.item.c.uuid == third)) and None
    )
    with pytest.raises(StoreError, match="lacks 1 of the items"):
        await proofs.bundle_contents(first)


async def test_a_chain_before_a_restored_backup_is_proved_to_its_end(
    database: Database, proofs: Proofs, clock: ManualClock, sender: Any
) -> None:
    for _ in range(2):
        await database.write(lambda connection: chains.start_chain(connection, engine=ENGINE, now=0))
        intake = Intake(database=database, engine=ENGINE, clock=clock)
        await intake.open()
        await intake.commit([sender.deliver(count=2)])

    closed = [await close(proofs) for _ in range(2)]

    assert [(batch.number, batch.first_index, batch.last_index) for batch in closed] == [(1, 0, 1), (1, 0, 1)]
    assert closed[0].root != closed[1].root
    assert await proofs.close_batch(max_items=10) is None


async def test_two_that_close_the_same_range_make_one_batch(
    intake: Intake, store_url: str, clock: ManualClock, proofs: Proofs, sender: Any
) -> None:
    await intake.commit([sender.deliver(count=2)])
    with Database(store_url) as database:
        other = Proofs(database=database, engine=ENGINE, clock=clock)
        closed = [await proofs.close_batch(max_items=10), await other.close_batch(max_items=10)]

    assert [batch is None for batch in closed] == [False, True]
