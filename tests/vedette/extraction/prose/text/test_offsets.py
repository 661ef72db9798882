"""From characters of a text to bytes of its document."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.collection.charset import decode
from vedette.extraction.prose.text.offsets import Characters, Offsets, Piece

_TEXT = "Größe \u20ac 😀 a\u0301 " * 700


def _characters(data: bytes, declared: str = "") -> tuple[str, Characters | None]:
    text, encoding = decode(data, declared=declared)
    return text, Characters.of(data, text, encoding)


@pytest.mark.parametrize(
    "data",
    [
        b"plain ASCII",
        _TEXT.encode(),
        _TEXT.encode("utf-8-sig"),
        _TEXT.encode("utf-16"),
        b"\xfe\xff" + _TEXT.encode("utf-16-be"),
        _TEXT.encode("utf-32"),
        "Gr\xf6\xdfe\r\nnext".encode("cp1252"),
    ],
)
def test_each_character_is_found_in_the_bytes(data: bytes) -> None:
    text, characters = _characters(data)
    offsets = Offsets(characters)
    exact = "utf-8" if text.isascii() else decode(data)[1]
    for start, end in ((0, 1), (1, 7), (len(text) - 3, len(text)), (0, len(text))):
        place = offsets.bytes_of(start, end)
        assert place is not None
        part = data[place[0] : place[1]]
        order = "-be" if data.startswith(b"\xfe\xff") else "-le"
        assert part.decode(exact + order if exact in {"utf-16", "utf-32"} else exact) == text[start:end]


def test_damaged_or_shifting_text_has_no_bytes() -> None:
    assert (
        _characters(b"\x81\x8d bad \xff" * 3)[1] is None or "\ufffd" not in _characters(b"\x81\x8d bad \xff" * 3)[0]
    )
    text = "a" * 5_000 + "漢字" * 3_000
    data = text.encode("iso2022_jp")
    characters = Characters.of(data, text, "iso2022_jp")
    assert characters is None
    assert Offsets(None).bytes_of(0, 1) is None
    assert Offsets(Characters.of(b"ab", "ab", "utf-8")).bytes_of(1, 1) is None


def test_derived_text_leads_to_its_source() -> None:
    # `a &amp; b` within `<p>`, then a line end that is not in the source, then `c`.
    source = "<p>a &amp; b</p>c"
    pieces = [Piece(0, 3, 5), Piece(2, 5, 10), Piece(3, 10, 12), Piece(5, 12, 12), Piece(6, 16, 17), Piece(7, 17, 17)]
    offsets = Offsets(Characters.of(source.encode(), source, "utf-8"), pieces)
    for start, end, expected in ((0, 1, "a"), (0, 5, "a &amp; b"), (2, 3, "&amp;"), (4, 5, "b"), (6, 7, "c")):
        place = offsets.bytes_of(start, end)
        assert place is not None
        assert source[slice(*place)] == expected
    assert offsets.bytes_of(5, 6) is None


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_any_part_of_any_text(text: str, one: int, other: int) -> None:
    data = text.encode()
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    place = Offsets(Characters.of(data, text, "utf-8")).bytes_of(start, end)
    assert (place is None) == (start == end)
    assert place is None or data[slice(*place)].decode() == text[start:end]
