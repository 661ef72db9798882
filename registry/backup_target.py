"""Where a safety copy is written to: a folder, or one file."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Collection
from datetime import UTC
from pathlib import Path
from typing import BinaryIO, Protocol

from registry.backup_manifest import DOCUMENTS, MANIFEST, BackupError, BackupManifest, Part, read_manifest
from registry.content import ContentFolder
from registry.lock import FileLock
from vedette.clock import to_datetime
from vedette.errors import StoreError
from vedette.messages.limits import MAX_DOCUMENT

LOCK = "backup.lock"
"""Name of the file that is locked while a safety copy is written."""

PIECE = 1024 * 1024
"""Bytes that are read or written at once."""


class BackupTarget(Protocol):
    """A safety copy that is being written; leaving it without `finish` leaves nothing that looks like one."""

    def prepare(self, name: str) -> Path:
        """Return where to write a part of this name."""
        ...

    def keep(self, name: str) -> Part:
        """Take in a part that was written."""
        ...

    def add_document(self, sha256: str, source: ContentFolder) -> bool:
        """Copy a document unless it is there; False where its file is missing or damaged."""
        ...

    def finish(self, manifest: BackupManifest) -> None:
        """Make it a safety copy."""
        ...

    def close(self) -> None:
        """Remove what was not finished."""
        ...


def run_name(now: int) -> str:
    """Return the name of the folder that a run's parts lie in."""
    return f"{to_datetime(now).astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def digest_of(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file.

    Raises:
        BackupError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256")
            return file.tell(), found.hexdigest()
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror}") from error


def sync(path: Path) -> None:
    """Make sure that a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_file(path: Path) -> BinaryIO:
    """Return a new file to write, which only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "wb")


class FolderTarget:
    """A folder; what it held before is a safety copy until the moment that the new one is."""

    def __init__(self, folder: Path, *, now: int) -> None:
        """Begin a safety copy in a folder, which is made, or holds an older one.

        Raises:
            BackupError: the folder holds something else, or cannot be written.
            StoreError: another process writes a safety copy to it.
        """
        self._folder = folder
        self._run = run_name(now)
        _make(folder)
        self._lock = FileLock(folder / LOCK, exclusive=True)
        self._lock.acquire()
        self._documents = ContentFolder(folder / DOCUMENTS, limit=MAX_DOCUMENT)
        try:
            self._remove_all_but(_runs_of(folder))
            self._documents.folder.mkdir(mode=0o700, exist_ok=True)
            self._documents.prepare()
            (folder / self._run).mkdir(mode=0o700)
        except OSError as error:
            self._lock.release()
            raise BackupError(f"{folder}: cannot be written: {error.strerror}") from error

    def prepare(self, name: str) -> Path:
        """Return where to write a part of this name."""
        return self._folder / self._run / name

    def keep(self, name: str) -> Part:
        """Take in a part that was written.

        Raises:
            BackupError: it cannot be read back.
        """
        path = self.prepare(name)
        size, sha256 = digest_of(path)
        sync(path)
        return Part(path=f"{self._run}/{name}", size=size, sha256=sha256)

    def add_document(self, sha256: str, source: ContentFolder) -> bool:
        """Copy a document unless it is there; False where its file is missing or damaged.

        A copy, not a link: one bad sector must not take both.

        Raises:
            BackupError: it cannot be written.
        """
        size = source.size_of(sha256)
        if size is not None and self._documents.size_of(sha256) == size:
            return True
        try:
            file = source.open(sha256)
        except StoreError:
            return self._documents.size_of(sha256) is not None
        try:
            with file, self._documents.begin() as partial:
                while piece := file.read(PIECE):
                    partial.write(piece)
                if partial.sha256 == sha256:
                    partial.commit()
                    return True
        except OSError as error:
            raise BackupError(f"{sha256}: cannot be copied: {error.strerror}") from error
        return self._documents.size_of(sha256) is not None

    def finish(self, manifest: BackupManifest) -> None:
        """Put the manifest in its place, then remove what only the one before needed.

        Raises:
            BackupError: it cannot be written.
        """
        path = self._folder / MANIFEST
        fresh = self._folder / self._run / MANIFEST
        try:
            fresh.write_bytes(manifest.sealed())
            fresh.chmod(0o600)
            sync(fresh)
            sync(fresh.parent)
            fresh.replace(path)
            sync(self._folder)
        except OSError as error:
            raise BackupError(f"{path}: cannot be written: {error.strerror}") from error
        self._remove_all_but({self._run})
        listed = _listed(self.prepare(Path(manifest.documents).name))
        for sha256 in [one for one in self._documents.ids() if one not in listed]:
            self._documents.remove(sha256)

    def close(self) -> None:
        """Remove what was not finished, and let others write."""
        try:
            self._remove_all_but(_runs_of(self._folder))
        finally:
            self._lock.release()

    def _remove_all_but(self, kept: Collection[str]) -> None:
        for path in self._folder.iterdir():
            if path.is_dir() and path.name != DOCUMENTS and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def read_document_list(path: Path) -> dict[str, int]:
    """Return the sizes of the documents that a safety copy lists, by id.

    Raises:
        BackupError: it is not such a list.
    """
    try:
        rows = [line.split(" ") for line in path.read_text("ascii").splitlines()]
        return {sha256: int(size) for sha256, size in rows}
    except (OSError, ValueError) as error:
        raise BackupError(f"{path}: is not a list of documents: {error}") from error


def _listed(path: Path) -> Collection[str]:
    return read_document_list(path).keys()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise BackupError(f"{folder}: cannot be made: {error.strerror}") from error
    # A first run that was killed leaves the lock and no manifest.
    if names and not names & {MANIFEST, LOCK}:
        raise BackupError(f"{folder}: holds something else than a safety copy; name another folder")


def _runs_of(folder: Path) -> set[str]:
    """Return the runs that the safety copy in the folder is made of; none where there is none."""
    if not (folder / MANIFEST).exists():
        return set()
    return {part.path.partition("/")[0] for part in read_manifest(folder).parts}
