"""Versions: numbers that stand where versions do, behind a product, "version", "before", and in lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_VERSION = re.compile(
    r"v?\d{1,8}(?:\.\d{1,10}){0,6}(?:\.[x*]|\.?[a-z]{1,3}\d{0,4}|\(\d{1,4}\)\w{0,6})?"
    r"(?:[-_+~.](?:(?:rc|beta|alpha|build|patch|update|sp|p|r|b|m|h|dev|pre|ga|final|release)[-.]?\d{0,6}|\d{1,6})){0,3}",
    re.IGNORECASE,
)
_RELEASE = re.compile(r"\d{2}[hH][12]")
_CERTAIN = re.compile(r"v\d{1,4}(?:\.\w{1,8}){1,5}|\d{1,6}(?:\.\d{1,10}){2,6}\w{0,6}")

_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:19|20)\d{2}|(?:19|20)\d{2}\.\d{1,2}\.\d{1,2}")

_NO_VERSION = re.compile(r"365|\d+-?(?:st|nd|rd|th|bit|g|d|fa|k|m|kb|mb|gb|tb|hz|am|pm|s|h|x)", re.IGNORECASE)

_NAMING = "version versions ver ver. release releases build firmware branch v v."
_BOUNDING = "before prior through thru until since than < <= > >= below"
_JOINING = """
, and or to from up earlier later newer older - \N{EN DASH} / & ( including also all the in series lower higher = :
starting with
"""
_MEASURING = """
million billion thousand percent % times gb mb kb tb days hours minutes years weeks months seconds people users
victims countries score points bytes bit bits
"""
_NUMBERING = """
section sections figure fig. table chapter score cvss cvssv3 step page appendix port ports rule event id no. rated
rating base $ # january february march april may june july august september october november december
jan feb mar apr jun jul aug sep oct nov dec jan. feb. mar. apr. jun. jul. aug. sept. oct. nov. dec.
"""

_SCORES: Final = frozenset({"cvss", "cvssv2", "cvssv3", "cvssv4", "score", "scored", "scores", "severity", "epss"})
_NAMED: Final = frozenset(_NAMING.split())
_BOUNDS: Final = frozenset(_BOUNDING.split())
_BETWEEN: Final = frozenset(_JOINING.split())
_UNITS: Final = frozenset(_MEASURING.split())
_OTHERS: Final = frozenset(_NUMBERING.split())
_BEFORE_YEARS: Final = frozenset({"in", "since", "until", "from", ",", "and", "(", "during"})


def is_version(word: str) -> bool:
    """Tell whether a word has the form of a version."""
    if _NO_VERSION.fullmatch(word):
        return False
    return _VERSION.fullmatch(word) is not None or _RELEASE.fullmatch(word) is not None


def is_score(words: Sequence[str], place: int) -> bool:
    """Tell whether a number is how bad a vulnerability is: "CVSS score of 9.8"."""
    return any(word.lower() in _SCORES for word in words[max(place - 3, 0) : place])


def joins_versions(word: str) -> bool:
    """Tell whether a word stands between versions, or before one, as "through" and "version" do."""
    low = word.lower()
    return low in _BETWEEN or low in _BOUNDS or low in _NAMED


def find_versions(words: Sequence[str], products: Sequence[bool]) -> Iterator[int]:
    """Yield the places of a sentence's words that are versions.

    A word that names versions, a bound, or a product opens a list; a list goes on through commas, "and" and bounds.
    Behind a mere bound, and within a sentence that names no product, a version has a dot: "before 2019" is a year.

    Args:
        words: of the sentence.
        products: of each, whether it is the last of a product's or system's name, or of its update.
    """
    opened = dotted_only = False
    for place, word in enumerate(words):
        low = word.lower()
        if products[place] or low in _NAMED:
            opened, dotted_only = True, False
        elif is_version(word):
            fits = opened and not (dotted_only and "." not in word)
            opened = (fits or _CERTAIN.fullmatch(word) is not None) and not _is_other_number(words, place)
            if opened:
                yield place
        elif low in _BOUNDS:
            dotted_only = dotted_only or not opened
            opened = True
        elif low not in _BETWEEN:
            opened = False


def _is_other_number(words: Sequence[str], place: int) -> bool:
    """Tell whether a number is no version, as the words beside it show: `2 million`, `section 4.1`, a date."""
    before = words[place - 1].lower() if place else ""
    behind = words[place + 1].lower() if place + 1 < len(words) else ""
    return behind in _UNITS or before in _OTHERS or _is_date(words[place], before)


def _is_date(word: str, before: str) -> bool:
    """Tell whether a number is rather a date, or a year: behind a word that a year stands behind."""
    if _DATE.fullmatch(word):
        return True
    return len(word) == 4 and word.isdigit() and word[:2] in {"19", "20"} and before in _BEFORE_YEARS
