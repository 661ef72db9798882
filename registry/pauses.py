"""Which checks of an agent are paused, in a small file beside its outbox: a pause survives a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from vedette.errors import StoreError

MAX_FILE = 1024 * 1024
"""Bytes of the file that are read."""


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A check that is paused."""

    at: int
    """Microseconds since 1970: since when."""
    by: str
    """Who asked for it."""


class Pauses:
    """The paused checks of one agent; without a file they are forgotten at its end."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def is_kept(self) -> bool:
        """Whether a pause survives a restart."""
        return self._path is not None

    def read(self) -> dict[str, Pause]:
        """Return the pauses by the names of the checks.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        if self._path is None or not self._path.exists():
            return {}
        try:
            with self._path.open(encoding="utf-8") as file:
                values = json.loads(file.read(MAX_FILE))
            return {str(name): Pause(at=int(one["at"]), by=str(one["by"])) for name, one in values.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{self._path}: cannot be read ({error}); delete it to pause nothing") from error

    def write(self, pauses: Mapping[str, Pause]) -> None:
        """Replace all of them at once; it blocks until they are on disk.

        Raises:
            StoreError: the file cannot be written.
        """
        if self._path is None:
            return
        new = self._path.with_suffix(self._path.suffix + ".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump({name: asdict(one) for name, one in pauses.items()}, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written ({error.strerror})") from error
