"""HTML as a row of tags and texts, each with its place: what a tree no longer knows, and a fact's proof needs.

The tags of a page that is broken are still tags; what is between them is text. The time is linear in the page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from vedette.extraction.prose.text.offsets import Piece

_COMMENT = re.compile(r"<!--(?:.*?-->|.*+)", re.DOTALL)
# Of a section of character data only its marks are taken away: what is in it may be markup (RSS).
_DECLARATION = re.compile(r"<!\[CDATA\[|<[!?][^>]*+>?")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,40}+)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(class|id|role|style|aria-hidden|hidden)(?![\w-])"
    r"(?:\s{0,9}=\s{0,9}(?:\"([^\"]{0,2000})|'([^']{0,2000})|([^\s\"'>]{1,200})))?",
    re.IGNORECASE,
)
_LONGEST_ATTRIBUTES = 4_000
# What is in them is no text, or, of a title, no markup (HTML, section 13.2.5: RCDATA, RAWTEXT and script data).
_RAW = frozenset({"script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp"})
_TEXT = re.compile(
    r"(?P<words>[^&\s]++(?: [^&\s]++)*+)|(?P<space>\s++)|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{2,32});?|&"
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag."""

    name: str
    """In lower case."""
    closes: bool
    attributes: str
    """As they are written."""

    def said(self) -> dict[str, str]:
        """Return the attributes that tell what an element is for, by their names in lower case."""
        found = _ATTRIBUTE.finditer(self.attributes[:_LONGEST_ATTRIBUTES])
        return {one[1].lower(): (one[2] or one[3] or one[4] or "").lower() for one in found}


@dataclass(frozen=True, slots=True)
class Run:
    """Text between tags."""

    start: int
    end: int


def read_markup(source: str) -> Iterator[Tag | Run]:
    """Yield the tags and texts of a page in order; a title's text comes between its tags, a script's not at all."""
    at = begin = 0
    while (found := source.find("<", at)) >= 0:
        tag = _TAG.match(source, found)
        other = None if tag is not None else _COMMENT.match(source, found) or _DECLARATION.match(source, found)
        if tag is None and other is None:
            at = found + 1
            continue
        if begin < found:
            yield Run(begin, found)
        at = begin = (tag or other).end()  # type: ignore[union-attr]
        if tag is not None:
            name = tag[2].lower()
            yield Tag(name, bool(tag[1]), tag[3])
            if name in _RAW and not tag[1]:
                end = _raw_end(source, at, name)
                if name == "title":
                    yield Run(at, end)
                at = begin = end
    if begin < len(source):
        yield Run(begin, len(source))


def _raw_end(source: str, at: int, name: str) -> int:
    found = _closing(name).search(source, at)
    return len(source) if found is None else found.start()


@cache
def _closing(name: str) -> re.Pattern[str]:
    return re.compile(f"</{name}", re.IGNORECASE)


def resolved(source: str, run: Run) -> str:
    """Return a text in one line, with its references resolved."""
    return " ".join(html.unescape(source[run.start : run.end]).split())


class DerivedText:
    """A text that is put together of parts of a source, and where each of them was."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[str] = []
        self.pieces: list[Piece] = []
        self.length = 0
        self._space: int | None = None

    def text(self) -> str:
        """Return it."""
        return "".join(self._parts)

    def finish(self) -> None:
        """End it: the last piece needs one behind it."""
        self.pieces.append(Piece(self.length, len(self._source), len(self._source)))

    def insert(self, text: str) -> None:
        """Add what is not in the source; a space that was to come is not needed."""
        self._space = None
        at = self.pieces[-1].source_end if self.pieces else 0
        self._add(text, at, at)

    def copy(self, run: Run, *, exactly: bool, begins: bool) -> bool:
        """Add text of the source, with its references resolved.

        Args:
            run: where it is.
            exactly: whether spaces and line ends mean something, as in `pre`; else several are one.
            begins: whether nothing stands before it in its block, so that it begins without a space.

        Returns:
            Whether anything but space was added.
        """
        written = False
        for found in _TEXT.finditer(self._source, run.start, run.end):
            if found["space"] is not None and not exactly:
                self._space = found.start() if self._space is None else self._space
                continue
            resolved = found[0] if found.lastgroup else html.unescape(found[0])
            if not exactly and resolved.isspace():
                self._space = found.start() if self._space is None else self._space
                continue
            if self._space is not None and (written or not begins):
                self._add(" ", self._space, self._space + 1)
            self._space = None
            self._add(resolved, found.start(), found.end())
            written = written or not resolved.isspace()
        return written

    def _add(self, text: str, source: int, source_end: int) -> None:
        last = self.pieces[-1] if self.pieces else None
        together = len(text) == source_end - source
        if (
            last is not None
            and together
            and last.source_end == source
            and self.length - last.start == last.source_end - last.source
        ):
            self.pieces[-1] = Piece(last.start, last.source, source_end)
        else:
            self.pieces.append(Piece(self.length, source, source_end))
        self._parts.append(text)
        self.length += len(text)
