"""Rows as CSV and NDJSON, for spreadsheets and programs. Pure, no I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

RISKY = ("=", "+", "-", "@", "\t", "\r")
"""What a cell that a spreadsheet would compute begins with (OWASP, CSV injection)."""


def csv_header(columns: Sequence[str]) -> bytes:
    """Return the first line of a table."""
    return _lines([columns])


def csv_rows(rows: Iterable[Any], columns: Sequence[str]) -> bytes:
    """Return rows as lines of CSV (RFC 4180).

    A text that a spreadsheet would take for a formula gets an apostrophe in front, which spreadsheets hide:
    what agents collect is written by those who are watched.
    """
    return _lines([_cell(getattr(row, name)) for name in columns] for row in rows)


def ndjson_rows(rows: Iterable[Any]) -> bytes:
    """Return rows as one JSON object a line."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    # What is not a character in UTF-8 cannot be stored either, so this replaces nothing.
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(RISKY) else str(text)
