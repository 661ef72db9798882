"""What differs between two texts, line by line, as a page shows it; bounded. Pure, no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

from web.console.payload_view import payload_view

MAX_LAID_OUT: Final = 64 * 1024
"""Bytes of JSON that is laid out first: in one line nothing can be seen to differ."""

MAX_SHOWN: Final = 400
"""Lines that are shown."""

_AROUND: Final = 3
_KINDS: Final = {"-": "gone", "+": "come", "@": "place", " ": "same"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a difference."""

    kind: str
    """`gone`, `come`, `same`, or `place`: where in the texts the next lines are."""
    text: str
    """The line; a page escapes it."""

    @property
    def sign(self) -> str:
        """What stands before it: it must not be told by its colour alone."""
        return {"gone": "-", "come": "+", "same": " ", "place": ""}[self.kind]


@dataclass(frozen=True, kw_only=True, slots=True)
class TextDifference:
    """What differs between two texts."""

    lines: tuple[Line, ...]
    """The lines that differ, with some around them; none where nothing does."""
    more: bool
    """Whether not all of it is shown or compared."""


def text_difference(before: bytes, after: bytes) -> TextDifference | None:
    """Return what differs between two payloads; None where one of them is no text."""
    earlier, later = payload_view(_laid_out(before)), payload_view(_laid_out(after))
    if not (earlier.is_text and later.is_text):
        return None
    found = list(_lines(unified_diff(earlier.lines, later.lines, n=_AROUND, lineterm="")))
    whole = earlier.is_whole and later.is_whole and len(found) <= MAX_SHOWN
    return TextDifference(lines=tuple(found[:MAX_SHOWN]), more=not whole)


def _lines(difference: Iterator[str]) -> Iterator[Line]:
    for number, line in enumerate(difference):
        # The first two name the files of a patch.
        if number > 1:
            kind = _KINDS[line[0]]
            yield Line(kind=kind, text=line if kind == "place" else line[1:])


def _laid_out(payload: bytes) -> bytes:
    """Return JSON a value a line, everything else as it is."""
    if len(payload) > MAX_LAID_OUT or payload[:1] not in (b"{", b"["):
        return payload
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return payload
