"""Which language a text is in, and whether it is read: only English is.

Function words tell English soon and cheaply; py3langid's model (80 MB when it is loaded, in a second) is asked only
where they do not, so that a process that reads English alone never loads it.
"""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from py3langid.langid import LanguageIdentifier

SAMPLE: Final = 4_000
"""Characters that are looked at."""

ENGLISH: Final = "en"
UNKNOWN: Final = ""

_SHORT = 25
"""Letters of a text that is too short to tell its language from."""

_SURE = 0.8
"""Probability below which a language is unknown."""

_FUNCTION_WORDS = """
the of and to in is that for was on with as are it by be this from at or an were has have which not its their they
been also but can more had other will these after than into when used via using may such no our we you if one all
could would should he she his her who there some two before during between allows through within where while
"""
_COMMON = frozenset(_FUNCTION_WORDS.split())
# Of these, other languages have some as well ("in", "die", "no", "was"), so a few alone show nothing.
_ENGLISH_SHARE = 0.2
_ENOUGH = 12
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NAME = re.compile(r"[@\\_\d]|://|\[\.\]|\.\w")


def language_of(text: str) -> str:
    """Return the language of a text (ISO 639-1); empty where it is too short to tell, or none that is known."""
    # Addresses, file names and versions are of no language.
    sample = [chunk for chunk in text[:SAMPLE].split() if not _NAME.search(chunk)]
    words = _WORD.findall(" ".join(sample))
    if sum(map(len, words)) < _SHORT:
        return UNKNOWN
    if _looks_english(words):
        return ENGLISH
    found, probability = _identifier().classify(" ".join(words))
    return str(found) if probability >= _SURE else UNKNOWN


def is_read(text: str) -> bool:
    """Tell whether a text is read: it is English, or too short to tell and nothing in it speaks against English."""
    found = language_of(text)
    if found:
        return found == ENGLISH
    letters = [one for one in text[:SAMPLE] if one.isalpha()]
    return sum(one.isascii() for one in letters) >= 0.9 * len(letters)


def _looks_english(words: list[str]) -> bool:
    common = sum(word.lower() in _COMMON for word in words)
    return len(words) >= _ENOUGH and common >= _ENGLISH_SHARE * len(words)


@cache
def _identifier() -> LanguageIdentifier:
    """Return py3langid's model, unpacked in memory: its own way takes a file, and who parses may not write one."""
    import lzma
    from io import BytesIO

    import numpy
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

    with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
        unpacked = BytesIO(packed.read())
    with numpy.load(unpacked, allow_pickle=False) as data:
        return LanguageIdentifier(
            data["ptc"],
            data["pc"],
            data["classes"].tolist(),
            _whole_numbers(data["nextmove"]),
            data["out_feat"].tolist(),
            tk_row=_whole_numbers(data["nextmove_row"]),
            norm_probs=True,
        )


def _whole_numbers(values: NDArray[Any]) -> array[int]:
    """Return whole numbers as the array of the standard library that py3langid reads faster than numpy's."""
    found: array[int] = array({2: "H", 4: "I", 8: "L"}[values.dtype.itemsize])
    found.frombytes(values.tobytes())
    return found
