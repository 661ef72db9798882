"""SimHash (Charikar 2002; Manku et al. 2007): 64 bits that differ little where texts differ little."""

from __future__ import annotations

import re
from hashlib import blake2b

BITS = 64
"""Bits of a hash."""

NEAR = 3
"""Bits by which near-duplicates differ at most (Manku et al. 2007, section 4.2)."""

MIN_WORDS = 32
"""Words below which a text says too little to be compared."""

MAX_WORDS = 50_000
"""Words that are looked at."""

BLOCKS = NEAR + 1
"""Of so many equal parts, two hashes that are near share at least one: there a database looks them up."""

_WORDS = re.compile(r"[^\W_]+")
_UNSEEN = re.compile(r"</?(?:script|style)\b", re.IGNORECASE)
_SHINGLE = 3


def simhash(text: str) -> int | None:
    """Return the hash of a text, tags apart; None where it has too few words to be compared."""
    words = _WORDS.findall(_without_tags(text).lower())[:MAX_WORDS]
    if len(words) < MIN_WORDS:
        return None
    shingles = set(map(" ".join, zip(*(words[place:] for place in range(_SHINGLE)), strict=False)))
    hashed = b"".join([blake2b(shingle.encode(), digest_size=8).digest() for shingle in shingles])
    half = len(shingles) // 2
    made = 0
    # A column of bytes as one long number, counted in C: bit by bit in Python takes thirty times as long.
    for place in range(BITS // 8):
        column = int.from_bytes(hashed[place :: BITS // 8], "little")
        for bit in range(8):
            ones = int.from_bytes(bytes([1 << bit]) * len(shingles), "little")
            if (column & ones).bit_count() > half:
                made |= 1 << (place * 8 + bit)
    return made


def distance(one: int, other: int) -> int:
    """Return in how many bits two hashes differ."""
    return (one ^ other).bit_count()


def blocks(value: int) -> tuple[int, ...]:
    """Return the parts of a hash, by which a near one is found."""
    width = BITS // BLOCKS
    return tuple((value >> (place * width)) & ((1 << width) - 1) for place in range(BLOCKS))


def _without_tags(text: str) -> str:
    """Return what a reader of a page sees, roughly; in linear time, whatever is open and never closed."""
    if "<" not in text:
        return text
    # Every other piece lies between an opening and a closing tag.
    seen = "<".join(_UNSEEN.split(text)[::2])
    first, *rest = seen.split("<")
    return " ".join([first, *(piece.partition(">")[2] for piece in rest)])
