"""Words: where each word, number and sign of a text begins and ends.

Words are cut as the model's training data cuts them: clitics apart as in Universal Dependencies' English treebanks
("do n't", "Cisco 's"), hyphens kept as in the cyber-security data sets ("zero-day"); addresses, paths, file names and
versions whole. The time is linear in the text: what a part of the pattern takes and gives back again is bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

MAX_TOKEN: Final = 1_000
"""Characters of a token; a longer one is cut into several."""

_SHORTENED = """
mr mrs ms dr prof rev gen sen rep gov capt lt col sgt maj cmdr st ste sts ave blvd rd ft mt jr sr messrs drs pvt
jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri
inc corp ltd co llc bros plc gmbh dept univ assn assoc intl natl govt
vs v etc ect al cf ca approx est incl excl resp eds viz tel esq hon avg ps ext
"""
_SHORTENED_BEFORE_NUMBERS = "no nos fig figs eq sec ch art para p pp vol ed app ver ref refs min max"
_NEGATED = "do does did is are was were have has had would could should"
_WITH_STOP = frozenset(_SHORTENED.split())
_WITH_STOP_BEFORE_NUMBERS = frozenset(_SHORTENED_BEFORE_NUMBERS.split())
# Marks that combine with the letter before, and what joins or divides letters without being seen.
_LETTER = "[\\w\u0300-\u036f\u00ad\u200c\u200d\ufe0f]"
# Spaces, and characters without width that stand for one.
_SPACE = "\\s\u200b\u2060\ufeff"
_STEP = r"[\w.+-]{1,100}+/"
_KINDS = (
    rf"(?P<address>(?:[A-Za-z][A-Za-z0-9+]{{1,10}}+://|www\.)[^{_SPACE}\"<>“”|]++)",
    rf"(?P<path>(?:[A-Za-z]:|%\w{{1,40}}+%|HK[A-Z_]{{1,30}}+|\\)\\[^{_SPACE}\"<>|,;“”]++)",
    r"[\w.+%-]{1,64}+@\w[\w-]*+(?:\.[\w-]++)*+",  # of mail; user@host
    r"(?:[A-Za-z]\.){2,20}+(?!\w)",  # U.S., e.g.
    r"v?\d++(?:\.\d++)*+(?:\.[x*]|\(\d++\)\w*+)(?!\w)",  # 2.x, 7.2(1)
    r"(?P<rooted>(?<![\w/])(?:~|\.{1,2})?/(?=[\w.])[\w.+~-]++(?:/[\w.+~-]++)*+/?)",  # /etc/passwd
    rf"\w{_STEP}(?:{_STEP})++[\w+-]*+(?:\.\w++)*+",  # lib/a/b.php; 24/12/2020
    rf"\w{_STEP}[\w+-]{{1,100}}+\.[A-Za-z]\w{{0,4}}+(?!\w)",  # lib/b.php
    rf"\d++(?:[.,:/-]\d++|T\d\d)*+{_LETTER}*+(?:-{_LETTER}++)*+",  # 12,000; 10:30; 64-bit
    r"\w++(?:::~?\w++)++",  # std::string
    r"%\w{1,40}+%",  # %TEMP%
    rf"(?:\*?\.|--|[@#])(?=[A-Za-z]){_LETTER}++(?:[-.]{_LETTER}++)*+",  # .NET, *.exe, --help, #tag
    r"[A-Za-z]\w{2,20}+:(?:Win(?:32|64)|Android|Linux|MSIL|JS|VBS|O97M|MacOS|PowerShell)/[\w./!-]*+",
    r"[A-Za-z]/[A-Za-z](?!\w)",  # I/O
    rf"(?P<word>{_LETTER}++(?:[-.'\u2019@&\\]{_LETTER}++)*+(?:\+\+|#(?!\w)|\(\))?)",
    r"[:;]-?[)(DP](?!\w)",  # :-)
    r"[.!?]{2,}+",
    r"[-=~]{2,}+",
    r"(?P<run>[-=*~+$<>])(?P=run)*+",
    rf"[^{_SPACE}]",
)
_TOKEN = re.compile("|".join(_KINDS))
_GAP = re.compile(f"[{_SPACE}]++")
_CLITIC = re.compile(r"(?i:n['\u2019]t|['\u2019](?:s|m|d|re|ve|ll))$")
_LONGEST_CONTRACTION = 60
# What is two words though nothing shows it, and where the second begins.
_CONTRACTED = {"cannot": 3, "gonna": 3, "wanna": 3, "gotta": 3, "cant": 2, "wont": 2, "im": 1, "ive": 1, "thats": 4}
_CONTRACTED |= {"alot": 1, "outta": 3, "youre": 3, "theyre": 4, "whats": 4, "theres": 5}
_CONTRACTED |= {f"{verb}nt": len(verb) for verb in _NEGATED.split()}
_NUMBER_NEXT = re.compile(rf"\.[{_SPACE}]{{0,3}}\d")
_NAME_NEXT = re.compile(rf"\.[{_SPACE}]{{1,3}}[A-Z]")
# What may belong to the sentence around an address rather than to it.
_TRAILING = frozenset(".,;:!?'\u2019”)]}*…")
_OPENING = {")": "(", "]": "[", "}": "{"}

Place = tuple[int, int]
"""Where something begins, and behind its end."""


def tokens(text: str, start: int, end: int, whole: Sequence[Place] = ()) -> list[Place]:
    """Return where the tokens of a part of a text begin and end, in order; what is between them is space.

    Args:
        text: the text.
        start: where the part begins.
        end: behind its end.
        whole: places of what is one token each (indicators), in order, not overlapping; those of other parts are
            passed over, those that reach out of this one cut.
    """
    found: list[Place] = []
    at = start
    for first, last in _within(whole, start, end):
        found.extend(_scan(text, at, first))
        found.extend(_cut(first, last))
        at = last
    found.extend(_scan(text, at, end))
    return found


def _within(whole: Sequence[Place], start: int, end: int) -> Iterator[Place]:
    at = max(bisect_left(whole, (start, start)) - 1, 0)
    while at < len(whole) and whole[at][0] < end:
        first, last = max(whole[at][0], start), min(whole[at][1], end)
        if first < last:
            yield first, last
        at += 1


def _scan(text: str, at: int, end: int) -> Iterator[Place]:
    while at < end:
        gap = _GAP.match(text, at, end)
        if gap is not None:
            at = gap.end()
            continue
        found = _TOKEN.match(text, at, end)
        # The last part of the pattern takes whatever is no space.
        last = at + 1 if found is None else found.end()
        kind = None if found is None else found.lastgroup
        if kind in {"address", "path", "rooted"}:
            last = _trimmed(text, at, last)
        if kind == "word":
            yield from _words(text, at, last, end)
            last = _with_stop(text, at, last, end)
        else:
            yield from _cut(at, last)
        at = last


def _trimmed(text: str, start: int, end: int) -> int:
    """Return the end of an address without what belongs to the sentence; a bracket that it opens is its own."""
    head = text[start : start + MAX_TOKEN]
    while end > start + 1 and text[end - 1] in _TRAILING:
        if _OPENING.get(text[end - 1], "\n") in head:
            break
        end -= 1
    return end


def _words(text: str, start: int, end: int, limit: int) -> Iterator[Place]:
    """Yield the words that are written as one, the last one with its full stop where it has one."""
    last = _with_stop(text, start, end, limit)
    if last == end and end - start <= _LONGEST_CONTRACTION:
        word = text[start:end]
        clitic = _CLITIC.search(word)
        cut = clitic.start() if clitic is not None else _CONTRACTED.get(word.lower(), 0)
        if cut:
            yield start, start + cut
            start += cut
    yield from _cut(start, last)


def _with_stop(text: str, start: int, end: int, limit: int) -> int:
    """Return the end of a word, behind the full stop where that is part of it."""
    if end >= limit or text[end] != "." or text.startswith("..", end) or end - start > 6:
        return end
    word = text[start:end]
    low = word.lower()
    if low in _WITH_STOP:
        return end + 1
    if low in _WITH_STOP_BEFORE_NUMBERS:
        return end + 1 if _NUMBER_NEXT.match(text, end, limit) else end
    initial = len(word) == 1 and word.isupper() and _NAME_NEXT.match(text, end, limit)
    return end + 1 if initial else end


def _cut(start: int, end: int) -> Iterator[Place]:
    for at in range(start, end, MAX_TOKEN):
        yield at, min(at + MAX_TOKEN, end)
