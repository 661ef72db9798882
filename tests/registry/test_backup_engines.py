"""A safety copy of several engines' one store: made while all of them write, and put back in an epoch of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from registry import tables
from registry.backup_check import check_backup
from registry.backup_losses import LossSearch
from registry.database import Database
from registry.intake import Intake
from registry.proofs import Proofs
from tests.registry.backing_up import ENGINE, Filled
from tests.registry.conftest import Sender
from tests.registry.restoring import place_of, put_back
from vedette.messages.card import Role
from vedette.signing import SigningKey

SECOND = "engine-2@localhost"
EACH = 5


class TwoEngines:
    """The first engine's store with a second engine, which has a connection and a sender of its own."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.sender = Sender(jid="second@localhost")
        self.database = Database(filled.url)
        self.uuids: list[str] = []

    async def open(self) -> None:
        """Enrol the second engine and its sender, and begin its log."""
        directory = self.filled.directory
        await directory.enrol(SECOND, role=Role.AGGREGATION, public_key=SigningKey.generate().verifying.text)
        await directory.enrol(self.sender.jid, role=Role.PROBE, public_key=self.sender.key.verifying.text)
        self.start()
        await self.intake.open()

    def start(self) -> None:
        """Connect, as the engine's process does when it starts."""
        self.database.open()
        self.intake = Intake(database=self.database, engine=SECOND, clock=self.filled.clock)

    async def commit(self, count: int) -> None:
        """Commit items at the second engine."""
        items = [self.sender.item() for _ in range(count)]
        (result,) = await self.intake.commit([self.sender.deliver(*items)])
        assert not result.refused
        self.uuids += [item.uuid for item in items]

    def close(self) -> None:
        """End both engines."""
        self.database.close()
        self.filled.close()


@pytest.fixture
async def engines(store_url: str, tmp_path: Path) -> AsyncIterator[TwoEngines]:
    """Both engines, each with items in its log."""
    made = TwoEngines(Filled(url=store_url, folder=tmp_path))
    await made.filled.open()
    await made.open()
    await made.filled.commit(EACH)
    await made.commit(EACH)
    yield made
    made.close()


def logs(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how long each log is, by engine and epoch."""
    chain = tables.chain
    return {(row.engine, row.epoch): row.next_index for row in connection.execute(select(chain))}


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_each_engine_goes_on_in_an_epoch_of_its_own(engines: TwoEngines, tmp_path: Path) -> None:
    filled, copy = engines.filled, tmp_path / "copy"
    manifest = filled.backup(copy)
    assert {(log.engine, log.next_index) for log in manifest.logs} == {(ENGINE, EACH), (SECOND, EACH)}
    await filled.commit(2)
    await engines.commit(3)
    old_epochs = {ENGINE: filled.intake.epoch, SECOND: engines.intake.epoch}
    engines.close()
    with place_of(filled.url, tmp_path).held():
        old = place_of(filled.url, tmp_path).read_old(manifest)
    replaced = put_back(filled, copy, manifest, old=old)

    new_epochs = {one.engine: one.epoch for one in replaced.finished.epochs}
    assert set(new_epochs) == {ENGINE, SECOND}
    assert not set(new_epochs.values()) & set(old_epochs.values())
    with Database(filled.url) as database:
        result = LossSearch(database=database, restored=manifest.logs, old=old).result()
    lost = {log.engine: (log.epoch, [uuid for _, uuid in log.items]) for log in result.logs}
    assert lost == {
        ENGINE: (old_epochs[ENGINE], filled.uuids[EACH:]),
        SECOND: (old_epochs[SECOND], engines.uuids[EACH:]),
    }

    filled.database.open()
    filled.intake = Intake(database=filled.database, engine=ENGINE, clock=filled.clock)
    engines.start()
    await asyncio.gather(filled.intake.open(), engines.intake.open())
    assert (filled.intake.epoch, engines.intake.epoch) == (new_epochs[ENGINE], new_epochs[SECOND])
    await asyncio.gather(filled.commit(1), engines.commit(1))
    for engine in (ENGINE, SECOND):
        proofs = Proofs(database=filled.database, engine=engine, clock=filled.clock)
        batches = [await proofs.close_batch(max_items=100) for _ in range(3)]
        # What each had before has a proof of its own log, and what comes now of the next.
        assert [batch and (batch.number, batch.count) for batch in batches] == [(1, EACH), (1, 1), None]
    assert filled.database.read_sync(logs) == {
        **{(engine, epoch): EACH for engine, epoch in old_epochs.items()},
        **{(engine, epoch): 1 for engine, epoch in new_epochs.items()},
    }


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_copy_while_both_engines_write_is_one_state_of_both_logs(engines: TwoEngines, tmp_path: Path) -> None:
    filled, copy = engines.filled, tmp_path / "copy"
    with filled.busy():
        copying = asyncio.create_task(asyncio.to_thread(filled.backup, copy))
        while not copying.done():
            await engines.commit(5)
        manifest = await copying
    # Every head is computed again from its log's entries.
    assert check_backup(copy).findings == ()
    engines.close()
    put_back(filled, copy, manifest)
    with Database(filled.url) as database:
        found = database.read_sync(logs)
    for log in manifest.logs:
        assert log.next_index >= EACH
        assert found[log.engine, log.epoch] == log.next_index
    assert {engine for engine, _ in found} == {ENGINE, SECOND}
    assert len(found) == 4
