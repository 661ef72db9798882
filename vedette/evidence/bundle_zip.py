"""The zip of a bundle: files stored, not compressed, in one fixed form (APPNOTE 6.3.3, sections 4.3 and 4.4).

The same files always give the same bytes, on any machine and with any zlib. So a reader can demand exactly
these bytes: nothing hides in a second directory, an extra field or a comment, and nothing can unpack into
more than the file's own size.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping

from vedette.errors import EvidenceError

MAX_ZIP = 512 * 1024 * 1024
"""Bytes of a bundle that is read or written."""

MAX_ENTRIES = 256
"""Files in a bundle."""

_NAME = re.compile(r"(?:crls/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MAGIC = b"PK\x03\x04"
_CENTRAL_MAGIC = b"PK\x01\x02"
_END_MAGIC = b"PK\x05\x06"
_MADE_BY_UNIX = 3 << 8 | 20
_NEEDED = 20
_STORED = 0
_DATE_1980 = 1 << 5 | 1
_REGULAR_FILE = 0o100000


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Return the zip of the files in their order: dated 1980-01-01, mode 0644 (scripts 0755), not compressed.

    Raises:
        EvidenceError: too many or too large files, or a name that does not belong in a bundle.
    """
    if len(files) > MAX_ENTRIES or sum(map(len, files.values())) > MAX_ZIP:
        raise EvidenceError(f"zip: a bundle holds at most {MAX_ENTRIES} files and {MAX_ZIP} bytes")
    body = bytearray()
    directory = bytearray()
    for name, data in files.items():
        _check_name(name)
        directory += _central_header(name, data, len(body))
        body += _local_header(name, data) + data
    end = _END.pack(_END_MAGIC, 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + end)


def _local_header(name: str, data: bytes) -> bytes:
    sizes = (zlib.crc32(data), len(data), len(data), len(name), 0)
    return _LOCAL.pack(_LOCAL_MAGIC, _NEEDED, 0, _STORED, 0, _DATE_1980, *sizes) + name.encode()


def _central_header(name: str, data: bytes, offset: int) -> bytes:
    mode = _REGULAR_FILE | (0o755 if name.endswith(".sh") else 0o644)
    sizes = (zlib.crc32(data), len(data), len(data), len(name), 0, 0, 0, 0, mode << 16, offset)
    return _CENTRAL.pack(_CENTRAL_MAGIC, _MADE_BY_UNIX, _NEEDED, 0, _STORED, 0, _DATE_1980, *sizes) + name.encode()


def read_zip(data: bytes) -> dict[str, bytes]:
    """Return the files of a zip that is byte for byte what `write_zip` makes of them; nothing is extracted.

    Raises:
        EvidenceError: not a zip, truncated, compressed, repacked, altered, or an unsafe or doubled name.
    """
    if len(data) > MAX_ZIP:
        raise EvidenceError(f"zip: is {len(data)} bytes; the limit is {MAX_ZIP}")
    files: dict[str, bytes] = {}
    offset = 0
    while data[offset : offset + 4] == _LOCAL_MAGIC:
        name, content, offset = _read_entry(data, offset)
        if name in files:
            raise EvidenceError(f"zip: holds {name} twice")
        files[name] = content
        if len(files) > MAX_ENTRIES:
            raise EvidenceError(f"zip: holds more than {MAX_ENTRIES} files")
    if not files:
        raise EvidenceError("zip: is not a zip file with a bundle in it")
    if write_zip(files) != data:
        raise EvidenceError("zip: is not byte for byte as Vedette writes bundles: truncated, repacked or altered")
    return files


def _read_entry(data: bytes, offset: int) -> tuple[str, bytes, int]:
    """Return name, content and the offset behind the entry at `offset`."""
    start = offset + _LOCAL.size
    if start > len(data):
        raise EvidenceError("zip: truncated")
    _, _, flags, method, _, _, _, size, full_size, name_size, extra_size = _LOCAL.unpack_from(data, offset)
    name = data[start : start + name_size].decode("ascii", "backslashreplace")
    _check_name(name)
    if method != _STORED or flags or extra_size or size != full_size:
        raise EvidenceError(
            f"zip: {name} is compressed or has extras; use the bundle as Vedette wrote it, not repacked"
        )
    end = start + name_size + size
    if end > len(data):
        raise EvidenceError(f"zip: truncated within {name}")
    return name, data[start + name_size : end], end


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise EvidenceError(f"zip: {name[:100]!r} is not a name that a bundle may hold")
