"""The text of a page, by what its parts are: what is said, and what frames it (menus, banners, footers).

A part's elements tell what it is, and what it is for; where they do not, that it is links and little else
(Kohlschütter et al. 2010, "Boilerplate Detection using Shallow Text Features"). Nothing is left out of the text: what
frames it is marked as that, so that a wrong decision hides nothing from the patterns for indicators.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from vedette.extraction.prose.annotated import BlockKind
from vedette.extraction.prose.text.blocks import Block, blocks
from vedette.extraction.prose.text.elements import (
    BODIES,
    CELLS,
    EMPTY,
    HEADINGS,
    INLINE,
    ITEMS,
    SIBLINGS,
    frame,
    is_hidden,
)
from vedette.extraction.prose.text.lines import is_frame
from vedette.extraction.prose.text.markup import DerivedText, Run, Tag, read_markup, resolved
from vedette.extraction.prose.text.offsets import Piece

_DEEPEST = 1_000
_REACH = 20
_LARGE_CELL = 300
_LINKED = 0.7


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows."""

    text: str
    title: str
    blocks: Sequence[Block]
    pieces: Sequence[Piece]
    """Where its text stands in the page."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Text without a block element in it."""

    start: int
    end: int
    kind: BlockKind
    linked: int
    """Characters of it that are links."""
    frame: int
    """How surely its elements say that it frames the page: 2 by what they are, 1 by what they are called."""
    in_body: bool
    """Within the element that holds the page's article."""
    table: int
    """Number of the table that it is in a cell of; 0: of none."""
    cell: int
    """Number of the cell."""


@dataclass(slots=True)
class _Open:
    name: str
    hidden: bool
    frame: int


@dataclass(slots=True)
class _Scanner:
    """Follows the tags of a page."""

    source: str
    made: DerivedText
    title: str = ""
    parts: list[_Part] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    names: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    hidden: int = 0
    frames: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    start: int = -1
    """Where the part that is being written begins; -1: none is."""
    linked: int = 0
    tables: int = 0
    row: int = 0
    cell: int = 0
    last_row: int = -1
    nested: list[int] = field(default_factory=list)

    def follow(self) -> None:
        """Read the whole page."""
        for found in read_markup(self.source):
            if isinstance(found, Run):
                self._write(found)
            elif found.closes:
                self._close(found.name)
            else:
                self._open(found)
        self._flush()
        self.made.finish()

    def _write(self, run: Run) -> None:
        if self.names["title"] and not self.names["svg"]:
            self.title = self.title or resolved(self.source, run)
            return
        if self.hidden:
            return
        begins = self.start < 0
        if begins and not self.source[run.start : run.end].strip():
            return
        if begins:
            self._separate()
        before = self.made.length
        exactly = bool(self.names["pre"] or self.names["listing"])
        if self.made.copy(run, exactly=exactly, begins=begins) and begins:
            self.start = before
        if self.names["a"]:
            self.linked += self.made.length - before

    def _separate(self) -> None:
        """Write what divides the part that begins from the one before."""
        if not self.parts:
            return
        table = self.nested[-1] if self.nested else 0
        if table and self.parts[-1].table == table:
            self.made.insert("\t" if self.row == self.last_row else "\n")
        else:
            self.made.insert("\n" if self.parts[-1].kind == "list" and self._kind() == "list" else "\n\n")

    def _flush(self) -> None:
        if self.start < 0:
            return
        table = self.nested[-1] if self.nested and any(self.names[name] for name in CELLS) else 0
        surest = max((level for level, count in self.frames.items() if count), default=0)
        self.parts.append(
            _Part(self.start, self.made.length, self._kind(), self.linked, surest, self._in_body(), table, self.cell)
        )
        self.start, self.linked, self.last_row = -1, 0, self.row

    def _in_body(self) -> bool:
        return any(self.names[name] for name in BODIES)

    def _kind(self) -> BlockKind:
        if self.names["pre"] or self.names["listing"]:
            return "code"
        if any(self.names[name] for name in HEADINGS):
            return "heading"
        return "list" if any(self.names[name] for name in ITEMS) else "prose"

    def _open(self, tag: Tag) -> None:
        name = tag.name
        if name == "br" and self.start >= 0:
            self.made.insert("\n")
        if name not in INLINE and name != "br":
            self._flush()
        if name in EMPTY:
            return
        if self.open and self.open[-1].name == name and name in SIBLINGS:
            self._pop()
        self._count(name)
        # Nobody nests so deep but to do harm.
        if len(self.open) < _DEEPEST:
            self._push(tag)

    def _count(self, name: str) -> None:
        """Number rows, cells and tables."""
        if name == "tr":
            self.row += 1
        elif name in CELLS:
            self.cell += 1
        elif name == "table":
            self.tables += 1
            self.nested.append(self.tables)

    def _push(self, tag: Tag) -> None:
        name = tag.name
        said = {} if name in INLINE and name != "span" else tag.said()
        opened = _Open(name, is_hidden(name, said), frame(name, said, in_body=self._in_body()))
        self.open.append(opened)
        self.names[name] += 1
        self.hidden += opened.hidden
        self.frames[opened.frame] += 1

    def _close(self, name: str) -> None:
        if name not in INLINE and name != "br":
            self._flush()
        if not self.names[name]:
            return
        if name in INLINE:
            reached = next(
                (one for one in self.open[: -_REACH - 1 : -1] if one.name == name or one.name not in INLINE), None
            )
            if reached is None or reached.name != name:
                return
        while self._pop() != name:
            pass

    def _pop(self) -> str:
        closed = self.open.pop()
        self.names[closed.name] -= 1
        self.hidden -= closed.hidden
        self.frames[closed.frame] -= 1
        if closed.name == "table" and self.nested:
            self.nested.pop()
        return closed.name


def page_of(source: str) -> Page:
    """Return what a page shows, all of it, and where."""
    scanner = _Scanner(source, DerivedText(source))
    scanner.follow()
    text = scanner.made.text()
    found = [block for part in _judged(text, scanner.parts) for block in part]
    return Page(text, scanner.title, found, scanner.made.pieces)


def _judged(text: str, parts: Sequence[_Part]) -> Iterator[list[Block]]:
    """Yield the blocks of each part, or of each table."""
    parts = _without_false_frames(parts)
    has_body = _has_body([part for part in parts if not part.frame])
    for table, members in groupby(parts, key=lambda part: part.table):
        same = list(members)
        if table and len(same) > 1 and _has_small_cells(same):
            framed = any(part.frame for part in same)
            yield [Block(same[0].start, same[-1].end, "boilerplate" if framed else "table")]
            continue
        for part in same:
            if _is_boilerplate(text, part, has_body=has_body):
                yield [Block(part.start, part.end, "boilerplate")]
            else:
                yield _inner(text, part)


def _has_body(parts: Sequence[_Part]) -> bool:
    """Tell whether enough of a page is in what it calls its article to leave out the rest."""
    inside = sum(part.end - part.start for part in parts if part.in_body)
    return inside >= 500 and inside >= 0.4 * sum(part.end - part.start for part in parts)


def _has_small_cells(parts: Sequence[_Part]) -> bool:
    """Tell whether a table is one of facts, rather than of what is set beside each other."""
    cells = groupby(parts, key=lambda part: part.cell)
    return all(sum(part.end - part.start for part in members) <= _LARGE_CELL for _, members in cells)


def _without_false_frames(parts: Sequence[_Part]) -> Sequence[_Part]:
    """Return parts with those that are only called a frame taken for none, where hardly anything else were left."""
    kept = sum(part.end - part.start for part in parts if not part.frame)
    called = sum(part.end - part.start for part in parts if part.frame == 1)
    if kept >= 200 or called <= 3 * kept:
        return parts
    return [replace(part, frame=0) if part.frame == 1 else part for part in parts]


def _is_boilerplate(text: str, part: _Part, *, has_body: bool) -> bool:
    if part.frame or (has_body and not part.in_body and part.kind != "heading"):
        return True
    length = part.end - part.start
    if part.kind in {"heading", "code"}:
        return False
    written = text[part.start : min(part.end, part.start + 2_000)]
    if part.linked > _LINKED * length and length < 300:
        # A list of addresses or hashes may be links to what is known of them.
        return not (len(written.split()) == 1 and any(one.isdigit() or one == "." for one in written))
    return length <= 200 and is_frame(written)


def _inner(text: str, part: _Part) -> list[Block]:
    """Return the blocks of a part; lines that `br` broke, and a text in `pre`, are judged as plain text is."""
    whole = [Block(part.start, part.end, part.kind)]
    if part.kind not in {"prose", "code"} or "\n" not in text[part.start : part.end]:
        return whole
    found = blocks(text, part.start, part.end)
    if part.kind == "prose":
        return found
    said = sum(block.end - block.start for block in found if block.kind in {"prose", "heading", "list"})
    return found if said > 0.6 * (part.end - part.start) else whole
