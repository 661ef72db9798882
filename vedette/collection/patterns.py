"""Regular expressions that users write, in linear time (RE2): no pattern and no page can make them hang (ReDoS)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import re2  # type: ignore[import-untyped]

MAX_PATTERN = 2_000
"""Characters of a pattern."""

_MEMORY = 8 * 1024 * 1024
_LOOKAROUND = re.compile(r"\(\?<?[=!]")
_BACKREFERENCE = re.compile(r"(?<!\\)(?:\\\\)*(?:\\[1-9]|\\k[<{']|\(\?P=)")
_ATOMIC = re.compile(r"\(\?>|(?<!\\)[*+?}]\+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A user's regular expression, compiled."""

    text: str
    """As it was written."""
    _compiled: Any = field(repr=False, compare=False)

    @classmethod
    def read(cls, text: str) -> Pattern:
        """Return the pattern that a text is.

        Raises:
            ValueError: it is too long, wrong, or needs what RE2 does not have; says what.
        """
        if len(text) > MAX_PATTERN:
            raise ValueError(f"has {len(text)} characters; the limit is {MAX_PATTERN}")
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        try:
            return cls(text=text, _compiled=re2.compile(text, options))
        except re2.error as error:
            raise ValueError(f"is not a regular expression that can be used: {_reason(text, error)}") from error

    def found(self, text: str, *, limit: int) -> list[str]:
        """Return what the first group (or the whole, where there is none) matches, in order, each once."""
        group = 1 if self._compiled.groups else 0
        found: dict[str, None] = {}
        for match in self._compiled.finditer(text):
            part = match.group(group)
            if part:
                found[part] = None
            if len(found) >= limit:
                break
        return list(found)


def _reason(text: str, error: Exception) -> str:
    """Return why a pattern was refused, in words that say what to write instead."""
    if _LOOKAROUND.search(text):
        return (
            "it looks ahead or behind, which RE2 cannot; match the surroundings and put a group around what you want"
        )
    if _BACKREFERENCE.search(text):
        return "it refers back to a group, which RE2 cannot; write the text out"
    if _ATOMIC.search(text):
        return "it has an atomic group or possessive quantifier, which RE2 cannot and need not; leave the + or ?> out"
    cause = error.args[0] if error.args else error
    return cause.decode("utf-8", errors="replace") if isinstance(cause, bytes) else str(cause)
