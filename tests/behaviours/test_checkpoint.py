"""Given closed batches, when they are published, then each is a file once, over restarts; a changed store is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from behaviours.checkpoint import PublishCheckpoints
from registry.alarms import Alarms
from registry.checkpoint_folder import CheckpointFolder
from registry.database import Database
from registry.intake import Intake
from registry.proofs import Proofs
from registry.roots import Roots
from vedette.clock import ManualClock
from vedette.errors import StoreError
from vedette.evidence.checkpoint import Checkpoint, open_checkpoint, origin_of
from vedette.signing import SigningKey

ENGINE = "engine@localhost"
ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What is about files and not about the store need not be run on both."""


class Publisher:
    """An engine whose batches are published."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.folder = folder
        self.key = SigningKey.generate()
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.alarms = Alarms(database=database, clock=clock)

    def behaviour(self) -> PublishCheckpoints:
        return PublishCheckpoints(
            clock=self.clock,
            engine=ENGINE,
            roots=Roots(database=self.database, engine=ENGINE),
            folder=CheckpointFolder(self.folder),
            alarms=self.alarms,
            key=self.key,
        )

    async def close(self, sender: Any, *counts: int) -> list[Checkpoint]:
        """Commit and close batches; return the checkpoints that they should have."""
        origin = origin_of(engine=ENGINE, epoch=self.intake.epoch)
        found = []
        for count in counts:
            await self.intake.commit([sender.deliver(count=count)])
            batch = await self.proofs.close_batch(max_items=count)
            assert batch is not None
            found.append(Checkpoint(origin=origin, size=batch.last_index + 1, root=batch.root))
        return found

    @property
    def log(self) -> Path:
        return self.folder / ENGINE / self.intake.epoch

    def files(self) -> dict[str, Checkpoint]:
        return {file.name: open_checkpoint(file.read_bytes(), self.key.verifying) for file in self.log.iterdir()}


@pytest.fixture
async def publisher(
    database: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Publisher:
    monkeypatch.setattr("behaviours.checkpoint.LOOK_EVERY", 0.001)
    made = Publisher(database, clock, tmp_path / "checkpoints")
    await made.intake.open()
    return made


async def test_each_batch_is_a_file_and_the_newest_is_latest(publisher: Publisher, sender: Any) -> None:
    behaviour = publisher.behaviour()
    await behaviour.run()
    assert not publisher.folder.exists()
    first, second = await publisher.close(sender, 3, 2)
    await behaviour.run()
    assert publisher.files() == {
        "0000000000000003.checkpoint": first,
        "0000000000000005.checkpoint": second,
        "latest": second,
    }
    (third,) = await publisher.close(sender, 1)
    behaviour.wake()
    await behaviour.run()
    assert (len(publisher.files()), publisher.files()["latest"]) == (4, third)
    assert behaviour.counters["published"] == 3


async def test_after_a_restart_it_goes_on_where_the_folder_ends(publisher: Publisher, sender: Any) -> None:
    await publisher.close(sender, 1, 1)
    await publisher.behaviour().run()
    before = {file.name: file.stat().st_mtime_ns for file in publisher.log.glob("*.checkpoint")}
    (third,) = await publisher.close(sender, 1)
    again = publisher.behaviour()
    await again.run()
    assert (again.counters["published"], publisher.files()["latest"]) == (1, third)
    assert all((publisher.log / name).stat().st_mtime_ns == at for name, at in before.items())


@ONE_STORE
async def test_a_stop_between_two_files_leaves_nothing_out(publisher: Publisher, sender: Any) -> None:
    made = await publisher.close(sender, 1, 1, 1)
    await publisher.behaviour().run()
    (publisher.log / "0000000000000003.checkpoint").unlink()
    (publisher.log / ".0000000000000003.checkpoint.part").write_bytes(b"half")
    shutil.copy(publisher.log / "0000000000000001.checkpoint", publisher.log / "latest")
    await publisher.behaviour().run()
    assert {one.size for one in publisher.files().values()} == {one.size for one in made}


async def test_a_store_that_is_not_what_was_published_is_an_alarm_and_nothing_more_is(
    publisher: Publisher, sender: Any
) -> None:
    await publisher.close(sender, 2, 2)
    await publisher.behaviour().run()
    published = publisher.files()
    harm = text("UPDATE batch SET root = :root WHERE number = 2").bindparams(root=b"x" * 32)
    await publisher.database.write(lambda connection: connection.execute(harm) and None)
    await publisher.close(sender, 1)
    behaviour = publisher.behaviour()
    await behaviour.run()
    await behaviour.run()
    assert publisher.files() == published
    assert [alarm.kind for alarm in await publisher.alarms.all()] == ["checkpoint"]


@ONE_STORE
async def test_what_is_published_is_never_replaced_by_another_root(publisher: Publisher, sender: Any) -> None:
    (only,) = await publisher.close(sender, 2)
    await publisher.behaviour().run()
    (publisher.log / "latest").unlink()
    other = Checkpoint(origin=only.origin, size=only.size, root=bytes(32))
    (publisher.log / "0000000000000002.checkpoint").write_bytes(other.seal(publisher.key))
    with pytest.raises(StoreError, match="another root is published"):
        await publisher.behaviour().run()
    # With another key the same text may stand: keys change.
    (publisher.log / "0000000000000002.checkpoint").write_bytes(only.seal(SigningKey.generate()))
    await publisher.behaviour().run()


@ONE_STORE
async def test_a_folder_that_cannot_be_written_or_read_says_so(publisher: Publisher, sender: Any) -> None:
    await publisher.close(sender, 1)
    publisher.folder.write_text("a file")
    with pytest.raises(StoreError, match="cannot be"):
        await publisher.behaviour().run()
    publisher.folder.unlink()
    publisher.log.mkdir(parents=True)
    (publisher.log / "latest").write_text("rubbish")
    with pytest.raises(StoreError, match="move it away"):
        await publisher.behaviour().run()


async def test_a_long_log_is_published_page_by_page(
    publisher: Publisher, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("behaviours.checkpoint.PAGE", 2)
    await publisher.close(sender, *[1] * 5)
    behaviour = publisher.behaviour()
    for _ in range(3):
        await behaviour.run()
    assert len(publisher.files()) == 6
