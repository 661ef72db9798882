"""Exports in a safety copy: a restored fleet goes on with them, and nothing arrives twice; on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.database import Database
from tests.registry.backing_up import Filled
from tests.registry.restoring import put_back
from tests.registry.test_export_running import bench_of
from vedette.clock import SystemClock


@pytest.fixture
async def filled(store_url: str, tmp_path: Path) -> AsyncIterator[Filled]:
    """A store with an item."""
    made = Filled(url=store_url, folder=tmp_path)
    await made.open()
    await made.commit(1)
    yield made
    made.close()


async def test_what_ran_when_the_copy_was_made_is_done_again_and_sends_nothing(
    filled: Filled, tmp_path: Path
) -> None:
    # Given a copy in which an export waits, and one that its exporter remembers
    before = bench_of(filled.database, tmp_path, SystemClock())
    before.knows("192.0.2.7")
    await before.exports.memory("alpha").remember({"seen": "1"})
    waiting = await before.request()
    manifest = filled.backup(tmp_path / "copy")
    # When it is done after the copy, another is asked for, and the copy is put back
    assert (await before.run()).state == "done"
    lost = await before.request("192.0.2.9")
    filled.database.close()
    put_back(filled, tmp_path / "copy", manifest)
    # Then the first is done again, nothing is sent, and the other is not known any more
    with Database(filled.url) as database:
        after = bench_of(database, tmp_path, SystemClock())
        after.given.found = before.given.found
        again = await after.run()
        assert (again.uuid, again.state) == (waiting.uuid, "done")
        assert again.exported is not None
        assert (again.exported.sent, after.held["requests"]) == (0, 1)
        assert lost.uuid not in {one.uuid for one in (await after.exports.page()).rows}
        assert await after.exports.memory("alpha").recall(["seen"]) == {"seen": "1"}
