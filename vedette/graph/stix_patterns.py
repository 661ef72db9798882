"""Whether a text is a pattern of STIX 2.1: what others wrote is passed on as one only if everybody can read it. Pure.

Source: STIX Version 2.1, OASIS Standard; section 9 (patterning). Somewhat stricter where readers differ: names of
properties are lower case, hashes have the length of their kind, a qualifier comes once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from vedette.errors import VedetteError

MAX_PATTERN: Final = 100_000
"""Characters of a pattern."""

_DEEPEST: Final = 30
"""Brackets within brackets."""

_STEP: Final = r"(?:[A-Za-z][A-Za-z0-9_]{0,249}|'[^'\\\[\]\r\n]{1,250}')(?:\[(?:\*|[0-9]{1,9})\])?"
_TOKEN: Final = re.compile(
    r"\s+"
    rf"|(?P<path>[a-z][a-z0-9-]{{2,249}}:[a-z][a-z0-9_]{{2,249}}(?:\[(?:\*|[0-9]{{1,9}})\])?(?:\.{_STEP})*)"
    r"|(?P<time>t'[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z')"
    r"|(?P<text>'(?:[^'\\]|\\['\\])*')"
    r"|(?P<number>-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?)(?![0-9A-Za-z_.])"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<sign>!=|<=|>=|[=<>()\[\],])"
)
_HASHES: Final = {"MD5": 32, "SHA1": 40, "SHA256": 64, "SHA512": 128}
_HASH: Final = re.compile(r"\.'?([A-Za-z0-9-]+)'?\Z")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_MATCHES: Final = ("LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET")
_QUALIFIERS: Final = ("WITHIN", "REPEATS", "START")


class _NoPatternError(VedetteError):
    """The text is no pattern."""


def is_pattern(text: str) -> bool:
    """Tell whether a text is a pattern."""
    try:
        _Reading(list(_tokens(text))).whole()
    except _NoPatternError:
        return False
    return True


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > MAX_PATTERN:
        raise _NoPatternError("too long")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _NoPatternError(f"at {at}")
        if found.lastgroup:
            yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _length_of_hash(path: str) -> int:
    """Return how many digits the hash has that a path leads to; 0: it is none, or of another kind."""
    found = _HASH.search(path) if ":hashes." in path else None
    return _HASHES.get(found[1].upper().replace("-", ""), 0) if found else 0


class _Reading:
    """Reads tokens from left to right, as the grammar has them."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> None:
        """Read all of it."""
        self._joined(self._observation, ("FOLLOWEDBY", "OR", "AND"))
        if self._at < len(self._tokens):
            raise _NoPatternError("more follows")

    def _observation(self) -> None:
        """Read comparisons within brackets, or observations within parentheses, and what qualifies them."""
        if self._is("("):
            self._within(lambda: self._joined(self._observation, ("FOLLOWEDBY", "OR", "AND")))
        else:
            self._need("[")
            self._joined(self._comparison, ("AND", "OR"))
            self._need("]")
        seen: set[str] = set()
        while (word := self._word(_QUALIFIERS)) and word not in seen:
            seen.add(word)
            self._qualifier(word)
        if word:
            raise _NoPatternError("a qualifier comes twice")

    def _qualifier(self, word: str) -> None:
        if word == "START":
            self._kind("time")
            self._need("STOP")
            self._kind("time")
            return
        number = self._kind("number")
        if number.startswith("-") or (word == "REPEATS" and (not number.isdigit() or number == "0")):
            raise _NoPatternError("no such number of times")
        self._need("SECONDS" if word == "WITHIN" else "TIMES")

    def _comparison(self) -> None:
        if self._is("("):
            self._within(lambda: self._joined(self._comparison, ("AND", "OR")))
            return
        path = self._kind("path")
        self._word(("NOT",))
        if self._word(_MATCHES):
            self._kind("text")
        elif self._word(("IN",)):
            # The validator of OASIS takes a list of hashes for one hash that is wrong.
            if _length_of_hash(path):
                raise _NoPatternError("a list of hashes")
            self._need("(")
            self._joined(lambda: self._literal(path), (",",))
            self._need(")")
        elif self._word(("=", "!=")):
            self._literal(path)
        elif self._word(("<", ">", "<=", ">=")):
            self._literal(path, ordered=True)
        else:
            raise _NoPatternError("no operator")

    def _literal(self, path: str, *, ordered: bool = False) -> None:
        kind, text = self._next()
        if kind not in {"text", "number", "time"} and (ordered or text not in {"true", "false"}):
            raise _NoPatternError("no value")
        length = _length_of_hash(path)
        if length and (len(text) != length + 2 or not _HEX.fullmatch(text[1:-1])):
            raise _NoPatternError("no such hash")

    def _joined(self, read: Callable[[], None], words: tuple[str, ...]) -> None:
        read()
        while self._word(words):
            read()

    def _within(self, read: Callable[[], None]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NoPatternError("too deep")
        self._need("(")
        read()
        self._need(")")
        self._depth -= 1

    def _is(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in {("sign", text), ("word", text)}

    def _word(self, words: tuple[str, ...]) -> str:
        """Take one of these words or signs; empty where another comes."""
        found = next((word for word in words if self._is(word)), "")
        self._at += bool(found)
        return found

    def _need(self, text: str) -> None:
        if not self._word((text,)):
            raise _NoPatternError(f"no {text}")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _NoPatternError("it ends")
        self._at += 1
        return self._tokens[self._at - 1]

    def _kind(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise _NoPatternError(f"no {kind}")
        return text
