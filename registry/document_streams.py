"""The bytes of documents on their way: into a file, out of it with their digest checked, and looked through."""

from __future__ import annotations

import asyncio
import codecs
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable
from typing import BinaryIO

from registry.content import PIECE, PartialFile
from vedette.errors import StoreError

_GATHER = PIECE // 4
"""Bytes that are gathered before they are handed to a thread: a hand-over costs as much as hashing 64 KiB."""


async def fill(partial: PartialFile, pieces: AsyncIterable[bytes]) -> None:
    """Write pieces to a file as they come."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= _GATHER:
            await asyncio.to_thread(partial.write, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(partial.write, bytes(gathered))


async def checked_pieces(file: BinaryIO, expected: str | None) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file, the last only once their SHA-256 is the expected one, if one is.

    Raises:
        StoreError: it is not.
    """
    digest = hashlib.sha256()
    piece = await asyncio.to_thread(file.read, _GATHER)
    while piece:
        if expected is not None:
            await asyncio.to_thread(digest.update, piece)
        following = await asyncio.to_thread(file.read, _GATHER)
        if expected is not None and not following and digest.hexdigest() != expected:
            raise StoreError(f"{expected}: the file of the document is damaged; restore it from a safety copy")
        yield piece
        piece = following


def is_utf8(file: BinaryIO) -> bool:
    """Tell whether a file is UTF-8 from here to its end; blocking."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
