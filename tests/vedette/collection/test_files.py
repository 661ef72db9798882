"""Given captured data in files, when it is played back, then each file and line comes once."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.vedette.collection.rig import Rig, counts, payload, source
from vedette.collection.lines import RECORDS


def aged(path: Path, text: str, *, append: bool = False) -> Path:
    """Write a file as if that had been a while ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a" if append else "w") as file:
        file.write(text)
    then = time.time() - 60
    os.utime(path, (then, then))
    return path


async def test_a_file_comes_once_and_again_when_it_changed(rig: Rig) -> None:
    aged(rig.folder / "a.csv", "1,2\n")
    what = source("a.csv", "FILE", content_type="text/csv", data_type="structured")
    assert counts(await rig.run(what)) == {"fetched": 1, "items": 1, "new": 1}
    assert counts(await rig.run(what)) == {"unchanged": 1}
    (rig.folder / "a.csv").write_text("1,2\n3,4\n")
    assert (await rig.run(what)).counts["changed"] == 1
    items = await rig.items()
    assert [payload(item) for item in items] == [b"1,2\n", b"1,2\n3,4\n"]
    assert items[0]["meta"]["content_type"] == "text/csv"
    # Touched, but the same.
    os.utime(rig.folder / "a.csv")
    assert counts(await rig.run(what)) == {"fetched": 1, "unchanged": 1}
    assert (await rig.run(what, mode="all")).counts["items"] == 1


async def test_what_cannot_be_read_is_counted(rig: Rig) -> None:
    os.mkfifo(rig.folder / "pipe")
    for name in ("missing", "pipe", "."):
        report = await rig.run(source(name, "FILE"))
        assert (report.counts["errors"], report.complete) == (1, False)
        assert (await rig.run(source(name, "FILEBYLINE"))).counts["errors"] == 1
    assert (await rig.run(source("missing", "DIRECTORY"))).counts["errors"] == 1


async def test_a_folder_with_folders_without_links(rig: Rig) -> None:
    for name in ("d/b.txt", "d/a.txt", "d/in/c.txt"):
        aged(rig.folder / name, name)
    aged(rig.folder / "outside.txt", "outside")
    (rig.folder / "d/link.txt").symlink_to(rig.folder / "outside.txt")
    (rig.folder / "d/circle").symlink_to(rig.folder / "d")
    os.mkfifo(rig.folder / "d" / "pipe")
    what = source("d", "DIRECTORY")
    assert counts(await rig.run(what)) == {"fetched": 3, "items": 3, "new": 3}
    names = [target.rpartition("/d/")[2] for target in await rig.targets()]
    assert names == ["a.txt", "b.txt", "in/c.txt"]
    aged(rig.folder / "d/new.txt", "new")
    assert counts(await rig.run(what)) == {"fetched": 1, "items": 1, "new": 1, "unchanged": 3}
    assert (await rig.run(source("d", "DIRECTORY", source_name="two", max_entries=2))).counts["items"] == 2


async def test_a_watched_folder_takes_what_nobody_writes_any_more(rig: Rig) -> None:
    aged(rig.folder / "in/whole.txt", "whole")
    (rig.folder / "in/growing.txt").write_text("half")
    ahead = aged(rig.folder / "in/ahead.txt", "from a clock that was put back")
    os.utime(ahead, (time.time() + 3_600, time.time() + 3_600))
    what = source("in", "DIRECTORY", watch=True)
    assert what.timetable is not None
    assert what.timetable.english == "Every 2 seconds"
    assert counts(await rig.run(what)) == {"fetched": 2, "items": 2, "new": 2}
    assert counts(await rig.run(what)) == {"unchanged": 2}
    aged(rig.folder / "in/growing.txt", " and half", append=True)
    assert counts(await rig.run(what)) == {"fetched": 1, "items": 1, "new": 1, "unchanged": 2}
    assert payload((await rig.items())[-1]) == b"half and half"


async def test_more_files_than_one_run_takes_come_with_the_next(rig: Rig) -> None:
    for number in range(5):
        aged(rig.folder / f"many/{number}", str(number))
    what = source("many", "DIRECTORY", max_entries=2)
    runs = [await rig.run(what) for _ in range(3)]
    assert [run.counts["items"] for run in runs] == [2, 2, 1]
    assert [bool(run.problems) for run in runs] == [True, True, False]
    assert [payload(item) for item in await rig.items()] == [b"0", b"1", b"2", b"3", b"4"]


async def test_lines_are_records_addressed_by_offset(rig: Rig) -> None:
    lines = [f"{number},x\n" for number in range(RECORDS * 2 + 10)]
    aged(rig.folder / "flows.csv", "".join(lines))
    what = source("flows.csv", "FILEBYLINE", content_type="text/csv")
    assert (await rig.run(what)).counts["items"] == 3
    items = await rig.items()
    assert b"".join(map(payload, items)).decode() == "".join(lines)
    assert [item["meta"]["first_record"] for item in items] == [0, RECORDS, RECORDS * 2]
    assert [item["meta"]["records"] for item in items] == [RECORDS, RECORDS, 10]
    assert items[1]["meta"]["offset"] == len("".join(lines[:RECORDS]))
    assert (items[0]["format"], items[0]["meta"]["content_type"]) == ("lines", "text/csv")
    assert (await rig.run(what)).counts["items"] == 0


async def test_appended_lines_come_later_and_a_rotated_file_from_its_beginning(rig: Rig) -> None:
    path = aged(rig.folder / "log", "one\ntwo\n")
    what = source("log", "FILEBYLINE")
    await rig.run(what)
    aged(path, "three\nfou", append=True)
    # Being written, however long this test stands still.
    soon = time.time() + 3_600
    os.utime(path, (soon, soon))
    await rig.run(what)
    aged(path, "r\n", append=True)
    await rig.run(what)
    path.rename(rig.folder / "log.1")
    aged(path, "a new file that is longer than the old one\nand its end")
    await rig.run(what)
    assert [payload(item) for item in await rig.items()] == [
        b"one\ntwo\n",
        b"three\n",
        b"four\n",
        b"a new file that is longer than the old one\nand its end",
    ]


async def test_a_line_without_end_does_not_fill_the_memory(rig: Rig) -> None:
    aged(rig.folder / "long", "x" * 1_000_000 + "\nshort\n")
    assert (await rig.run(source("long", "FILEBYLINE"))).counts["items"] == 2
    sizes = [item["meta"]["size"] for item in await rig.items()]
    assert sizes == [1_000_001, 6]
