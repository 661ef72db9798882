"""The entries of a JSON document, streamed: elements of an array, or members of an object, with their offsets.

Two parsers read each entry: Python's, which tells where a value ends, and orjson, which is strict about what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from vedette.extraction.entries import Entry, first_byte
from vedette.extraction.interface import ExtractionError

MAX_ENTRY = 16 * 1024 * 1024
"""Bytes of one entry: as objects it takes up to twenty times its size."""

_WINDOW = 2 * 1024
_SPACE = re.compile(rb"[ \t\n\r]{0,65536}")
_PLAIN = {"parse_int": len, "parse_float": len, "parse_constant": len}
_VALUES = json.JSONDecoder(strict=False, **_PLAIN)


def json_entries(content: bytes, *, arrays: Collection[str]) -> Iterator[Entry[Any]]:
    """Yield the entries of all JSON values of a document, one value or several in a row (JSON lines).

    The entries of an array are its elements; of an object, the elements of its member that has one of these names and
    is an array; an object without such a member is an entry itself.

    Raises:
        ExtractionError: empty, no JSON, cut off, with an entry that is too large, or with entries that only look like
            JSON (`NaN`, bytes that are not UTF-8); whatever could be read is yielded first, and None for the latter.
    """
    reading = _Reading(content)
    if reading.ended:
        raise ExtractionError("the document is empty")
    while not reading.ended:
        if reading.sees(b"["):
            yield from reading.elements()
        elif reading.sees(b"{"):
            yield from _of_object(reading, arrays)
        else:
            raise ExtractionError(f"not JSON at byte {reading.at}: an object or an array is expected")
    reading.finish()


def json_members(content: bytes) -> Iterator[Entry[Any]]:
    """Yield the members of the object that a document is, each with its `key`.

    Raises:
        ExtractionError: no JSON object, cut off, or with a member that is too large; what could be read is yielded
            first.
    """
    reading = _Reading(content)
    if not reading.sees(b"{"):
        raise ExtractionError("not a JSON object")
    for key in reading.names():
        yield reading.entry(key)
    if not reading.ended:
        raise ExtractionError(f"not JSON at byte {reading.at}: more behind its end")
    reading.finish()


def _of_object(reading: _Reading, arrays: Collection[str]) -> Iterator[Entry[Any]]:
    start, found = reading.at, False
    for key in reading.names():
        if key in arrays and reading.sees(b"["):
            found = True
            yield from reading.elements()
        else:
            reading.pass_over()
    if not found:
        yield reading.whole(start)


class _Reading:
    """One document while it is read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = first_byte(content)
        self._last = self.at
        self._flaws = 0
        self._first_flaw = ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self._content)

    def sees(self, byte: bytes) -> bool:
        """Tell whether the next byte is this one."""
        return self._content[self.at : self.at + 1] == byte

    def elements(self) -> Iterator[Entry[Any]]:
        """Yield the elements of the array that begins here."""
        self._take(b"[")
        if self.sees(b"]"):
            self._take(b"]")
            return
        while True:
            yield self.entry("")
            if self.sees(b"]"):
                self._take(b"]")
                return
            self._take(b",")

    def names(self) -> Iterator[str]:
        """Yield the names in the object that begins here; the caller reads the value behind each."""
        self._take(b"{")
        if self.sees(b"}"):
            self._take(b"}")
            return
        while True:
            key = self.entry("").value
            if not isinstance(key, str):
                raise self._wrong("a name in quotes is expected")
            self._take(b":")
            yield key
            if self.sees(b"}"):
                self._take(b"}")
                return
            self._take(b",")

    def entry(self, key: str) -> Entry[Any]:
        """Return the value that begins here."""
        start = self.at
        self._move(self._end())
        return self._entry(start, self._last, key)

    def whole(self, start: int) -> Entry[Any]:
        """Return the object that began at an offset and was read through just now."""
        if self._last - start > MAX_ENTRY:
            raise ExtractionError(f"an object of {self._last - start} bytes; up to {MAX_ENTRY} are read")
        return self._entry(start, self._last, "")

    def finish(self) -> None:
        """Say what only looked like JSON."""
        if self._flaws:
            raise ExtractionError(f"{self._flaws} values are not quite JSON; the first {self._first_flaw}")

    def pass_over(self) -> None:
        """Go behind the value that begins here."""
        self._move(self._end())

    def _entry(self, start: int, end: int, key: str) -> Entry[Any]:
        try:
            value = orjson.loads(memoryview(self._content)[start:end])
        except orjson.JSONDecodeError as error:
            self._flaws += 1
            self._first_flaw = self._first_flaw or f"at byte {start}: {error}"
            value = _mended(self._content[start:end])
        return Entry(value=value, start=start, end=end, key=key)

    def _end(self) -> int:
        """Return the offset behind the value that begins here."""
        size = _WINDOW
        while True:
            # As Latin-1, a character is a byte.
            window = self._content[self.at : self.at + size].decode("latin-1")
            complete = self.at + size >= len(self._content)
            try:
                _, length = _VALUES.raw_decode(window)
            except (ValueError, RecursionError) as error:
                if complete or isinstance(error, RecursionError):
                    raise self._wrong(_reason(error)) from error
            else:
                # A number may go on behind the window.
                if complete or length < len(window):
                    return self.at + length
            if size >= MAX_ENTRY:
                raise self._wrong(f"not one value in {MAX_ENTRY} bytes")
            size = min(8 * size, MAX_ENTRY)

    def _take(self, byte: bytes) -> None:
        if not self.sees(byte):
            raise self._wrong("it ends there" if self.ended else f"{byte.decode()} is expected")
        self._move(self.at + 1)

    def _move(self, at: int) -> None:
        """Go to what stands behind an offset, and remember that."""
        self._last = at
        while True:
            found = _SPACE.match(self._content, at)
            self.at = at if found is None else found.end()
            if self.at == at:
                return
            at = self.at

    def _wrong(self, reason: str) -> ExtractionError:
        return ExtractionError(f"not JSON at byte {self.at}: {reason}")


def _mended(content: bytes) -> Any:
    """Return a value whose bytes that are not UTF-8 were replaced; None where that is not what is wrong."""
    try:
        return orjson.loads(content.decode("utf-8", errors="replace"))
    except orjson.JSONDecodeError:
        return None


def _reason(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else f"no value: {error}"
