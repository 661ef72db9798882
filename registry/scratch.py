"""Hidden folders for what is not finished yet: gone with their process, or cleared by the next one."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from registry.lock import FileLock
from vedette.errors import StoreError

_LOCK = "lock"


class Scratch:
    """A folder beside where something will be, on the same disk; a lock in it says that its maker lives."""

    def __init__(self, target: Path, *, purpose: str) -> None:
        """Make it, after removing those of the same name and purpose whose makers died.

        Raises:
            StoreError: it cannot be made.
        """
        remove_left(target, purpose=purpose)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=_prefix(target, purpose), dir=target.parent))
        except OSError as error:
            raise StoreError(f"{target.parent}: cannot be written: {error.strerror}") from error
        self._lock = FileLock(self._folder / _LOCK, exclusive=True)
        self._lock.acquire()
        self.path = self._folder / "content"
        """The empty folder to use."""
        self.path.mkdir(mode=0o700)

    def remove(self) -> None:
        """Remove it with all that is still in it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def remove_left(target: Path, *, purpose: str) -> None:
    """Remove the folders of this name and purpose whose makers died.

    Raises:
        StoreError: the folder that they are in cannot be read.
    """
    prefix = _prefix(target, purpose)
    try:
        for left in [one for one in target.parent.iterdir() if one.name.startswith(prefix)]:
            with suppress(StoreError), FileLock(left / _LOCK, exclusive=True):
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{target.parent}: cannot be read: {error.strerror}") from error


def _prefix(target: Path, purpose: str) -> str:
    return f".{target.name}.{purpose}-"
