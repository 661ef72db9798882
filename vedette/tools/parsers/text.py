"""Parsers of plain text: `lines`, `key-value`, `json` and `none`."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel

from vedette.canonical import canonical_json, parse_json
from vedette.errors import RefusedError
from vedette.tools.interface import ParseError, Parser

MAX_LINES = 20_000
"""Lines of a form."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinesForm(_Form):
    """Standard form of text."""

    lines: tuple[str, ...]
    """Lines without their ends; empty ones at the end are left out."""


class KeyValueForm(RootModel[dict[str, str]]):
    """Standard form of `key: value` and `key=value` lines: values by key, white space around both left out."""

    model_config = ConfigDict(frozen=True)


class JsonForm(RootModel[Any]):
    """Standard form of JSON: the value itself."""

    model_config = ConfigDict(frozen=True)


class NoForm(_Form):
    """No form: the output travels as it is."""


class LinesParser(Parser):
    """Splits text into lines."""

    name = "lines"
    version = 1
    Form = LinesForm

    def parse(self, raw: bytes) -> LinesForm:
        """Return the lines.

        Raises:
            ParseError: not UTF-8, or too many lines.
        """
        lines = _text(raw).rstrip().splitlines()
        if len(lines) > MAX_LINES:
            raise ParseError(f"{len(lines)} lines; the limit is {MAX_LINES}")
        return LinesForm(lines=tuple(lines))


class KeyValueParser(Parser):
    """Reads lines of `key: value` or `key=value`; empty lines and those that begin with `#` are passed over."""

    name = "key-value"
    version = 1
    Form = KeyValueForm

    def parse(self, raw: bytes) -> KeyValueForm:
        """Return the values by key.

        Raises:
            ParseError: not UTF-8, a line without a key, or the same key twice.
        """
        values: dict[str, str] = {}
        for number, line in enumerate(_text(raw).splitlines(), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            match = re.match(r"([^:=]*[^:=\s])\s*[:=]\s*(.*)", text)
            if match is None:
                raise ParseError(f"line {number} is neither 'key: value' nor 'key=value'")
            if match[1] in values:
                raise ParseError(f"line {number} has the key {match[1][:64]!r} a second time")
            values[match[1]] = match[2]
        return KeyValueForm(values)


class JsonParser(Parser):
    """Reads strict JSON (RFC 8259) that has a canonical form (RFC 8785)."""

    name = "json"
    version = 1
    Form = JsonForm

    def parse(self, raw: bytes) -> JsonForm:
        """Return the value.

        Raises:
            ParseError: not JSON, or with integers past 2^53 - 1 (RFC 7493, section 2.2).
        """
        try:
            value = parse_json(raw)
            canonical_json(value)
        except RefusedError as error:
            raise ParseError(error.reason) from error
        return JsonForm(value)


class NoParser(Parser):
    """Leaves the output as it is, as if no parser was named."""

    name = "none"
    version = 1
    Form = NoForm

    def parse(self, raw: bytes) -> NoForm:
        """Return nothing."""
        return NoForm()


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"not UTF-8 at byte {error.start}") from error
