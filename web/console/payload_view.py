"""The bytes of a payload as a page shows them: as text where they are text, else in hexadecimal; bounded. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_TEXT: Final = 16 * 1024
"""Bytes of a text that are shown."""

MAX_HEX: Final = 2 * 1024
"""Bytes that are shown in hexadecimal."""

MAX_LINES: Final = 500
"""Lines that are shown."""

LINE: Final = 400
"""Characters of a line that are shown in one piece."""

_WIDTH: Final = 16
_LAID_OUT = frozenset("\n\r\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadView:
    """What is shown of a payload."""

    is_text: bool
    """Whether it is shown as text."""
    lines: tuple[str, ...]
    """What is shown; a page escapes it."""
    shown: int
    """Bytes that were looked at for it."""
    size: int
    """Bytes that there are."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.shown == self.size


def payload_view(payload: bytes) -> PayloadView:
    """Return what to show of a payload."""
    text = text_of(payload[:MAX_TEXT], whole=len(payload) <= MAX_TEXT)
    if text is None:
        return PayloadView(
            is_text=False, lines=hexadecimal(payload[:MAX_HEX]), shown=len(payload[:MAX_HEX]), size=len(payload)
        )
    lines = _lines(text)
    # Where lines are left out, so are bytes.
    shown = len(payload[:MAX_TEXT]) if len(lines) <= MAX_LINES else len("\n".join(lines[:MAX_LINES]).encode())
    return PayloadView(is_text=True, lines=tuple(lines[:MAX_LINES]), shown=shown, size=len(payload))


def text_of(data: bytes, *, whole: bool) -> str | None:
    """Return the bytes as text, None where they are none: control characters make a terminal, not a reader, happy."""
    # A cut may go through a character, which has at most four bytes (RFC 3629, 3).
    for cut in range(1 if whole else 4):
        try:
            text = data[: len(data) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        controls = sum(unicodedata.category(one) == "Cc" and one not in _LAID_OUT for one in text)
        return None if "\0" in text or controls * 20 > len(text) else text
    return None


def _lines(text: str) -> list[str]:
    """Return the lines, long ones in pieces: a page cuts a text that is too long for it."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        lines += [line[start : start + LINE] for start in range(0, len(line), LINE)] or [""]
    return lines


def hexadecimal(data: bytes, *, first: int = 0) -> tuple[str, ...]:
    """Return bytes in rows of hexadecimal; `first` is the offset of the first one."""
    return tuple(
        f"{first + start:08x}  {data[start : start + _WIDTH].hex(' '):<{3 * _WIDTH}} "
        + "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data[start : start + _WIDTH])
        for start in range(0, len(data), _WIDTH)
    )
