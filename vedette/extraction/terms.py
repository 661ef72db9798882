"""Terms of a mapping: what each is in a row, read as its conversion says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Protocol

from vedette.extraction.building import Building, port_name
from vedette.extraction.dates import milliseconds
from vedette.extraction.mapping import HOST, TermMapping
from vedette.extraction.subgraph import Position

_PLACES = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"[+-]?\d{1,18}")


class Cells(Protocol):
    """A row of whatever form."""

    position: Position

    def __getitem__(self, column: str) -> str:
        """Return a cell; empty where there is none."""


class TermReader:
    """One term: what it is in a row."""

    def __init__(self, term: TermMapping) -> None:
        self.term = term
        self._names = term.column.split("|")
        # Text and columns in turn: `uid {uid} on {@host}` is "uid ", [uid], " on ", [@host], "".
        parts = _PLACES.split(term.column) if "{" in term.column else []
        self._literals, self._places = parts[::2], [names.split("|") for names in parts[1::2]]
        self._is_set = term.again == "union"
        self._convert = _CONVERSIONS.get(term.conversion)
        self._accept = _ACCEPTS.get(term.conversion)
        # Nearly all terms are a column alone: millions of cells take the short way.
        simple = self._accept is None and not self._literals and self._names != [HOST]
        self._column = term.column if simple and len(self._names) == 1 else ""

    def text(self, row: Cells, host: str, building: Building) -> str:
        """Return it as text; empty where a part of it is, or it is not what it must be."""
        if self._column:
            return row[self._column]
        if not self._literals:
            text = _cell(self._names, row, host)
            return text if self._accept is None else self._accept(text, building)
        columns = [_cell(names, row, host) for names in self._places]
        if not all(columns):
            return ""
        return "".join(text for pair in zip(self._literals, [*columns, ""], strict=True) for text in pair)

    def value(self, row: Cells, host: str, building: Building) -> str | int | float | list[str] | None:
        """Return it as its conversion has it; None where it is empty, or none, which is said."""
        text = self.text(row, host, building)
        if not text:
            return None
        if self.term.many:
            return [part.strip() for part in text.split(self.term.many) if part.strip()]
        if self._convert is None:
            return [text] if self._is_set else text
        found = self._convert(text)
        if found is None:
            building.skip(row.position, f"{self.term.column}: {text[:60]!r} is not in {self.term.conversion}")
        return found


def _cell(names: list[str], row: Cells, host: str) -> str:
    for name in names:
        text = host if name == HOST else row[name]
        if text:
            return text
    return ""


def _flow_port(text: str) -> str:
    return text if text and not text.lower().startswith("0x") and port_name(text) else "0"


def _number(text: str) -> int | float | None:
    if _NUMBER.fullmatch(text):
        return int(text)
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _seconds(text: str) -> int | None:
    found = _number(text)
    # A double has 53 bits: enough for milliseconds of any year that a clock shows.
    return round(found * 1000) if found is not None and abs(found) < 1e12 else None


def _milliseconds(text: str) -> int | None:
    found = _number(text)
    return round(found) if found is not None and abs(found) < 1e15 else None


_ACCEPTS: dict[str, Callable[[str, Building], str]] = {
    "flow-port": lambda text, _: _flow_port(text),
    "ip": lambda text, building: text if building.is_ip(text) else "",
    "not-ip": lambda text, building: "" if building.is_ip(text) else text,
    "port": lambda text, _: text if port_name(text) else "",
}
"""Conversions that look at what a text is."""

_CONVERSIONS: dict[str, Callable[[str], int | float | None]] = {
    "number": _number,
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "time": milliseconds,
}
