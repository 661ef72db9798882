"""JSON objects of foreign documents, read with care: what is of another type than expected is said, and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

import orjson

from vedette.extraction.drafting import Given

MAX_NUMBER = 60
"""Characters of a text that may be a number."""

Complain = Callable[[str], None]
"""Takes what is wrong with a part of an object, in words."""


class Record:
    """A JSON object; whatever is missing is empty."""

    __slots__ = ("_complain", "_path", "_values")

    def __init__(self, values: object, complain: Complain, path: str = "") -> None:
        """Hold an object.

        Args:
            values: what should be an object; anything else is complained of, and is empty.
            complain: called with each part that is of another type than asked for.
            path: where in the entry it is, for complaints.
        """
        self._complain = complain
        self._path = path
        self._values: Mapping[str, Any] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            complain(f"{path or 'it'} is {_kind(values)}, not an object")

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text without white space around it; a number or a truth value as text."""
        value = self._values.get(key)
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        self._missing(key, value, "a text")
        return ""

    def number(self, key: str) -> float | None:
        """Return a number, also one that is written as text."""
        value = self._values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        found = number_of(value) if isinstance(value, str) else None
        if found is None:
            self._missing(key, value, "a number")
        return found

    def flag(self, key: str) -> bool | None:
        """Return whether something is so; None where it is not said."""
        value = self._values.get(key)
        if isinstance(value, bool):
            return value
        self._missing(key, value, "true or false")
        return None

    def record(self, key: str) -> Record:
        """Return an object within this one."""
        value = self._values.get(key)
        return Record({} if value is None else value, self._complain, self._within(key))

    def records(self, key: str) -> Iterator[Record]:
        """Yield the objects of an array."""
        for index, value in enumerate(self._array(key)):
            if isinstance(value, dict):
                yield Record(value, self._complain, f"{self._within(key)}[{index}]")
            else:
                self._complain(f"{self._within(key)}[{index}] is {_kind(value)}, not an object")

    def texts(self, key: str) -> list[str]:
        """Return the texts of an array that are not empty; of a text alone, that one."""
        if isinstance(self._values.get(key), str):
            return [text] if (text := self.text(key)) else []
        found = []
        for index, value in enumerate(self._array(key)):
            if isinstance(value, str):
                found.append(value.strip())
            else:
                self._complain(f"{self._within(key)}[{index}] is {_kind(value)}, not a text")
        return [text for text in found if text]

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """Return the pairs of texts in an array, such as names and values."""
        found = []
        for index, value in enumerate(self._array(key)):
            if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
                found.append((value[0].strip(), value[1].strip()))
            else:
                self._complain(f"{self._within(key)}[{index}] is {_kind(value)}, not a pair of texts")
        return found

    def keys(self) -> list[str]:
        """Return the names of its members."""
        return list(self._values)

    def _array(self, key: str) -> list[Any]:
        value = self._values.get(key)
        if isinstance(value, list):
            return value
        self._missing(key, value, "an array")
        return []

    def _missing(self, key: str, value: object, wanted: str) -> None:
        if value is not None and value != "":
            self._complain(f"{self._within(key)} is {_kind(value)}, not {wanted}")

    def _within(self, key: str) -> str:
        return f"{self._path}.{key[:60]}" if self._path else key[:60]


def number_of(text: str) -> float | None:
    """Return the number that a text is; None where it is none, or not a finite one."""
    try:
        found = float(text[:MAX_NUMBER])
    except ValueError:
        return None
    return found if isfinite(found) else None


def given_of(value: object) -> Given:
    """Return a JSON value as a property: what is more than texts or a number is kept as JSON."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return [str(one) for one in value]
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return "nested too deep to be kept"


def _kind(value: object) -> str:
    """Return what a JSON value is, in words."""
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "an array"}
    return "empty" if value is None else kinds.get(type(value), "an object")
