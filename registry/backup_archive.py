"""A safety copy in one `.tar.zst` file: written as a stream, its manifest last."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, BinaryIO

import zstandard

from registry.backup_manifest import DOCUMENTS, MANIFEST, MAX_MANIFEST, BackupError, BackupManifest, Part
from registry.backup_target import PIECE, digest_of, private_file, run_name, sync
from registry.content import ContentFolder, PartialFile
from registry.scratch import Scratch, remove_left
from vedette.errors import StoreError
from vedette.messages.limits import MAX_DOCUMENT

SUFFIX = ".tar.zst"
"""How the name of such a file ends."""

_PURPOSE = "partial"
_LEVEL = 3
_WINDOW = 2**27
"""Bytes of memory that reading one may take for its window: zstd's own limit for safe streams."""

_PART = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}/[A-Za-z0-9@_+=,.-]{1,120}\Z")
_DOCUMENT = re.compile(rf"{DOCUMENTS}/([0-9a-f]{{2}})/([0-9a-f]{{62}})\Z")


class ArchiveTarget:
    """One file; it gets its name when it is whole."""

    def __init__(self, path: Path, *, now: int) -> None:
        """Begin a safety copy beside where it will be.

        Raises:
            BackupError: the file exists already.
            StoreError: its folder cannot be written.
        """
        # A run that was killed when the file was whole left the same bytes beside it.
        remove_left(path, purpose=_PURPOSE)
        if path.exists():
            raise BackupError(f"{path}: exists already, and is not overwritten; name another file")
        self._path = path
        self._run = run_name(now)
        self._done: set[str] = set()
        self._scratch = Scratch(path, purpose=_PURPOSE)
        self._whole = self._scratch.path / "whole"
        self._file: BinaryIO = private_file(self._whole)
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._stream = compressor.stream_writer(self._file, closefd=False)
        self._tar = tarfile.open(fileobj=self._stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def prepare(self, name: str) -> Path:
        """Return where to write a part of this name."""
        return self._scratch.path / name

    def keep(self, name: str) -> Part:
        """Take in a part that was written.

        Raises:
            BackupError: the disk is full, or it cannot be read back.
        """
        path = self.prepare(name)
        size, sha256 = digest_of(path)
        part = Part(path=f"{self._run}/{name}", size=size, sha256=sha256)
        with path.open("rb") as file:
            self._add(part.path, size, file)
        path.unlink()
        return part

    def add_document(self, sha256: str, source: ContentFolder) -> bool:
        """Copy a document unless it is there; False where its file is missing or damaged.

        Raises:
            BackupError: it cannot be written.
        """
        if sha256 in self._done:
            return True
        if not self._stream_document(sha256, source):
            return False
        self._done.add(sha256)
        return True

    def _stream_document(self, sha256: str, source: ContentFolder) -> bool:
        try:
            file = source.open(sha256)
        except StoreError:
            return False
        with file:
            # Twice through the file: what is in the stream cannot be taken back.
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return False
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            self._add(f"{DOCUMENTS}/{sha256[:2]}/{sha256[2:]}", size, file)
        return True

    def _add(self, name: str, size: int, file: BinaryIO) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        try:
            self._tar.addfile(entry, file)
        except OSError as error:
            raise BackupError(f"{self._path}: cannot be written: {error.strerror or error}") from error

    def finish(self, manifest: BackupManifest) -> None:
        """Write the manifest and give the file its name.

        Raises:
            BackupError: it cannot be written, or somebody made a file of this name meanwhile.
        """
        data = self.prepare(MANIFEST)
        try:
            data.write_bytes(manifest.sealed())
            with data.open("rb") as file:
                self._add(MANIFEST, data.stat().st_size, file)
            self._tar.close()
            self._stream.close()  # type: ignore[no-untyped-call]
            self._file.flush()
            os.fsync(self._file.fileno())
            # A link, because a rename would replace what somebody put there meanwhile.
            os.link(self._whole, self._path)
            sync(self._path.parent)
        except OSError as error:
            raise BackupError(f"{self._path}: cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Remove what was not finished."""
        with suppress(OSError):
            self._file.close()
        self._scratch.remove()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a safety copy into an empty folder, where it can be read like one that was written there.

    Nothing but plain files of the names that a safety copy has is taken; the manifest comes last.

    Raises:
        BackupError: it is not a whole safety copy, or the disk is full.
    """
    documents = ContentFolder(folder / DOCUMENTS, limit=MAX_DOCUMENT)
    try:
        documents.folder.mkdir(mode=0o700)
        documents.prepare()
        with archive.open("rb") as file:
            reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(file)
            with reader, tarfile.open(fileobj=reader, mode="r|") as tar:
                for entry, data in _entries(tar, archive):
                    _unpack_one(entry, data, folder, documents)
                # The checksum of the frame is behind the end of the archive.
                while reader.read(PIECE):
                    pass
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise BackupError(f"{archive}: is not a whole safety copy: {error}") from error
    except OSError as error:
        raise BackupError(f"{archive}: cannot be unpacked to {folder}: {error.strerror or error}") from error


def _entries(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for entry in tar:
        data = tar.extractfile(entry) if entry.isreg() else None
        if data is None:
            raise BackupError(f"{archive}: holds {entry.name[:200]!r}, which is no plain file")
        with closing(data):
            yield entry, data


def _unpack_one(entry: tarfile.TarInfo, data: IO[bytes], folder: Path, documents: ContentFolder) -> None:
    document = _DOCUMENT.match(entry.name)
    if document is not None:
        with documents.begin() as partial:
            _pour(data, partial)
            if partial.sha256 == document[1] + document[2]:
                partial.commit()
        return
    if not _PART.match(entry.name) and entry.name != MANIFEST:
        raise BackupError(f"{entry.name[:200]!r} is no name of a safety copy's file")
    if entry.name == MANIFEST and entry.size > MAX_MANIFEST:
        raise BackupError("the manifest is larger than one can be")
    path = folder / entry.name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with private_file(path) as file:
        shutil.copyfileobj(data, file, PIECE)


def _pour(data: IO[bytes], partial: PartialFile) -> None:
    while piece := data.read(PIECE):
        partial.write(piece)
