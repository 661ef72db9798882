"""Reading zip and tar archives in memory: nothing is written, so a name cannot lead anywhere; links are refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath

from vedette.collection.content import Budget, ProcessingError

_STEP = 256 * 1024
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_TAR = (b"ustar\x0000", b"ustar  \x00")
_TAR_AT = 257


def is_zip(data: bytes) -> bool:
    """Tell whether bytes begin as a zip archive does."""
    return data.startswith((_ZIP, _EMPTY_ZIP))


def is_tar(data: bytes) -> bool:
    """Tell whether bytes begin as a tar archive of POSIX or GNU does."""
    return data[_TAR_AT : _TAR_AT + 8] in _TAR


def unzip(data: bytes, budget: Budget) -> list[tuple[str, bytes]]:
    """Return the files of a zip archive by their names.

    Raises:
        ProcessingError: damaged, encrypted, a link or a name that leads out within it, or past the budget.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [_zipped(archive, entry, budget) for entry in archive.infolist() if not entry.is_dir()]
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ProcessingError(f"the zip archive is damaged: {error}") from error


def _zipped(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget) -> tuple[str, bytes]:
    budget.enter()
    name = safe_name(entry.filename)
    if entry.flag_bits & 0x1:
        raise ProcessingError(f"{name} is encrypted")
    if entry.compress_type not in _METHODS:
        raise ProcessingError(f"{name} is compressed with method {entry.compress_type}, which is not read")
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        raise ProcessingError(f"{name} is a link")
    with archive.open(entry) as file:
        return name, _read(file, budget)


def untar(data: bytes, budget: Budget) -> list[tuple[str, bytes]]:
    """Return the files of a tar archive by their names.

    Raises:
        ProcessingError: damaged, a link, device or name that leads out within it, or past the budget.
    """
    found = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            # One after the other: a list of all members would grow before anything is counted.
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]
                budget.enter()
                name = safe_name(member.name)
                if member.isdir():
                    continue
                file = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if file is None:
                    raise ProcessingError(f"{name} is a link, device or sparse file")
                found.append((name, _read(file, budget)))
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError) as error:
        raise ProcessingError(f"the tar archive is damaged: {error}") from error
    return found


def safe_name(name: str) -> str:
    """Return a name within an archive.

    Raises:
        ProcessingError: it leads out of the archive, or holds what no name has.
    """
    path = PurePosixPath(name)
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name[:200])
    if (
        not name
        or "\\" in name
        or not name.isprintable()
        or path.is_absolute()
        or ".." in path.parts
        or name[1:2] == ":"
    ):
        raise ProcessingError(f"has an entry named {shown!r}, which leads out of it or is no name")
    return str(path)[:1_000]


def _read(file: object, budget: Budget) -> bytes:
    whole = bytearray()
    while part := file.read(_STEP):  # type: ignore[attr-defined]
        budget.take(len(part))
        whole += part
    return bytes(whole)
