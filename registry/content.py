"""Files named by the SHA-256 of their bytes: written aside, synced, and only then put in their place."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vedette.errors import RefusedError, StoreError, VedetteError
from vedette.files import sync_folder

PIECE = 1024 * 1024
"""Bytes that are read or written at once."""

_ID = re.compile(r"[0-9a-f]{64}\Z")
_PARTIAL = "partial"


class TooLargeError(VedetteError):
    """More bytes came than a file may have."""


class NoRoomError(StoreError):
    """The disk has no room for the file; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A stored file."""

    sha256: str
    """SHA-256 of its bytes, hexadecimal: its name."""
    size: int
    """Bytes."""


def check_id(text: str) -> str:
    """Return the id of a content as it is, so that no other text ever becomes part of a path.

    Raises:
        RefusedError: it is not 64 lower-case hexadecimal digits.
    """
    if not _ID.match(text):
        raise RefusedError("id", "must be a SHA-256: 64 lower-case hexadecimal digits")
    return text


class ContentFolder:
    """A folder of files `ab/cd…` by SHA-256; several processes may use it. Blocking: call it in a thread."""

    def __init__(self, folder: Path, *, limit: int, reserve: int = 0) -> None:
        """Describe the folder; nothing is made yet.

        Args:
            folder: where it is.
            limit: bytes that one file may have.
            reserve: bytes that must stay free on the disk.
        """
        self.folder = folder
        self.limit = limit
        self._reserve = reserve

    @property
    def partial(self) -> Path:
        """The folder of files that are being written, on the same disk."""
        return self.folder / _PARTIAL

    def prepare(self) -> int:
        """Make the folder; remove what writers that died left half written and return how many.

        Raises:
            StoreError: the folder cannot be made or read.
        """
        try:
            self.partial.mkdir(mode=0o700, parents=True, exist_ok=True)
            return sum(_remove_if_left(path) for path in self.partial.iterdir())
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be made: {error.strerror}") from error

    def begin(self) -> PartialFile:
        """Return a new file to write to; nobody sees it before its `commit`.

        Raises:
            NoRoomError: the disk is as full as it may be.
            StoreError: the file cannot be made.
        """
        self.check_room(0)
        return PartialFile(self)

    def check_room(self, size: int) -> None:
        """Check that `size` more bytes leave the reserve on the disk.

        Raises:
            NoRoomError: they do not.
            StoreError: the folder is not there.
        """
        try:
            found = os.statvfs(self.folder)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be used: {error.strerror}") from error
        if found.f_bavail * found.f_frsize - size < self._reserve:
            raise NoRoomError(f"{self.folder}: the disk has no room; {self._reserve} bytes must stay free")

    def adopt(self, path: Path, sha256: str) -> None:
        """Take in a file that lies in `partial` and whose SHA-256 was computed already.

        Raises:
            StoreError: it cannot be synced or moved.
        """
        target = self.path_of(sha256)
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            _place(path, target)
        except OSError as error:
            raise StoreError(f"{target}: cannot be stored: {error.strerror}") from error

    def path_of(self, sha256: str) -> Path:
        """Return where a content is, or would be.

        Raises:
            RefusedError: it is not an id.
        """
        check_id(sha256)
        return self.folder / sha256[:2] / sha256[2:]

    def size_of(self, sha256: str) -> int | None:
        """Return the bytes of a content, None if it is not there.

        Raises:
            RefusedError: it is not an id.
        """
        try:
            return self.path_of(sha256).stat().st_size
        except OSError:
            return None

    def open(self, sha256: str) -> io.BufferedReader:
        """Open a content for reading.

        Raises:
            RefusedError: it is not an id.
            StoreError: it is not there, or cannot be read.
        """
        try:
            return self.path_of(sha256).open("rb")
        except OSError as error:
            raise StoreError(f"{sha256}: the file of the document cannot be read: {error.strerror}") from error

    def read(self, sha256: str, *, limit: int) -> bytes | None:
        """Return the bytes of a content after checking them against its name, None where they are more than `limit`.

        Raises:
            StoreError: it is not there, cannot be read, or is damaged.
        """
        with self.open(sha256) as file:
            if os.fstat(file.fileno()).st_size > limit:
                return None
            data = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"{sha256}: the file of the document is damaged; restore it from a safety copy")
        return data

    def remove(self, sha256: str) -> bool:
        """Remove a content for good; returns whether it was there.

        Raises:
            StoreError: it cannot be removed.
        """
        path = self.path_of(sha256)
        try:
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"{path}: cannot be removed: {error.strerror}") from error
        return True

    def ids(self) -> Iterator[str]:
        """Yield the ids of all contents, in no order."""
        for folder in self.folder.glob("[0-9a-f][0-9a-f]"):
            for path in folder.iterdir():
                if _ID.match(folder.name + path.name):
                    yield folder.name + path.name


class PartialFile:
    """A file that is being written; leaving its `with` block without `commit` removes it."""

    def __init__(self, folder: ContentFolder) -> None:
        self._folder = folder
        self._path = folder.partial / secrets.token_hex(16)
        self._hash = hashlib.sha256()
        self._since_check = 0
        self.size = 0
        """Bytes so far."""
        try:
            self._file = io.FileIO(self._path, "xb", opener=_private)
            # Tells `prepare` of another process that somebody still writes here.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{folder.folder}: cannot be written: {error.strerror}") from error

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            TooLargeError: they are more than the folder's limit.
            NoRoomError: the disk is full.
            StoreError: they cannot be written.
        """
        if self.size + len(data) > self._folder.limit:
            raise TooLargeError(f"is larger than {self._folder.limit} bytes, the limit of a document")
        self._since_check += len(data)
        if self._since_check > 16 * PIECE:
            self._folder.check_room(0)
            self._since_check = 0
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise NoRoomError(f"{self._folder.folder}: cannot be written: {error.strerror}") from error
        self._hash.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, hexadecimal."""
        return self._hash.hexdigest()

    def commit(self) -> Content:
        """Put the file in its place; after this returns it is on disk under its name.

        Where the content is there already, this takes its place: a damaged file is mended by that.

        Raises:
            StoreError: it cannot be synced or moved.
        """
        content = Content(sha256=self.sha256, size=self.size)
        target = self._folder.path_of(content.sha256)
        try:
            os.fsync(self._file.fileno())
            _place(self._path, target)
        except OSError as error:
            raise StoreError(f"{target}: cannot be stored: {error.strerror}") from error
        self.close()
        return content

    def close(self) -> None:
        """Close the file and remove it if it was not committed; harmless a second time."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._file.close()

    def __enter__(self) -> PartialFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _place(path: Path, target: Path) -> None:
    """Rename a synced file and sync the folders, so that the name survives a power cut, too."""
    if not target.parent.is_dir():
        target.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(target.parent.parent)
    path.replace(target)
    sync_folder(target.parent)


def _remove_if_left(path: Path) -> bool:
    """Remove a half-written file unless its writer is alive."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink(missing_ok=True)
        return True
    return False
