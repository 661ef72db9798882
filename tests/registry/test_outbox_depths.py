"""What waits on this machine: by agent, read together, and a damaged file hides no other one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.database import Database
from registry.dead_letter_list import DeadLetters, UnknownPlaceError
from registry.outbox import Outbox
from registry.outbox_depths import FRESH, OutboxDepths
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.canonical import canonical_json
from vedette.clock import MICROSECONDS, ManualClock


async def fill(folder: Path, sender: Any, clock: ManualClock) -> str:
    """Make an outbox with two items of which one is a dead letter; returns its uuid."""
    outbox = Outbox(
        folder / "a.db", agent="a@localhost", clock=clock, limit_items=100, limit_bytes=10**6, max_attempts=1
    )
    await outbox.open()
    items = [sender.item(), sender.item()]
    await outbox.add([item.data for item in items])
    await outbox.refuse(items[0].uuid, "meta", "wrong")
    await outbox.close()
    uuid: str = items[0].uuid
    return uuid


async def test_depths_are_known_by_agent_and_a_damaged_file_is_left_out(tmp_path: Path, sender: Any) -> None:
    clock = ManualClock()
    depths = OutboxDepths(outboxes=tmp_path, clock=clock)
    assert await depths.now() == {}
    await fill(tmp_path, sender, clock)
    (tmp_path / "damaged.db").write_bytes(b"no database" * 100)
    # They are not read again for every watcher.
    assert await depths.now() == {}
    clock.advance(FRESH)
    found = await depths.now()
    assert {jid: (depth.items, depth.dead_letters) for jid, depth in found.items()} == {"a@localhost": (1, 1)}
    assert found["a@localhost"].since == clock.now() - int(FRESH * MICROSECONDS)


async def test_a_dead_letter_of_an_outbox_is_found_with_its_content(
    database: Database, tmp_path: Path, sender: Any
) -> None:
    clock = ManualClock()
    uuid = await fill(tmp_path, sender, clock)
    letters = DeadLetters(database=database, outboxes=tmp_path, clock=clock)
    letter, content = await letters.find("outbox:a", uuid)
    assert (letter.uuid, letter.reason, letter.discarded_at) == (uuid, "wrong", None)
    assert content is not None
    assert uuid.encode() in content
    assert content.startswith(canonical_json({"format": ""})[:10])
    for place, error in {
        "outbox:b": UnknownPlaceError,
        "outbox:../a": UnknownPlaceError,
        "elsewhere": UnknownPlaceError,
        "queue:none": NoSuchDeadLetterError,
    }.items():
        with pytest.raises(error):
            await letters.find(place, uuid)
    with pytest.raises(NotInOutboxError):
        await letters.find("outbox:a", "00000000-0000-4000-8000-000000000000")
