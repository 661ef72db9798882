"""Reading a file by its lines: blocks of them for items, and the place where reading goes on."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from vedette.canonical import canonical_json, parse_json
from vedette.collection.content import Content
from vedette.collection.desk import Desk
from vedette.collection.drawing import Origin
from vedette.collection.memory import Drawn
from vedette.errors import RefusedError

RECORDS = 500
"""Lines of one item."""

BYTES = 200 * 1024
"""Bytes of one item, unless a single line has more."""

LINE = 16 * 1024 * 1024
"""Bytes of a line; what is longer is cut there, and goes on as the next."""

ITEMS = 50
"""Items that are committed together with the place where reading goes on."""

QUIET = 5.0
"""Seconds after which a last line without an end is taken for whole."""

POSITION = "position"
"""What the place is remembered by."""

_HEAD = 1_024


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where reading goes on."""

    offset: int = 0
    """Byte of the file."""
    lines: int = 0
    """Lines before it."""
    head: str = ""
    """SHA-256 of the file's beginning as far as it was read, at most `_HEAD` bytes of it."""
    inode: int = 0
    """Number of the file; 0: it was not read yet."""

    @classmethod
    def read(cls, text: str) -> Position:
        """Return a place as it was remembered; the beginning where nothing is."""
        try:
            value = parse_json(text)
            return cls(
                offset=int(value["offset"]),
                lines=int(value["lines"]),
                head=str(value["head"]),
                inode=int(value.get("inode", 0)),
            )
        except (RefusedError, AttributeError, KeyError, TypeError, ValueError):
            return cls()

    @property
    def text(self) -> str:
        """The place, to be remembered."""
        value = {"offset": self.offset, "lines": self.lines, "head": self.head, "inode": str(self.inode)}
        return canonical_json(value).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Lines of one item."""

    data: bytes
    """As they are in the file."""
    records: int
    """How many."""
    start: Position
    """Where the first of them is."""


def opened(path: Path, *, flags: int = 0) -> BinaryIO:
    """Open a regular file; one that is none is not waited for.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | flags), "rb")
    if not path.is_file():
        file.close()
        raise OSError(0, "is no regular file")
    return file


def is_continued(file: BinaryIO, position: Position) -> bool:
    """Tell whether a file begins as it is remembered, and reaches as far."""
    return os.fstat(file.fileno()).st_size >= position.offset and head_of(file, position.offset) == position.head


def read_blocks(file: BinaryIO, position: Position) -> tuple[list[Block], Position]:
    """Return the next items' lines, and where reading goes on after them."""
    status = os.fstat(file.fileno())
    quiet = time.time() - status.st_mtime > QUIET
    blocks: list[Block] = []
    file.seek(position.offset)
    for _ in range(ITEMS):
        data, records = _lines(file, quiet=quiet)
        if not data:
            break
        blocks.append(Block(data=data, records=records, start=position))
        position = replace(position, offset=position.offset + len(data), lines=position.lines + records)
        file.seek(position.offset)
    return blocks, replace(position, head=head_of(file, position.offset), inode=status.st_ino)


def draw_block(desk: Desk, path: Path, block: Block, **facts: object) -> Drawn:
    """Return the item that lines become; `facts` are said of it, too."""
    said = {"records": block.records, "first_record": block.start.lines, "offset": block.start.offset, **facts}
    origin = Origin(url=str(path), collected_at=desk.clock.now(), facts=said)
    content = Content(data=block.data, content_type=desk.source.content_type or "text/plain")
    return desk.draw(content, origin, form="lines")


def head_of(file: BinaryIO, offset: int) -> str:
    """Return what a file's beginning is remembered by, where it was read as far as `offset`."""
    file.seek(0)
    return hashlib.sha256(file.read(min(offset, _HEAD))).hexdigest() if offset else ""


def _lines(file: BinaryIO, *, quiet: bool) -> tuple[bytes, int]:
    data = bytearray()
    for records in range(RECORDS):
        line = file.readline(LINE)
        whole = line.endswith(b"\n") or len(line) == LINE or (quiet and bool(line))
        if not whole or (data and len(data) + len(line) > BYTES):
            return bytes(data), records
        data += line
    return bytes(data), RECORDS
