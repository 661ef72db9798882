"""The file of a store on SQLite: made for its owner alone, locked while it is used, missed when it is taken away."""

from __future__ import annotations

from pathlib import Path

from registry.backup_sqlite import copy_store
from registry.lock import FileLock
from registry.restore_marks import refuse_half_restored_file
from vedette.clock import SystemClock
from vedette.errors import StoreError


class StoreFile:
    """One store's file, and the lock beside it."""

    def __init__(self, path: Path, *, lock_wait: float) -> None:
        """Describe it; nothing is opened yet.

        Args:
            path: the file.
            lock_wait: seconds to wait for a migration to end, or for users of the store before one.
        """
        self._path = path
        self._lock_path = Path(f"{path}.lock")
        self._lock_wait = lock_wait
        self._lock: FileLock | None = None
        self._identity: tuple[int, int] | None = None

    def locked_to_migrate(self) -> FileLock:
        """Make the file where there is none, so that only its owner can read it; return a lock of nobody else's.

        Raises:
            StoreError: it is half restored, or the folder is missing or not writable.
        """
        refuse_half_restored_file(self._path)
        try:
            # Before SQLite makes one that all can read.
            self._path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path}: the store cannot be made: {error.strerror}") from error
        return FileLock(self._lock_path, exclusive=True, wait=self._lock_wait)

    def copy(self, revision: str) -> Path:
        """Make the safety copy before a migration from `revision`, and return where it is.

        Raises:
            BackupError: it cannot be made.
        """
        copy = self._path.with_name(f"{self._path.name}.before-migration-{revision}-{SystemClock().now()}")
        copy_store(self._path, copy)
        return copy

    def use(self) -> None:
        """Keep others from migrating it until `release`.

        Raises:
            StoreError: it is half restored or not there, or is being migrated.
        """
        refuse_half_restored_file(self._path)
        if not self._path.is_file():
            raise StoreError(f"{self._path}: there is no store yet; run: vedette migrate")
        lock = FileLock(self._lock_path, exclusive=False, wait=self._lock_wait)
        lock.acquire()
        self._lock = lock
        self._identity = self._identity_now()

    def release(self) -> None:
        """Let go of it; harmless when it is not in use."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def check(self) -> None:
        """Refuse to use a file that is not at its place any more: what is written to it would be lost with it.

        A reader's new connection would make an empty file there.

        Raises:
            StoreError: it was taken away or replaced.
        """
        if self._identity is not None and self._identity_now() != self._identity:
            raise StoreError(
                f"{self._path}: the file was taken away or replaced while it is in use; put it back, or start again"
            )

    def _identity_now(self) -> tuple[int, int] | None:
        """Return what tells the file at our place from any other; None: there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
