"""Locks between processes: who may change the schema, and that nobody works on it meanwhile."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from vedette.errors import StoreError

_POLL = 0.05
"""Seconds between two tries: flock(2) cannot wait with a time limit."""


class FileLock:
    """An flock(2) on a file of its own; the kernel lets go of it when the process dies."""

    def __init__(self, path: Path, *, exclusive: bool, wait: float = 0.0) -> None:
        self._path = path
        self._mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        self._wait = wait
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, waiting at most `wait` seconds.

        Raises:
            StoreError: another process holds it, or the file cannot be made.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot open the lock file: {error.strerror}") from error
        deadline = time.monotonic() + self._wait
        while not self._try(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise StoreError(f"{self._path}: another process holds the lock; stop it and try again")
            time.sleep(_POLL)
        self._descriptor = descriptor

    def _try(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, self._mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go; does nothing when it is not held. The file stays: removing it would split the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
