"""Parts of a text, by what they are: prose, headings, lists, tables, code, and what frames a page.

Plain text has no marks to go by but its lines: what a line looks like, and whether it was broken because it was full.
Markdown is plain text with some marks more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from vedette.extraction.prose.annotated import BlockKind
from vedette.extraction.prose.text.lines import HEAD, Line, LineKind, lines_of

_WIDEST = 160
"""Columns of a line that may have been broken because it was full."""

_HEADING_WORDS = 14
_HEADING_LENGTH = 120
_UNFINISHED = frozenset(",;:-–—(")  # noqa: RUF001 (dashes)
_STOPS = frozenset(".!?,;")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a text: a paragraph, a heading, one item of a list, a whole table, a whole piece of code."""

    start: int
    """Offset of its first character."""
    end: int
    """Offset behind its last character."""
    kind: BlockKind
    """What it is."""


def blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Return the blocks of a plain text, or of a part of it, in order; what is between them is space and signs."""
    found: list[Block] = []
    group: list[Line] = []
    fenced = False
    for line in lines_of(text, start, len(text) if end is None else end):
        if line.kind is LineKind.FENCE:
            found.extend(_fenced(group) if fenced else _grouped(text, group))
            group, fenced = [], not fenced
        elif line.kind is LineKind.BLANK and not fenced:
            found.extend(_grouped(text, group))
            group = []
        else:
            group.append(line)
    # A fence that nothing closes was none.
    for blank, members in groupby(group, key=lambda line: line.kind is LineKind.BLANK):
        found.extend(() if blank else _grouped(text, list(members)))
    return _code_joined(text, found)


def _fenced(group: Sequence[Line]) -> Iterator[Block]:
    inside = [line for line in group if line.kind is not LineKind.BLANK]
    if inside:
        yield Block(inside[0].start, inside[-1].end, "code")


def _grouped(text: str, group: list[Line]) -> Iterator[Block]:
    """Yield the blocks of lines without a blank one between them."""
    for kind, members in groupby(_settled(text, group), key=lambda pair: pair[1]):
        same = [line for line, _ in members]
        if kind in {"table", "code"}:
            yield Block(same[0].start, same[-1].end, kind)
        elif kind == "boilerplate" or (kind == "heading" and same[0].kind is LineKind.HEADING):
            yield from (Block(line.content, line.end, kind) for line in same)
        elif kind == "list":
            yield from _items(text, same)
        elif kind is not None:
            yield from _paragraphs(text, same)


def _settled(text: str, group: list[Line]) -> Iterator[tuple[Line, BlockKind | None]]:
    """Yield each line with the kind of its block, as its neighbours show; None: it is drawn, not written."""
    kinds = [line.kind for line in group]
    within: BlockKind | None = None
    for place, line in enumerate(group):
        beside = {kinds[other] for other in (place - 1, place + 1) if 0 <= other < len(kinds)}
        kind = _KINDS.get(line.kind, "prose")
        if line.kind is LineKind.RULE:
            yield line, "table" if LineKind.ROW in beside else None
            within = None
            continue
        if line.kind in _NEEDS_OTHERS and line.kind not in beside and not _framed_row(text, line):
            kind = "prose"
        if kind == "prose" and within is not None and _may_go_on(line, within, beside):
            kind = within if _goes_on(text, group[place - 1], line, within) else kind
        within = kind
        yield line, kind


def _may_go_on(line: Line, within: BlockKind, beside: Set[LineKind]) -> bool:
    """Tell whether an item of a list may go on in the lines behind it; so may code that is less sure of itself."""
    return within == "list" or (within == "code" and LineKind.CODE in beside and line.indent > 0)


_KINDS: dict[LineKind, BlockKind] = {
    LineKind.HEADING: "heading",
    LineKind.ITEM: "list",
    LineKind.INDICATOR: "list",
    LineKind.ROW: "table",
    LineKind.WIDE: "table",
    LineKind.CODE: "code",
    LineKind.LOG: "code",
    LineKind.FRAME: "boilerplate",
}
_NEEDS_OTHERS = frozenset({LineKind.WIDE, LineKind.LOG, LineKind.ROW})


def _framed_row(text: str, line: Line) -> bool:
    return text[line.start] == "|" and text[line.end - 1] == "|"


def _goes_on(text: str, before: Line, line: Line, within: BlockKind) -> bool:
    if within == "code":
        return True
    if before.kind is LineKind.INDICATOR:
        return False
    return line.indent > before.indent or _wrapped(text, before, line, before.end - before.start + before.indent)


def _items(text: str, group: Sequence[Line]) -> Iterator[Block]:
    start = end = -1
    for line in group:
        if line.kind in {LineKind.ITEM, LineKind.INDICATOR}:
            if start >= 0:
                yield Block(start, end, "list")
            start = line.content
        end = line.end
    if start >= 0:
        yield Block(start, end, "list")


def _paragraphs(text: str, group: Sequence[Line]) -> Iterator[Block]:
    """Yield the paragraphs of lines of prose: a line that was not full when it was broken ends one."""
    width = _width(group)
    start = group[0].start
    lines = 1
    for line, after in zip(group, [*group[1:], None], strict=True):
        if after is not None and _wrapped(text, line, after, width):
            lines += 1
            continue
        yield Block(start, line.end, "heading" if lines == 1 and _is_heading(text, start, line.end) else "prose")
        if after is not None:
            start, lines = after.start, 1


def _width(group: Sequence[Line]) -> int:
    """Return the columns at which lines were broken; 0: most of them are not full."""
    lengths = [line.end - line.start + line.indent for line in group]
    width = max(lengths)
    full = sum(length >= 0.75 * width for length in lengths[:-1])
    return width if full > 0.5 * (len(lengths) - 1) else 0


def _wrapped(text: str, line: Line, after: Line, width: int) -> bool:
    """Tell whether a line goes on in the next one: the next word had no room, or the sentence is not over."""
    if width > _WIDEST:
        return False
    last = text[line.end - 1]
    if text[after.start].islower() and last not in ".!?":
        return True
    if last in _UNFINISHED and last != ":":
        return True
    word = text[after.start : min(after.end, after.start + HEAD)].split(maxsplit=1)[0]
    # Lines of proportional letters, as a PDF's, are not all of the same number of characters.
    return line.end - line.start + line.indent + 1 + len(word) > width * 0.85 > 34


def _is_heading(text: str, start: int, end: int) -> bool:
    if end - start > _HEADING_LENGTH or text[end - 1] in _STOPS:
        return False
    return len(text[start:end].split()) <= _HEADING_WORDS and any(one.isalpha() for one in text[start:end])


def _code_joined(text: str, found: list[Block]) -> list[Block]:
    """Return blocks with code that only blank lines divide made one."""
    joined: list[Block] = []
    for block in found:
        before = joined[-1] if joined else None
        if before is not None and before.kind == block.kind == "code" and not text[before.end : block.start].strip():
            joined[-1] = Block(before.start, block.end, "code")
        else:
            joined.append(block)
    return joined
