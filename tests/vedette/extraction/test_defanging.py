"""What was made harmless is made plain, and every place of it leads back to the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.defanging import PlainText


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("hxxps[:]//evil[.]example", "https://evil.example"),
        ("HTTP://evil.example", "HTTP://evil.example"),
        ("[https://evil.example](x)", "[https://evil.example](x)"),
        ("evil [dot] example [at] x", "evil.example@x"),
        ("a dot ( . ) is a sign", "a dot . is a sign"),
        ("tcp:/x and http:x", "tcp:/x and http:x"),
        ("ev\u00adil\u200b.example", "evil.example"),
        ("[1] (a) {b} f(x).", "[1] (a) {b} f(x)."),
        ("", ""),
    ],
)
def test_a_text_is_made_plain(raw: str, plain: str) -> None:
    assert PlainText(raw).text == plain


def test_places_of_what_was_replaced() -> None:
    # Given
    plain = PlainText("at hxxp://evil[.]example!")
    assert plain.text == "at http://evil.example!"

    # Then a stretch of the plain text is one of the raw one
    assert (plain.start(3), plain.end(22)) == (3, 24)
    assert (plain.start(10), plain.end(14)) == (10, 14)
    assert plain.was_defanged(3, 22)
    assert plain.was_defanged(10, 22)
    assert not plain.was_defanged(15, 22)


@given(st.text(alphabet="abhtxps.[](){}:/\\@ \u200bdot\u00e9\U0001f600", max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_place_of_the_plain_text_leads_back(raw: str) -> None:
    """Starts and ends only grow, lie in the raw text, and what was not replaced stands there as it is."""
    plain = PlainText(raw)
    size = len(plain.text)
    starts, ends = [plain.start(at) for at in range(size)], [plain.end(at + 1) for at in range(size)]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(raw) for start, end in zip(starts, ends, strict=True))
    kept = [at for at in range(size) if ends[at] - starts[at] == 1 and raw[starts[at]] == plain.text[at]]
    assert len(kept) >= size - 8 * (len(re.findall(r"[\[({:\\]|dot", raw)) + 1)
