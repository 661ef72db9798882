"""Undoing a content encoding within bounds: a few bytes can stand for gigabytes (RFC 9110 section 8.4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ENCODINGS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""Encodings that are undone, with zlib's word for each."""

_STEP = 256 * 1024


class Decoder:
    """Undoes one encoding, in parts of bounded size."""

    def __init__(self, encoding: str) -> None:
        self._window = ENCODINGS[encoding]
        self._state = zlib.decompressobj(self._window)
        self._begun = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data stands for; whoever has enough stops asking.

        Raises:
            ValueError: the data is damaged.
        """
        while data:
            if self._state.eof:
                # Members may follow each other (RFC 1952 section 2.2).
                self._state = zlib.decompressobj(self._window)
            self._begun = True
            try:
                part = self._state.decompress(data, _STEP)
            except zlib.error as error:
                raise ValueError("the compressed body is damaged") from error
            if part:
                yield part
            data = self._state.unconsumed_tail or self._state.unused_data

    def finish(self) -> None:
        """Check that the whole has come.

        Raises:
            ValueError: the end is missing.
        """
        if self._begun and not self._state.eof:
            raise ValueError("the compressed body is cut off")
