"""`FILE` and `DIRECTORY`: what was captured before, played back."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.page_memory import PageMemory
from vedette.fetching.interface import Fetched

MAX_FILE = 256 * 1024 * 1024
"""Bytes of a file that is played back as one item."""

MAX_LISTED = 200_000
"""Files of a folder that are looked at in one run."""

QUIET = 2.0
"""Seconds after which a file of a watched folder is taken for whole."""

_LOOKED_UP = 5_000
_OPENED = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


class File(Collector):
    """Plays one file back as one item."""

    summary = "One file, as one item, when it is new or changed"

    async def collect(self, desk: Desk) -> None:
        """Read the file, and keep it when it is new."""
        await play(desk, desk.folder / desk.source.source_uri)


class Directory(Collector):
    """Plays the files of a folder and of those within it back; each is an item."""

    summary = "All files of a folder and of those within it, each as one item"

    async def collect(self, desk: Desk) -> None:
        """Read the files in the order of their names, and keep those that are new."""
        root = desk.folder / desk.source.source_uri
        if not root.is_dir():
            desk.report.fail(f"{desk.source.source_uri}: is no folder")
            return
        found = await asyncio.to_thread(lambda: list(islice(_files(root), MAX_LISTED + 1)))
        if len(found) > MAX_LISTED:
            desk.report.fail(f"{desk.source.source_uri}: only {MAX_LISTED} files of it are looked at; move some away")
        wanted = found[:MAX_LISTED] if desk.mode == "all" else await _unknown(desk, found[:MAX_LISTED])
        most = desk.source.max_entries
        if len(wanted) > most:
            reason = f"only max-entries ({most}) files of it are read in one run"
            desk.report.problems.append(f"{desk.source.source_uri}: {reason}")
        for path in wanted[:most]:
            await play(desk, path)


async def _unknown(desk: Desk, paths: Sequence[Path]) -> list[Path]:
    """Return those files that are not as they were; what they are known by is read many at a time."""
    wanted: list[Path] = []
    for start in range(0, len(paths), _LOOKED_UP):
        part = paths[start : start + _LOOKED_UP]
        known = await desk.memory.pages(desk.source.identity, [str(path) for path in part])
        fresh, same = await asyncio.to_thread(_changed, part, known, settled=desk.source.watch)
        desk.report.counts["unchanged"] += same
        wanted += fresh
    return wanted


def _changed(paths: Sequence[Path], known: Mapping[str, PageMemory], *, settled: bool) -> tuple[list[Path], int]:
    """Return those that are not as they were, and how many are; what is being written is neither."""
    now = time.time()
    fresh, same = [], 0
    for path in paths:
        memory = known.get(str(path))
        try:
            status = path.stat()
        except OSError:
            # Reading it says what is wrong with it.
            fresh.append(path)
            continue
        if memory is not None and memory.known and _is_same(memory, status):
            same += 1
        # Somebody may be writing it still; a time to come is a clock that was put back.
        elif not (settled and 0 <= now - status.st_mtime < QUIET):
            fresh.append(path)
    return fresh, same


def _is_same(memory: PageMemory, status: os.stat_result) -> bool:
    return memory.last_modified == f"{status.st_mtime_ns}" and memory.size == status.st_size


async def play(desk: Desk, path: Path) -> None:
    """Keep a file when it is new; failures are counted."""
    name = str(path)
    memory = await desk.memory.page(desk.source.identity, name)
    try:
        read = await asyncio.to_thread(_read, path, memory if desk.mode == "new" else PageMemory(url=name))
    except OSError as error:
        desk.report.fail(f"{name}: {error.strerror or error}")
        desk.report.complete = False
        return
    if read is None:
        desk.report.counts["unchanged"] += 1
        return
    look = await asyncio.to_thread(desk.judged, name, memory, read)
    if look.fresh:
        await desk.keep(look)
    else:
        await desk.remember(look)


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder in order; links are not followed: they may lead out of it, or in a circle."""
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _read(path: Path, memory: PageMemory) -> Fetched | None:
    """Return a file's bytes; None where its time and size are what they were.

    Raises:
        OSError: it cannot be read, is no regular file, or too large.
    """
    # Not blocking: a pipe of that name would be waited for otherwise.
    with os.fdopen(os.open(path, _OPENED), "rb") as file:
        status = os.fstat(file.fileno())
        if not path.is_file():
            raise OSError(0, "is no regular file")
        if status.st_size > MAX_FILE:
            raise OSError(0, f"has {status.st_size} bytes; files up to {MAX_FILE} are read")
        if memory.known and _is_same(memory, status):
            return None
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise OSError(0, f"grew past {MAX_FILE} bytes")
    kind = mimetypes.guess_type(path.name)[0] or ""
    return Fetched(
        url=str(path),
        status=0,
        content_type=kind,
        etag="",
        last_modified=f"{status.st_mtime_ns}",
        size=len(data),
        body=data,
    )
