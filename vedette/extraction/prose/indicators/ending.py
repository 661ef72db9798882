"""Where something ends that prose runs on from: before the full stop of its sentence, or a bracket around it."""

from __future__ import annotations

from typing import Final

_CLOSING: Final = {")": "(", "]": "[", "}": "{", "\u3009": "\u3008", "\u300b": "\u300a"}
_SIGNS: Final = frozenset(".,;:!?'\"*_~|\u2026\u2019\u201d\u00bb\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u3001")


def trimmed(text: str) -> str:
    """Return the beginning of a text up to where sentence and brackets around it go on.

    A closing bracket belongs to it if it was opened in it: `http://a.example/b_(c)`.
    """
    signs = {sign: text.count(sign) for pair in _CLOSING.items() for sign in pair}
    end = len(text)
    while end:
        last = text[end - 1]
        is_open = last in _CLOSING and signs[last] > signs[_CLOSING[last]]
        if last not in _SIGNS and not is_open and last not in _CLOSING.values():
            break
        if last in signs:
            signs[last] -= 1
        end -= 1
    return text[:end]


def quoted(text: str, start: int, *, longest: int) -> str:
    """Return what stands in quotes from a place on; empty where it does not, or goes on in another line."""
    before = text[start - 1 : start]
    closing = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "[": "]"}.get(before)
    if closing is None:
        return ""
    end = text.find(closing, start, start + longest)
    inner = text[start:end] if end > start else ""
    return "" if "\n" in inner or "\r" in inner else inner
