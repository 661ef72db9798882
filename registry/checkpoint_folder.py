"""The folder that checkpoints are published in: a file a batch, never changed again, and `latest`."""

from __future__ import annotations

from pathlib import Path

from vedette.errors import EvidenceError, StoreError
from vedette.evidence.checkpoint import Checkpoint, name_of, read_checkpoint
from vedette.evidence.signed_note import split_note
from vedette.files import write_whole

SUFFIX = ".checkpoint"
"""Ending of the files' names."""

LATEST = "latest"
"""Name of the file with a log's newest checkpoint."""

_DIGITS = 16
"""Of a size in a name, so that names sort as sizes do."""


class CheckpointFolder:
    """Checkpoints as files: `<engine>/<epoch>/<size>.checkpoint`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def latest(self, *, engine: str, epoch: str) -> Checkpoint | None:
        """Return what a log's newest checkpoint claims; None before the first.

        Raises:
            StoreError: the file cannot be read, or is not a checkpoint; says what to do.
        """
        file = self._log(engine, epoch) / LATEST
        try:
            return read_checkpoint(split_note(file.read_bytes())[0])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{file}: cannot be read: {error.strerror}") from error
        except EvidenceError as error:
            raise StoreError(f"{file}: {error}; find out who changed it, then move it away") from error

    def publish(self, notes: list[tuple[int, bytes]], *, engine: str, epoch: str) -> None:
        """Write checkpoints, size and note of each, in order; they are on disk after it returns.

        Raises:
            StoreError: a file cannot be written, or says something else already.
        """
        folder = self._log(engine, epoch)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for size, note in notes:
                self._write_once(folder / f"{size:0{_DIGITS}d}{SUFFIX}", note)
            if notes:
                write_whole(folder / LATEST, [notes[-1][1]], alone=True)
        except OSError as error:
            raise StoreError(f"{folder}: checkpoints cannot be written: {error.strerror}") from error

    def _write_once(self, file: Path, note: bytes) -> None:
        if not file.exists():
            write_whole(file, [note], alone=True)
        # What is published stays: the same text may be signed with another key by now, another text may not be there.
        elif _text(file.read_bytes()) != _text(note):
            raise StoreError(f"{file}: another root is published there already: the history was rewritten")

    def _log(self, engine: str, epoch: str) -> Path:
        return self._folder / name_of(engine) / name_of(epoch)


def _text(note: bytes) -> bytes:
    return note.rpartition(b"\n\n")[0]
