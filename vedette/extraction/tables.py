"""Rows of text: CSV (RFC 4180, and what is called so), TSV and the like; each row with its place in the bytes.

A row that cannot be read costs that row alone: its neighbours are read, whatever quotes it leaves open.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Position

MAX_LINE = 1024 * 1024
"""Bytes of one line."""

MAX_ROW = 256 * 1024
"""Bytes of a row that goes on over several lines, within quotes."""

MAX_CELLS = 1_000
"""Cells of one row."""

MAX_OPEN = 1_000
"""Rows of one document whose quotes may be left open: what follows each is read twice."""

MAX_ERRORS = 100_000
"""Rows in a row that cannot be read, before the document is given up as no table."""

_OPEN = f"a quote is not closed within {MAX_ROW} bytes"

Report = Callable[[Position, str], None]
"""Takes a row that cannot be read, and the reason."""

_BLANK = re.compile(rb"[\s,;|]*")
# Markup, JSON and binary data have lines, too, and each would be a row of one cell.
_OTHER = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,4096}(?:<[!?/A-Za-z]|\{\s{0,64}[\"}]|\[\s{0,64}[{\[\"\]])|[^\0,;|\t\n]{0,200}\0"
)
_SPACES = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a kind of table is written."""

    columns: tuple[str, ...]
    """Names of its columns, in order: what a row without a header has."""
    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Other names of columns in headers, and the column that each means."""
    separator: str = ","
    comment: str = ""
    """What a line begins with that is no row; empty: there are none."""
    ragged: bool = False
    """Whether cells behind the last column are left out in silence, instead of making a row a bad one."""


class Row:
    """One row; a column that it does not have is empty."""

    __slots__ = ("_index", "cells", "position")

    def __init__(self, cells: Sequence[str], index: Mapping[str, int], position: Position) -> None:
        self.cells = cells
        """Without white space around them."""
        self.position = position
        self._index = index

    def named(self, columns: Sequence[str]) -> dict[str, str]:
        """Return the cells of some columns, by their names."""
        index, cells = self._index, self.cells
        width = len(cells)
        return {name: cells[at] if (at := index.get(name, width)) < width else "" for name in columns}

    def __getitem__(self, column: str) -> str:
        """Return a cell."""
        try:
            return self.cells[self._index[column]]
        except LookupError:
            return ""


def rows(content: bytes, layout: Layout, report: Report, *, columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows that say something; headers, comments and rows of empty cells are none.

    Args:
        content: the document, in UTF-8 (or UTF-16 with its mark); bytes that are none are read as Latin-1.
        layout: what its columns are called.
        report: is told of each row that cannot be read.
        columns: names of the columns, where the document's meta has them; a header comes first, then they, then
            those of the layout.

    Raises:
        ExtractionError: it is no table: markup, JSON, binary data, nothing but rows that cannot be read, or quotes
            that never close.
    """
    text = _as_utf8(content)
    if _OTHER.match(text):
        raise ExtractionError("it is no table: rows of text are expected, not markup, JSON or binary data")
    known = _known(layout, columns)
    index = {known.get(_plain(name), name): at for at, name in reversed(list(enumerate(columns or layout.columns)))}
    width = len(columns or layout.columns)
    first, good, bad = "", 0, 0

    def refuse(position: Position, reason: str) -> None:
        nonlocal bad
        bad += 1
        if bad > MAX_ERRORS and not good:
            raise ExtractionError(f"it is no table: {position.label}: {reason}")
        report(position, reason)

    for number, start, end, cells in _records(text, layout, refuse):
        if not good or cells[0].casefold() == first:
            header = _header(cells, known)
            if header:
                index, width = header
                first = cells[0].casefold()
                continue
        position = Position(f"row {number}", start, end)
        if len(cells) > width and not layout.ragged and any(cells[width:]):
            refuse(position, f"{len(cells)} cells, but {width} columns")
            continue
        good += 1
        yield Row(cells, index, position)


def _records(text: bytes, layout: Layout, report: Report) -> Iterator[tuple[int, int, int, list[str]]]:
    """Yield number, start, end and cells of each row that is not blank."""
    comment = layout.comment.encode()
    start, number, opened = (3 if text.startswith(b"\xef\xbb\xbf") else 0), 0, 0
    while start < len(text):
        blank = _blank(text, start)
        if blank > start:
            number += text.count(b"\n", start, blank)
            start = blank
            continue
        stop = text.find(b"\n", start)
        end = len(text) if stop < 0 else stop + 1
        number += 1
        if not comment or not text.startswith(comment, start):
            cells, end, reason = _row(text, start, end, layout.separator)
            if reason:
                opened += reason == _OPEN
                if opened > MAX_OPEN:
                    raise ExtractionError(f"more than {MAX_OPEN} rows leave a quote open: it is no table")
                report(Position(f"row {number}", start, end), reason)
            elif any(cells):
                yield number, start, end, cells
        start = end


def _row(text: bytes, start: int, end: int, separator: str) -> tuple[list[str], int, str]:
    """Return the cells of a row, where it ends, and why it cannot be read."""
    if end - start > MAX_LINE:
        return [], end, f"a line of {end - start} bytes; {MAX_LINE} are read at most"
    line = text[start:end]
    if b'"' not in line:
        cells = _decoded(line).split(separator)
    elif (plainly := _plainly_quoted(line, separator)) is not None:
        cells = plainly
    else:
        quoted = _quoted(text, start, separator)
        if quoted is None:
            return [], end, _OPEN
        cells, end = quoted
    if len(cells) > MAX_CELLS:
        return [], end, f"{len(cells)} cells; {MAX_CELLS} are read at most"
    return list(map(str.strip, cells)), end, ""


def _blank(text: bytes, start: int) -> int:
    """Return where the first line begins that says something; millions of blank ones are passed over at once."""
    found = _BLANK.match(text, start)
    end = found.end() if found is not None else start
    return end if end == len(text) else text.rfind(b"\n", start, end) + 1 or start


def _plainly_quoted(line: bytes, separator: str) -> list[str] | None:
    """Return the cells of a line on which each is in quotes, and has none; None where it is another one.

    So most tables with quotes are written, and the parser takes several times as long.
    """
    whole = line.removesuffix(b"\n").removesuffix(b"\r")
    if len(whole) < 2 or whole[:1] != b'"' or whole[-1:] != b'"':
        return None
    cells = _decoded(whole[1:-1]).split(f'"{separator}"')
    return cells if whole.count(b'"') == 2 * len(cells) else None


def _quoted(text: bytes, start: int, separator: str) -> tuple[list[str], int] | None:
    """Return the cells and the end of a row with quotes, which may go on over lines; None: they are left open."""
    end, ended = start, False

    def lines() -> Iterator[str]:
        nonlocal end, ended
        limit = start + MAX_ROW
        while end < min(limit, len(text)):
            stop = text.find(b"\n", end, limit)
            begin, end = end, (min(limit, len(text)) if stop < 0 else stop + 1)
            yield _decoded(text[begin:end])
        ended = True

    # The parser asks for a further line only where a quote is open.
    try:
        cells = next(csv.reader(lines(), delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return None
    whole = end == len(text) or text[end - 1 : end] == b"\n"
    return (cells, end) if whole and not ended else None


def _header(cells: Sequence[str], known: Mapping[str, str]) -> tuple[dict[str, int], int] | None:
    """Return the columns that a row names, by their places, and how many it has; None where it is no header."""
    index: dict[str, int] = {}
    at = found = skipped = 0
    while at < len(cells):
        name = known.get(_plain(cells[at]))
        if name is None and at + 1 < len(cells):
            # A name with a separator in it, such as `Modification, Date`, is one column.
            name = known.get(_plain(f"{cells[at]} {cells[at + 1]}"))
            if name is not None:
                skipped += 1
                at += 1
        if name is not None:
            index.setdefault(name, at - skipped)
            found += 1
        at += 1
    width = len(cells) - skipped
    return (index, width) if 2 * found >= sum(1 for cell in cells if cell) and found else None


def _known(layout: Layout, columns: Sequence[str]) -> dict[str, str]:
    """Return how columns may be called, and the column that each means."""
    known = {_plain(name): name for name in (*columns, *layout.columns)}
    return known | {_plain(other): name for other, name in layout.synonyms.items()}


def _plain(name: str) -> str:
    return _SPACES.sub("", name.strip().lstrip("#").strip("\"'")).casefold()


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        # Whatever its bytes are, none is lost.
        return line.decode("latin-1")


def _as_utf8(content: bytes) -> bytes:
    """Return UTF-16, which spreadsheets write, as UTF-8; offsets are then those of the text, not of the document."""
    if content[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        return content
    return content.decode("utf-16", errors="replace").encode()
