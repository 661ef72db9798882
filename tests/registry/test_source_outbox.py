"""Given a collector's outbox, when its process ends at any moment, then items and state belong together."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.outbox import OutboxFullError
from registry.source_outbox import SourceOutbox
from tests.registry.source_worker import drawn, outbox_at, remembered
from vedette.canonical import parse_json
from vedette.clock import ManualClock
from vedette.collection.memory import Changes
from vedette.collection.page_memory import PageMemory
from vedette.collection.robots import RobotsFile
from vedette.collection.simhash import simhash
from vedette.errors import RefusedError, StoreError
from vedette.messages.limits import MAX_PAYLOAD


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SourceOutbox]:
    made = outbox_at(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_everything_is_kept_as_it_was(outbox: SourceOutbox) -> None:
    memory = PageMemory(
        url="http://x/A",
        etag='"1"',
        simhash=(1 << 64) - 1,
        size=3,
        sha256="f" * 64,
        settled=True,
        refuses_head=True,
        ignores_conditions=True,
        uuid="u",
        listed="l",
        failure="why",
    )
    file = RobotsFile(origin="http://x", body=b"\x00\xff", reachable=False, fetched_at=1, asked_at=2)
    await outbox.commit(Changes(source="s", pages=[memory], marks={"a": "1", "b": "2"}))
    await outbox.commit(Changes(source="s", marks={"b": ""}))
    await outbox.remember_robots(file)
    assert await outbox.page("s", "http://x/A") == memory
    assert (await outbox.page("s", "http://x/a")).known is False
    assert (await outbox.page("other", "http://x/A")).known is False
    assert [await outbox.mark("s", name) for name in "ab"] == ["1", ""]
    assert await outbox.robots("http://x") == file
    assert await outbox.robots("http://y") is None


async def test_nearly_the_same_text_is_found_among_many(outbox: SourceOutbox) -> None:
    draw_words = random.Random(1)
    texts = [" ".join(f"w{draw_words.randrange(5_000)}" for _ in range(300)) for _ in range(200)]
    pages = [
        PageMemory(url=f"http://x/{number}", sha256="0" * 64, simhash=simhash(text), uuid=str(number))
        for number, text in enumerate(texts)
    ]
    await outbox.commit(Changes(source="s", pages=pages))
    changed = simhash(texts[77].replace(texts[77].split()[9], "other", 1))
    assert changed is not None
    assert await outbox.near(changed) == "77"
    foreign = simhash(" ".join(f"v{number}" for number in range(300)))
    assert foreign is not None
    assert await outbox.near(foreign) is None


async def test_an_item_that_is_refused_takes_what_is_remembered_with_it(outbox: SourceOutbox) -> None:
    bad = drawn()
    bad.item["meta"]["uuid"] = "no uuid"
    with pytest.raises(RefusedError):
        await outbox.commit(Changes(source="s", items=[bad], pages=[remembered("http://x/", bad)], marks={"m": "1"}))
    assert not (await outbox.page("s", "http://x/")).known
    assert await outbox.mark("s", "m") == ""


async def test_a_full_outbox_remembers_nothing(tmp_path: Path) -> None:
    outbox = outbox_at(tmp_path, limit_items=1)
    await outbox.open()
    try:
        await outbox.commit(Changes(source="s", items=[drawn()]))
        large = drawn(b"y" * (MAX_PAYLOAD + 1))
        with pytest.raises(OutboxFullError):
            await outbox.commit(Changes(source="s", items=[large], pages=[remembered("http://x/", large)]))
        assert not (await outbox.page("s", "http://x/")).known
        await outbox.spool.tidy()
        assert list(outbox.spool.folder.iterdir()) == []
    finally:
        await outbox.close()


async def test_large_payloads_are_in_the_spool_once(outbox: SourceOutbox) -> None:
    data = b"z" * (MAX_PAYLOAD + 1)
    one, two = drawn(data), drawn(data)
    await outbox.commit(Changes(source="s", items=[one, two]))
    assert await outbox.documents() == {one.item["payload"]["document"]}
    with outbox.spool.open_file(one.item["payload"]["document"]) as file:
        assert file.read() == data
    assert list(outbox.spool.folder.iterdir()) == []


def killed_after(lines: int, folder: Path) -> None:
    """Have a child commit until it has said so many lines, and kill it in the middle of the next."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.registry.source_worker", str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    with child, child.stdout:
        for _ in range(lines):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)


async def test_killed_at_any_moment_nothing_is_lost_or_twice(tmp_path: Path) -> None:
    for lines in (2, 3):
        await asyncio.to_thread(killed_after, lines, tmp_path)
    outbox = outbox_at(tmp_path)
    await outbox.open()
    try:
        following = int(await outbox.mark("s", "next"))
        assert following >= 50
        urls = [f"http://x/{number}" for number in range(following + 100)]
        pages = await outbox.pages("s", urls)
        assert set(urls[:following]) <= set(pages)
        for document in await outbox.documents():
            with outbox.spool.open_file(document):
                await outbox.uploaded(document)
        items = await outbox.next_batch(max_items=100_000, max_bytes=10**9)
        assert sorted(one.uuid for one in items) == sorted(page.uuid for page in pages.values())
        assert [one.seq for one in items] == list(range(len(items)))
        assert len({parse_json(one.data)["meta"]["sha256"] for one in items}) == len(items)
    finally:
        await outbox.close()


def test_a_clock_is_all_that_a_blank_page_needs() -> None:
    memory = PageMemory(url="http://x/")
    after = memory.failed("why", now=ManualClock().now(), final=False)
    assert (after.failures, after.settled, after.known) == (1, False, False)


async def test_two_collectors_do_not_share_a_state(outbox: SourceOutbox, tmp_path: Path) -> None:
    other = outbox_at(tmp_path)
    with pytest.raises(StoreError, match="another process holds the lock"):
        await other.open()
    await outbox.close()
    await other.open()
    await other.close()
