"""Output that is too large for memory: kept in a file, up to a limit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from vedette.canonical import sha256_hex
from vedette.messages.limits import MAX_PAYLOAD
from vedette.tools.interface import Limits


def kept(payload: bytes, limits: Limits) -> bytes | Path:
    """Return a payload as it travels: inline, in a file where that is allowed, else cut (as on a full disk)."""
    if len(payload) <= MAX_PAYLOAD or limits.folder is None:
        return payload[:MAX_PAYLOAD]
    spill = Spill(folder=limits.folder, limit=limits.most)
    spill.write(payload)
    return spill.finish() or payload[:MAX_PAYLOAD]


def describe(payload: bytes | Path) -> tuple[str, int]:
    """Return SHA-256 (hexadecimal) and size of a payload."""
    if isinstance(payload, bytes):
        return sha256_hex(payload), len(payload)
    with payload.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size


def remove(payload: bytes | Path | None) -> None:
    """Remove a payload's file, where it has one."""
    if isinstance(payload, Path):
        payload.unlink(missing_ok=True)


class Spill:
    """A file that grows up to a limit; what is past it is dropped."""

    def __init__(self, *, folder: Path, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._done = False
        self.failure = ""
        """Why nothing could be kept, such as a full disk; empty otherwise."""
        try:
            # Unbuffered: what is written is in the kernel's hands and costs this process no memory.
            self._file = tempfile.NamedTemporaryFile(dir=folder, prefix="output-", buffering=0, delete=False)  # noqa: SIM115
            self._path = Path(self._file.name)
        except OSError as error:
            self.failure = f"the output was cut: {folder}: {error.strerror}"

    def write(self, data: bytes | bytearray) -> None:
        """Append what fits; a failure is noted, and the rest of the output is only drained."""
        if self.failure:
            return
        rest = memoryview(data)[: self._limit - self._size]
        self._size += len(rest)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self.discard()
            self.failure = f"the output was cut: {self._path}: {error.strerror}"

    def finish(self) -> Path | None:
        """Close the file and return it; None where it could not be written."""
        if self.failure:
            return None
        self._done = True
        self._file.close()
        return self._path

    def discard(self) -> None:
        """Remove the file; harmless when it is finished or failed."""
        if self._done or self.failure:
            return
        with contextlib.suppress(OSError):
            self._file.close()
            self._path.unlink(missing_ok=True)
