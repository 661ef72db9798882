"""Writing what comes into a new file: whole, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterable
from pathlib import Path

from vedette.errors import ConfigurationError


async def write_new(path: Path, pieces: AsyncIterable[bytes], *, sha256: str | None = None) -> int:
    """Write a file that does not exist yet, and return its size.

    Args:
        path: the file; until all is there, the bytes are in one beside it whose name ends in `.part`.
        pieces: the bytes.
        sha256: what they must be, hexadecimal; None: not known.

    Raises:
        ConfigurationError: it exists, cannot be written, or the bytes are not what they must be.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    if await asyncio.to_thread(path.exists):
        raise _exists(path)
    try:
        size = await _fill(part, pieces, sha256=sha256)
        try:
            # Unlike a rename, a link replaces nothing that came meanwhile.
            os.link(part, path)
        except FileExistsError as error:
            raise _exists(path) from error
        return size
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


async def _fill(part: Path, pieces: AsyncIterable[bytes], *, sha256: str | None) -> int:
    digest, size = hashlib.sha256(), 0
    with part.open("xb") as file:
        async for piece in pieces:
            digest.update(piece)
            size += len(piece)
            await asyncio.to_thread(file.write, piece)
    if sha256 not in (None, digest.hexdigest()):
        raise ConfigurationError(str(part), "", "what came is not what was asked for: its SHA-256 differs; try again")
    return size


def _exists(path: Path) -> ConfigurationError:
    return ConfigurationError(str(path), "", "exists already; choose another name or remove it")
