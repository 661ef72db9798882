"""`FOLLOW`: a log as it is written, over its rotation, by renaming or by copying and truncating."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path

from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector
from vedette.collection.lines import POSITION, Block, Position, draw_block, is_continued, opened, read_blocks

POLL = 0.5
"""Seconds between two looks at a file that has not grown."""

SIBLINGS = 1_000
"""Files of the folder that are looked at for the rest of a rotated one."""

_ROTATED = re.compile(r"[.-](\d[\w.-]*|old|bak|prev)")
_PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """What one look brought."""

    blocks: list[Block]
    after: Position
    path: Path
    """The file itself, or the one that it was rotated to."""
    lost: str = ""
    """Why something may be missing."""
    pending: bool = False
    """Whether its last line has no end yet."""


class Follow(Collector):
    """Reads a log on as it is written."""

    summary = "The lines of a log as they are written, over its rotation, from where it stopped"

    def lasts(self, source: SourceConfiguration) -> bool:
        """Return True: there is always more to come."""
        return True

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the source."""
        return "cron: it is followed all the time; leave it out" if source.cron else None

    async def collect(self, desk: Desk) -> None:
        """Read on from where it stopped; at the first time from the end, where `now-collect` is `none`."""
        path = desk.folder / desk.source.source_uri
        remembered = await desk.mark(POSITION) if desk.mode == "new" else ""
        position = Position.read(remembered)
        if not remembered and desk.lasting and desk.source.now_collect == "none":
            position = await asyncio.to_thread(_end, path)
            await desk.commit((), marks={POSITION: position.text})
        waiting_for = ""
        while True:
            try:
                read = await asyncio.to_thread(_look, path, position)
            except OSError as error:
                reason = f"{path}: {error.strerror or error}"
                if reason != waiting_for:
                    desk.report.fail(reason)
                    waiting_for = reason
                desk.report.complete = False
                if not desk.lasting:
                    return
                await asyncio.sleep(POLL)
                continue
            waiting_for = ""
            moved = read.after != position
            if moved:
                position = await _keep(desk, read)
            if not moved and not desk.lasting:
                return
            if not read.blocks:
                await asyncio.sleep(POLL if desk.lasting else 0)


async def _keep(desk: Desk, read: _Read) -> Position:
    if read.lost:
        desk.report.fail(read.lost)
    items = [draw_block(desk, read.path, block) for block in read.blocks]
    await desk.commit(items, marks={POSITION: read.after.text})
    desk.report.counts["new"] += sum(block.records for block in read.blocks)
    return read.after


def _end(path: Path) -> Position:
    """Return the place after all whole lines that there are."""
    position = Position()
    try:
        with opened(path) as file:
            while True:
                blocks, after = read_blocks(file, position)
                if not blocks:
                    return after
                position = after
    except OSError:
        return position


def _look(path: Path, position: Position) -> _Read:
    """Return what comes next: of the file, or first the rest of what it was.

    Whoever writes may go on with the old file for a while after it was renamed, so the new one is turned to only
    once there is something in it.

    Raises:
        OSError: there is neither.
    """
    try:
        file = opened(path)
    except FileNotFoundError:
        rest = _rest(path, position)
        if rest is None:
            raise
        return rest
    with file:
        status = os.fstat(file.fileno())
        replaced = position.inode not in (0, status.st_ino)
        if is_continued(file, position) and not (replaced and _named(path, position.inode)):
            blocks, after = read_blocks(file, position)
            return _Read(blocks=blocks, after=after, path=path)
        rest = _rest(path, position)
        if (rest is not None and (rest.blocks or rest.pending)) or not status.st_size:
            return rest or _Read(blocks=[], after=position, path=path)
    return _next(path, position, found=rest is not None)


def _next(path: Path, position: Position, *, found: bool) -> _Read:
    """Return the beginning of the file after the one that was read: there may have been several rotations.

    Raises:
        OSError: it is gone, too.
    """
    order = sorted((modified, number, sibling) for sibling, number, modified in _siblings(path))
    numbers = [number for _, number, _ in order]
    following = order[numbers.index(position.inode) + 1 :] if position.inode in numbers else []
    chosen = following[0][2] if following else path
    lost = "" if found else f"{path}: was rotated, and what it was from byte {position.offset} is gone"
    with opened(chosen) as file:
        blocks, after = read_blocks(file, Position(lines=position.lines))
        return _Read(blocks=blocks, after=after, path=chosen, lost=lost)


def _rest(path: Path, position: Position) -> _Read | None:
    """Return what was not read of a file that was rotated; None: it is not there, or packed already."""
    if not position.inode:
        return None
    # The file itself, renamed; else the newest copy that begins the same.
    siblings = sorted(_siblings(path), key=lambda entry: (entry[1] != position.inode, -entry[2]))
    for sibling, _, _ in siblings:
        try:
            with opened(sibling, flags=os.O_NOFOLLOW) as file:
                if is_continued(file, position):
                    blocks, after = read_blocks(file, position)
                    pending = os.fstat(file.fileno()).st_size > after.offset
                    return _Read(blocks=blocks, after=after, path=sibling, pending=pending)
        except OSError:
            continue
    return None


def _named(path: Path, inode: int) -> bool:
    return any(number == inode for _, number, _ in _siblings(path))


def _siblings(path: Path) -> list[tuple[Path, int, float]]:
    """Return files that a log may have been rotated to, such as `log.1` or `log-20261122`, with number and time."""
    found = []
    with os.scandir(path.parent) as entries:
        for entry, _ in zip(entries, range(SIBLINGS), strict=False):
            name = entry.name
            rest = name.removeprefix(path.name)
            if rest != name and _ROTATED.fullmatch(rest) and not name.endswith(_PACKED):
                status = entry.stat(follow_symlinks=False)
                found.append((path.parent / name, status.st_ino, status.st_mtime))
    return found
