"""The parsers of plain text."""

from __future__ import annotations

import pytest

from vedette.tools.interface import ParseError, Parser
from vedette.tools.parsers.text import MAX_LINES, JsonParser, KeyValueParser, LinesParser, NoParser


def test_lines() -> None:
    assert LinesParser().parse("a\r\nü\n\n c\n\n".encode()).lines == ("a", "ü", "", " c")
    assert LinesParser().parse(b"").lines == ()


def test_key_and_value() -> None:
    raw = b"# comment\n\nname: value\nother=a=b\n spaced key : x y \nempty=\nurl: http://h:1/\n"
    assert KeyValueParser().parse(raw).root == {
        "name": "value",
        "other": "a=b",
        "spaced key": "x y",
        "empty": "",
        "url": "http://h:1/",
    }


def test_json() -> None:
    assert JsonParser().parse(b' {"a": [1, null]} ').root == {"a": [1, None]}


def test_none() -> None:
    assert NoParser().parse(b"\xff").model_dump() == {}


@pytest.mark.parametrize(
    ("parser", "raw", "reason"),
    [
        (LinesParser(), b"\xff", "not UTF-8 at byte 0"),
        (LinesParser(), b"a\n" * (MAX_LINES + 1), "the limit is"),
        (KeyValueParser(), b"a=1\nno value", "line 2 is neither"),
        (KeyValueParser(), b"=x", "line 1 is neither"),
        (KeyValueParser(), b"a=1\na: 2", "line 2 has the key 'a' a second time"),
        (JsonParser(), b"{", "not JSON"),
        (JsonParser(), b"NaN", "not JSON"),
        (JsonParser(), b"[1152921504606846976]", "canonical JSON"),
        (JsonParser(), b"[" * 100_000, "not JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(parser: Parser, raw: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parser.parse(raw)
