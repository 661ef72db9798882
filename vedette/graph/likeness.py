"""How alike two names are: which pairs are worth comparing, the score, and from which score on they are the same.

The thresholds are calibrated on labelled pairs (`tools/calibrate-likeness`, ADR 34). Names whose numbers or short
words differ are different whatever else they share: `APT28` and `APT29`, `Agent.AA` and `Agent.AB`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from rapidfuzz import fuzz

VERSION: Final = "1"
"""Changes with the scores or thresholds: which rule decided a pair."""

_WORD = re.compile(r"[^\W\d_]+|\d+")
_LISTED = re.compile(r"_[^_\s]+\.[a-z][a-z0-9-]+$")
"""How a name ends that a list made of a host (`MalwareDomainList_example.com`): there each letter matters."""

_SHORT: Final = 3
"""Letters of a word that must be the same in both names: it tells variants apart."""

_LEAST: Final = 5
"""Letters of a name below which only equal ones are alike."""

_LONG: Final = 16
"""Letters of a name from which on its parts are compared, where one may differ in more than one letter."""

_BANDS: Final = 8
_ROWS: Final = 3
_MASK: Final = 0xFFFF_FFFF
_MULTIPLIERS: Final = tuple((2 * index + 1) * 0x9E37_79B1 & _MASK for index in range(_BANDS * _ROWS))


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """What a score means for names of one group."""

    same: float
    """From here on they are the same thing."""
    review: float
    """From here on a person decides."""
    noise: frozenset[str] = frozenset()
    """Words that say nothing of which one it is."""


_ENGLISH: Final = frozenset(
    ("the", "inc", "llc", "ltd", "limited", "plc", "corp", "corporation", "company", "co", "pty")
)
_EUROPEAN: Final = frozenset(("gmbh", "ag", "kg", "sa", "sas", "bv", "nv", "oy", "ab", "srl", "spa"))

THRESHOLDS: Final[Mapping[str, Threshold]] = {
    "malware": Threshold(
        same=0.94,
        review=0.85,
        noise=frozenset(("the", "malware", "trojan", "ransomware", "worm", "virus", "family", "backdoor", "botnet")),
    ),
    "actor": Threshold(same=0.94, review=0.85, noise=frozenset(("the", "group", "grp", "team", "gang", "hackers"))),
    "campaign": Threshold(same=0.94, review=0.85, noise=frozenset(("the", "operation", "op", "campaign"))),
    "product": Threshold(same=0.98, review=0.94, noise=frozenset(("the",))),
    "organization": Threshold(
        same=0.95,
        review=0.9,
        noise=_ENGLISH | _EUROPEAN,
    ),
}
"""By group, as the ontology names it."""


@dataclass(frozen=True, slots=True)
class _Name:
    """What of a name is compared."""

    letters: str
    """Its words in one, without numbers and noise."""
    ordered: str
    """The same, the words in alphabetical order."""
    numbers: tuple[str, ...]
    short: tuple[str, ...]
    """Words of up to three letters, in alphabetical order."""
    is_listed: bool
    """Whether it is made of a host."""


@lru_cache(maxsize=50_000)
def _name(group: str, canonical: str) -> _Name:
    noise = THRESHOLDS[group].noise
    found = _WORD.findall(canonical)
    words = [word for word in found if not word.isdigit() and word not in noise] or found
    return _Name(
        letters="".join(words),
        ordered="".join(sorted(words)),
        numbers=tuple(sorted(word.lstrip("0") for word in found if word.isdigit())),
        is_listed=_LISTED.search(canonical, max(0, canonical.rfind("_"))) is not None,
        short=tuple(sorted(word for word in words if len(word) <= _SHORT)),
    )


def likeness(group: str, first: str, second: str) -> float:
    """Return how alike two canonical names are, 0 to 1; the same whichever comes first."""
    if first == second:
        return 1.0
    one, other = _name(group, first), _name(group, second)
    if one.is_listed or other.is_listed or one.numbers != other.numbers:
        return 0.0
    if one.letters == other.letters or one.ordered == other.ordered:
        return 1.0
    if one.short != other.short or min(len(one.letters), len(other.letters)) < _LEAST:
        return 0.0
    return max(fuzz.ratio(one.letters, other.letters), fuzz.ratio(one.ordered, other.ordered)) / 100


def blocks(kind: str, group: str, canonical: str) -> frozenset[int]:
    """Return the blocks that a name is in: names of one kind are compared if they share one.

    What blocks a name is in depends on nothing but the name, so that it does not matter in which order names come.
    Those of a short name: itself, and what is left without any one letter (names that differ by one letter share
    one). Those of a long name: MinHash over its trigrams in bands (Broder 1997; 8 bands of 3: names that share 60 %
    of their trigrams meet in 86 % of cases, 75 % in 99 %).
    """
    name = _name(group, canonical)
    salt = f"{kind}\0{' '.join(name.numbers)}\0"
    if name.is_listed:
        return frozenset((_hash(f"{salt}{canonical}"),))
    texts = {name.letters, name.ordered}
    if _LEAST <= len(name.letters) < _LONG:
        texts.update(name.letters[:at] + name.letters[at + 1 :] for at in range(len(name.letters)))
    found = {_hash(f"{salt}{text}") for text in texts}
    if len(name.letters) >= _LONG:
        found.update(_hash(f"{salt}{band}") for band in _bands(name.ordered))
    return frozenset(found)


def _bands(text: str) -> list[str]:
    shingles = [_hash(text[at : at + 3]) & _MASK for at in range(len(text) - 2)]
    least = [min(multiplier * shingle & _MASK for shingle in shingles) for multiplier in _MULTIPLIERS]
    return [f"{band}:{least[band * _ROWS : (band + 1) * _ROWS]}" for band in range(_BANDS)]


def _hash(text: str) -> int:
    """Return 63 bits: both databases have signed numbers of 64."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1
