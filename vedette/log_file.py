"""A log in a file that several processes write and none loses a line of, divided by size.

1. A line is one write(2) at the file's end (O_APPEND), so that the lines of several processes do not mix.
2. Before each, the writer looks whether the name is still its file: where logrotate, a person or another process
   moved it away, it opens the name anew. Nobody has to be told by a signal.
3. Who finds the file full moves it away under a lock (flock), after looking again; who writes to the moved one
   meanwhile has its line there.
4. What cannot be written to the file goes to stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class LogFile:
    """Takes lines as a text stream does."""

    def __init__(self, path: Path, *, size: int, count: int) -> None:
        """Open it.

        Args:
            path: the newest file; older ones are beside it, as `NAME.1` (the youngest) to `NAME.count`.
            size: bytes from which on it is moved away.
            count: how many older ones stay.

        Raises:
            OSError: it cannot be opened.
        """
        self._path = path
        self._size = size
        self._count = count
        self._held = threading.RLock()
        self._file = os.open(path, _FLAGS, 0o640)

    def write(self, text: str) -> int:
        """Write whole lines, to stderr where the file takes none."""
        rest = text.encode(errors="backslashreplace")
        with self._held:
            try:
                self._look()
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError as error:
                with contextlib.suppress(OSError, ValueError):
                    sys.stderr.write(f"{self._path}: {error.strerror}: {rest.decode(errors='replace')}")
        return len(text)

    def flush(self) -> None:
        """Do nothing: every line is written at once."""

    def isatty(self) -> bool:
        """Say that nobody looks at it."""
        return False

    def close(self) -> None:
        """Close the file."""
        with self._held:
            os.close(self._file)

    def _look(self) -> None:
        """Take care that what is open is the file of the name, and has room."""
        if not self._is_current():
            self._reopen()
        elif os.fstat(self._file).st_size >= self._size:
            with self._alone():
                # Another process may have moved it away meanwhile.
                if self._is_current():
                    self._move_away()
                self._reopen()

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(self._path.lstat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _reopen(self) -> None:
        opened = os.open(self._path, _FLAGS, 0o640)
        os.close(self._file)
        self._file = opened

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _move_away(self) -> None:
        for number in range(self._count, 0, -1):
            younger = self._older(number - 1)
            if younger.exists():
                younger.replace(self._older(number))

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
