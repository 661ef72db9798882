"""A text as it was before someone made its addresses harmless, and the way back to where each character stood.

People write `hxxps[:]//evil[.]example` so that nobody follows the link by mistake ("defanging"; there is no standard,
the forms are those seen in reports). What is no longer defanged can be read by simple patterns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

_SCHEMES: Final = r"h(?:[tx*z_+-]{2,3}|\[tt\]|\(tt\))p|meow|f[tx]p|sftp|wss?|ldap|tcp|udp"
_DEFANGED: Final = re.compile(
    # A scheme and what follows it: hxxp://, hXXps[:]//, http[s]://, h**p[://], [https:]//, hxxp:\\
    rf"(?<![^\W_])(?P<open>\[)?(?P<scheme>{_SCHEMES})(?P<secure>s|\[s\]|\(s\))?(?(open)\])"
    r"[\[({]?:[\])}]?(?P<slashes>(?:[\[({]?[/\\]{1,2}[\])}]?){1,2})"
    # evil[.]example, evil(dot)example, with spaces on both sides or none; a lone (.) may be a dot that is spoken of
    r"|(?P<spaced> (?!\( ?[.,:/]))?[\[({<] ?(?P<sign>\.|,|dot|d0t|at|@|:|://?|//?) ?[\])}>](?(spaced) )"
    # evil[.example and evil.]example
    r"|(?<=\w)(?:\[\.|\.\])(?=\w)"
    # evil\.example, and dots of other scripts
    r"|(?<=\w)(?:\\{1,2}\.|[\u2024\u3002\uff0e\uff61])(?=\w)"
    # What is not seen: soft hyphen, zero-width space and joiners, byte order mark
    r"|[\u00ad\u200b-\u200d\u2060\ufeff]+",
    re.IGNORECASE,
)
_SIGNS: Final = {"dot": ".", "d0t": ".", ",": ".", "at": "@"}
_QUICK: Final = re.compile(r"[\[\]({<\\]|://|[\u00ad\u200b-\u200d\u2024\u2060\u3002\ufeff\uff0e\uff61]")


def is_plain(raw: str) -> bool:
    """Tell at a glance that nothing in a text is defanged; False: one must look."""
    return _QUICK.search(raw) is None


class PlainText:
    """A text without defanging; offsets are those of characters."""

    def __init__(self, raw: str) -> None:
        """Make it of a text as it stands in a document."""
        self.raw = raw
        # Of each piece that was replaced: where it begins and ends, in the plain text and in the raw one.
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._raw_begins: list[int] = []
        self._raw_ends: list[int] = []
        self._harmless: list[int] = []
        self.text = raw if is_plain(raw) else self._plain()

    def _plain(self) -> str:
        pieces: list[str] = []
        done = size = 0
        for match in _DEFANGED.finditer(self.raw):
            made = _replacement(match)
            if made == match[0]:
                continue
            begin, end = match.span()
            pieces += (self.raw[done:begin], made)
            size += begin - done
            self._begins.append(size)
            if match["scheme"] or match["sign"] or match[0][:1] in "[.":
                self._harmless.append(size)
            size += len(made)
            self._ends.append(size)
            self._raw_begins.append(begin)
            self._raw_ends.append(end)
            done = end
        return "".join((*pieces, self.raw[done:]))

    def start(self, at: int) -> int:
        """Return where the character at a place of the plain text stands in the raw one."""
        place = bisect_right(self._begins, at) - 1
        # Nothing is left of what is not seen: what begins there begins behind it.
        if place < 0:
            return at
        if at < self._ends[place]:
            return self._raw_begins[place]
        return self._raw_ends[place] + at - self._ends[place]

    def end(self, at: int) -> int:
        """Return the end in the raw text of what ends at a place of the plain one."""
        last = at - 1
        place = bisect_right(self._begins, last) - 1
        if place < 0:
            return at
        if last < self._ends[place]:
            return self._raw_ends[place]
        return self._raw_ends[place] + at - self._ends[place]

    def was_defanged(self, start: int, end: int) -> bool:
        """Tell whether someone made a stretch of the plain text harmless: then it is no name of a file."""
        return bisect_right(self._harmless, end - 1) > bisect_right(self._harmless, start - 1)


def _replacement(match: re.Match[str]) -> str:
    if match["scheme"]:
        scheme = match["scheme"].lower()
        plain = "http" if scheme[0] in "hm" else scheme.replace("x", "t")
        # One slash in all is no URL's: `tcp:/` and the like stay.
        if len(re.sub(r"[^/\\]", "", match["slashes"])) < 2:
            return match[0]
        made = f"{plain}{'s' if match['secure'] else ''}://"
        # Capitals alone harm nobody, and stay.
        return match[0] if match[0].lower() == made else made
    if match["sign"]:
        sign = match["sign"].lower()
        return _SIGNS.get(sign, sign)
    return "" if match[0][0] in "\u00ad\u200b\u200c\u200d\u2060\ufeff" else "."
