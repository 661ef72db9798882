"""Routing keys and topic patterns: which consumers an item is for. Pure, no I/O.

A key is `<prefix>.in.<structured|unstructured>.<source-name>[.<data-name>]`, as in Stucco. A pattern is a key in
which `*` stands for exactly one word and `#` for any number of words, none included (AMQP 0-9-1, 3.1.3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from vedette.errors import RefusedError

MAX_KEY = 255
"""Characters of a pattern or of a key that is made here: AMQP's short string, so that RabbitMQ can carry it."""

ONE = "*"
"""Stands for exactly one word."""

ANY = "#"
"""Stands for any number of words, none included."""

_KINDS = ("structured", "unstructured")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingKey:
    """A key in its parts."""

    prefix: str
    """Who runs the pipeline; may be several words."""
    kind: Literal["structured", "unstructured"]
    """Whether extraction reads columns or sentences."""
    source: str
    """What made it, such as `nmap`: one word."""
    data_name: str = ""
    """Anything more, such as the probe's name; may hold dots."""

    def __str__(self) -> str:
        key = f"{self.prefix}.in.{self.kind}.{self.source}"
        return f"{key}.{self.data_name}" if self.data_name else key


def parse_key(text: str) -> RoutingKey:
    """Return the parts of a key.

    Raises:
        RefusedError: it does not have the form; says what is missing.
    """
    _check_text("source", text)
    words = text.split(".")
    if ONE in words or ANY in words:
        raise RefusedError("source", "is a pattern; a key has no wildcards")
    for place in range(1, len(words) - 2):
        if words[place] == "in" and words[place + 1] in _KINDS:
            return RoutingKey(
                prefix=".".join(words[:place]),
                kind=cast(Literal["structured", "unstructured"], words[place + 1]),
                source=words[place + 2],
                data_name=".".join(words[place + 3 :]),
            )
    raise RefusedError("source", "is not <prefix>.in.<structured|unstructured>.<source-name>[.<data-name>]")


def check_pattern(text: str) -> str:
    """Return the pattern if it is one.

    Raises:
        RefusedError: it is empty, too long, or has an empty word, a space, or a wildcard inside a word.
    """
    _check_text("pattern", text)
    for word in text.split("."):
        if word not in (ONE, ANY) and (ONE in word or ANY in word):
            raise RefusedError("pattern", f"{word[:64]!r}: a wildcard stands for whole words only")
    return text


def _check_text(field: str, text: str) -> None:
    if not text or len(text) > MAX_KEY:
        raise RefusedError(field, f"must have 1 to {MAX_KEY} characters, not {len(text)}")
    if "" in text.split("."):
        raise RefusedError(field, "has an empty word: two dots in a row, or one at an end")
    if not text.isprintable() or " " in text:
        raise RefusedError(field, "holds a space or a control character")


@lru_cache(maxsize=4096)
def matches(pattern: str, key: str | None) -> bool:
    """Tell whether a key matches a pattern; an item without a key is matched by `#` alone.

    Any text may be asked about, as agents write what they want into `meta.source`: empty words are words too.
    The time is bounded by the product of both lengths, whatever the pattern.
    """
    words = _words(pattern)
    # Places in the pattern that the words read so far can have led to.
    places = _skip_any(words, {0})
    for word in _words(key or ""):
        places = _skip_any(words, {_next(words, place) for place in places if _takes(words, place, word)})
        if not places:
            return False
    return len(words) in places


def _words(text: str) -> list[str]:
    return text.split(".") if text else []


def _takes(pattern: list[str], place: int, word: str) -> bool:
    return place < len(pattern) and pattern[place] in (word, ONE, ANY)


def _next(pattern: list[str], place: int) -> int:
    return place if pattern[place] == ANY else place + 1


def _skip_any(pattern: list[str], places: set[int]) -> set[int]:
    """Return the places with those that an empty `#` leads on to."""
    reached = set(places)
    for place in places:
        at = place
        while at < len(pattern) and pattern[at] == ANY:
            at += 1
            reached.add(at)
    return reached
