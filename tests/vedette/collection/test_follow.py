"""Given a log that is written and rotated, when it is followed, then each line comes once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.timing import PATIENCE
from tests.vedette.collection.rig import Rig, payload, source
from tests.vedette.collection.test_files import aged
from vedette.collection.collectors.follow import Follow
from vedette.collection.desk import Desk

WHAT = source("log", "FOLLOW", now_collect="new")


async def lines(rig: Rig) -> list[str]:
    return b"".join([payload(item) for item in await rig.items()]).decode().splitlines()


async def test_what_was_written_before_and_after_a_rename_comes_once(rig: Rig) -> None:
    path = aged(rig.folder / "log", "one\n")
    await rig.run(WHAT)
    aged(path, "two\n", append=True)
    path.rename(rig.folder / "log.1")
    aged(path, "three\n")
    report = await rig.run(WHAT)
    assert await lines(rig) == ["one", "two", "three"]
    assert (report.counts["errors"], report.counts["new"]) == (0, 2)
    assert (await rig.run(WHAT)).counts["items"] == 0
    assert [item["meta"]["first_record"] for item in await rig.items()] == [0, 1, 2]


async def test_after_several_rotations_none_is_left_out(rig: Rig) -> None:
    path = aged(rig.folder / "log", "one\n")
    await rig.run(WHAT)
    aged(path, "two\n", append=True)
    os.utime(path, (1_000, 1_000))
    path.rename(rig.folder / "log.2")
    aged(rig.folder / "log.1", "three\nfour\n")
    os.utime(rig.folder / "log.1", (2_000, 2_000))
    aged(path, "five\n")
    report = await rig.run(WHAT)
    assert await lines(rig) == ["one", "two", "three", "four", "five"]
    assert report.counts["errors"] == 0


async def test_copied_and_truncated(rig: Rig) -> None:
    path = aged(rig.folder / "log", "a first line\nand a second\n")
    await rig.run(WHAT)
    aged(path, "third\n", append=True)
    shutil.copy(path, rig.folder / "log.1")
    os.truncate(path, 0)
    # Nothing is in it yet: what was copied comes first.
    assert (await rig.run(WHAT)).counts["new"] == 1
    aged(path, "fourth\n")
    assert (await rig.run(WHAT)).counts["errors"] == 0
    assert await lines(rig) == ["a first line", "and a second", "third", "fourth"]


async def test_whoever_writes_on_into_the_renamed_file_is_heard(rig: Rig) -> None:
    path = aged(rig.folder / "log", "one\n")
    await rig.run(WHAT)
    path.rename(rig.folder / "log.1")
    path.touch()
    await rig.run(WHAT)
    aged(rig.folder / "log.1", "two\n", append=True)
    await rig.run(WHAT)
    aged(path, "three\n")
    await rig.run(WHAT)
    assert await lines(rig) == ["one", "two", "three"]


async def test_what_is_gone_is_told(rig: Rig) -> None:
    path = aged(rig.folder / "log", "a long first line\n")
    await rig.run(WHAT)
    path.unlink()
    # Another file, neighbours that are none of its, and one that leads elsewhere.
    aged(rig.folder / "log-errors", "a long first line\nnot mine\n")
    aged(rig.folder / "elsewhere", "a long first line\nnot mine either\n")
    (rig.folder / "log.2").symlink_to(rig.folder / "elsewhere")
    aged(path, "new\n")
    report = await rig.run(WHAT)
    assert await lines(rig) == ["a long first line", "new"]
    assert report.counts["errors"] == 1
    assert "was rotated, and what it was from byte 18 is gone" in report.problems[0]
    path.unlink()
    report = await rig.run(WHAT)
    assert (report.counts["errors"], report.complete) == (1, False)


@contextlib.asynccontextmanager
async def following(rig: Rig, **keys: str) -> AsyncIterator[Desk]:
    desk = rig.desk(source("log", "FOLLOW", **keys))
    desk.lasting = True
    running = asyncio.create_task(Follow().collect(desk))
    yield desk
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_it_goes_on_from_now_and_over_a_rotation_while_it_looks(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.collection.collectors.follow.POLL", 0.01)
    path = aged(rig.folder / "log", "old\n")
    begun = asyncio.Event()

    def note() -> None:
        begun.set()

    async with following(rig) as desk, asyncio.timeout(PATIENCE):
        desk._on_commit = note
        while not await desk.mark("position"):
            await asyncio.sleep(0.01)
        for number in range(40):
            await append(path, f"line {number}\n")
            if number % 10 == 9:
                path.rename(rig.folder / f"log.{number}")
                path.touch()
        while (await lines(rig))[-1:] != ["line 39"]:
            await asyncio.sleep(0.02)
    found = await lines(rig)
    assert [line for line in found if line.startswith("line")] == [f"line {number}" for number in range(40)]
    assert "old" not in found
    assert begun.is_set()


async def append(path: Path, text: str) -> None:
    def write() -> None:
        with path.open("a") as file:
            file.write(text)

    await asyncio.to_thread(write)
    await asyncio.sleep(0.005)
