"""Undoing gzip, bzip2, xz and Zstandard, known by their first bytes, not by a name; in parts, within a budget."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import zstandard

from vedette.collection.content import Budget, ProcessingError

_STEP = 256 * 1024
_MEMORY = 128 * 1024 * 1024
_WINDOW = 1 << 27
_MAX_STREAMS = 10_000


class _Decoder(Protocol):
    """One stream being undone, in bounded parts."""

    def part(self, data: bytes) -> bytes: ...

    @property
    def ended(self) -> bool: ...

    @property
    def hungry(self) -> bool: ...

    @property
    def rest(self) -> bytes: ...


class _Gzip:
    def __init__(self) -> None:
        self._state = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.hungry = True

    def part(self, data: bytes) -> bytes:
        made = self._state.decompress(self._state.unconsumed_tail + data, _STEP)
        self.hungry = not self._state.unconsumed_tail and len(made) < _STEP
        return made

    @property
    def ended(self) -> bool:
        return self._state.eof

    @property
    def rest(self) -> bytes:
        return self._state.unused_data


class _Bounded:
    """Python's own interface of bzip2 and xz."""

    def __init__(self, state: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._state = state

    def part(self, data: bytes) -> bytes:
        return self._state.decompress(data, _STEP)

    @property
    def ended(self) -> bool:
        return self._state.eof

    @property
    def hungry(self) -> bool:
        return self._state.needs_input

    @property
    def rest(self) -> bytes:
        return self._state.unused_data


class _Zstandard:
    """Zstandard gives all that a piece stands for at once: 128 KiB for three bytes, so the pieces are small."""

    hungry = True

    def __init__(self) -> None:
        self._state = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()

    def part(self, data: bytes) -> bytes:
        return self._state.decompress(data)

    @property
    def ended(self) -> bool:
        return self._state.eof

    @property
    def rest(self) -> bytes:
        return self._state.unused_data


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """One compression."""

    name: str
    magic: bytes
    make: Callable[[], _Decoder]
    piece: int = 64 * 1024
    """Bytes that are handed to the decoder at a time."""


_KINDS = (
    _Kind(name="gzip", magic=b"\x1f\x8b\x08", make=_Gzip),
    _Kind(name="bzip2", magic=b"BZh", make=lambda: _Bounded(bz2.BZ2Decompressor())),
    _Kind(
        name="xz",
        magic=b"\xfd7zXZ\x00",
        make=lambda: _Bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)),
    ),
    _Kind(name="zstd", magic=b"\x28\xb5\x2f\xfd", make=_Zstandard, piece=256),
)


def compression_of(data: bytes) -> str | None:
    """Return what bytes are compressed with, `gzip`, `bzip2`, `xz` or `zstd`; None: none of these."""
    kind = _kind(data)
    return None if kind is None else kind.name


def decompress(data: bytes, budget: Budget) -> bytes:
    """Return what compressed bytes stand for; streams may follow each other.

    Raises:
        ProcessingError: damaged, cut off, not compressed, or past the budget.
    """
    kind = _kind(data)
    if kind is None:
        raise ProcessingError("is not compressed with gzip, bzip2, xz or Zstandard")
    try:
        return _streams(data, kind, budget)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, zstandard.ZstdError) as error:
        raise ProcessingError(f"the {kind.name} data is damaged: {error}") from error


def _kind(data: bytes) -> _Kind | None:
    return next((kind for kind in _KINDS if data.startswith(kind.magic)), None)


def _streams(data: bytes, kind: _Kind, budget: Budget) -> bytes:
    whole = bytearray()
    view = memoryview(data)
    for _ in range(_MAX_STREAMS):
        view = _stream(view, kind, whole, budget)
        # Padding and what else follows the last stream is no reason to lose what came (gzip(1) warns, too).
        if bytes(view[: len(kind.magic)]) != kind.magic:
            return bytes(whole)
    raise ProcessingError(f"has more than {_MAX_STREAMS} streams")


def _stream(data: memoryview, kind: _Kind, whole: bytearray, budget: Budget) -> memoryview:
    """Undo one stream and return what follows it."""
    decoder = kind.make()
    at = 0
    while not decoder.ended:
        piece = b""
        if decoder.hungry:
            piece = bytes(data[at : at + kind.piece])
            if not piece:
                raise ProcessingError("the compressed data is cut off")
            at += len(piece)
        part = decoder.part(piece)
        budget.take(len(part))
        whole += part
    return data[at - len(decoder.rest) :]
