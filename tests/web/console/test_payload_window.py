"""A place in a payload with what stands around it: marked exactly, bounded, and whole lines where there are lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.subgraph import Position
from web.console.payload_window import AROUND, MOST, PayloadWindow, payload_window, span_of


def window(payload: bytes, start: int | None, end: int | None) -> PayloadWindow:
    """What a page shows of a payload of which it reads no more than it must."""
    span = span_of(Position("row 3", start, end), len(payload))
    return payload_window(payload[span.first : span.last], span=span, size=len(payload))


def said(shown: PayloadWindow) -> str:
    """What is marked."""
    return "\n".join("".join(piece.text for piece in line if piece.said) for line in shown.lines).strip("\n")


def whole(shown: PayloadWindow) -> str:
    """All that is shown."""
    return "\n".join("".join(piece.text for piece in line) for line in shown.lines)


def test_a_row_of_a_large_table_is_marked_among_its_neighbours() -> None:
    rows = [f"row {number},192.0.2.{number % 256}" for number in range(100_000)]
    payload = "\n".join(rows).encode()
    start = payload.index(b"row 50000,")
    shown = window(payload, start, start + len(rows[50_000]))
    assert said(shown) == rows[50_000]
    lines = whole(shown).split("\n")
    # Whole lines only, at both ends.
    assert set(lines) <= set(rows)
    assert lines[0] != rows[0]
    assert shown.span.last - shown.span.first <= 2 * AROUND + len(rows[50_000])


def test_a_place_over_several_lines_is_marked_in_each() -> None:
    shown = window(b"a\nbb\r\ncc\nd", 2, 8)
    assert [[(piece.text, piece.said) for piece in line] for line in shown.lines] == [
        [("a", False)],
        [("bb", True)],
        [("cc", True)],
        [("d", False)],
    ]


def test_the_beginning_is_shown_where_no_offset_is_known_or_it_lies_outside() -> None:
    for start, end in ((None, None), (10**15, 10**15 + 4), (4, 4), (4, 2)):
        shown = window(b"x" * 9_000, start, end)
        assert shown.span.start is None
        assert said(shown) == ""
        assert whole(shown) == "x" * 2 * AROUND


def test_a_place_that_is_too_long_is_shown_in_part() -> None:
    shown = window(b"y" * 100_000, 10, 90_000)
    assert shown.span.is_cut
    assert said(shown) == "y" * MOST


def test_what_is_no_text_is_shown_in_rows_of_hexadecimal() -> None:
    payload = bytes(range(256)) * 100
    shown = window(payload, 5_000, 5_004)
    assert not shown.is_text
    rows = [line[0] for line in shown.lines]
    (marked,) = [row for row in rows if row.said]
    assert marked.text.startswith(f"{5_000 // 16 * 16:08x}  80 81")
    assert all(int(row.text[:8], 16) % 16 == 0 for row in rows)


@pytest.mark.parametrize("start", range(4_000, 4_008))
def test_a_cut_through_a_character_is_no_reason_for_hexadecimal(start: int) -> None:
    shown = window("ž€𝄞".encode() * 2_000, start, start + 9)
    assert shown.is_text


@given(st.binary(max_size=300), st.integers(0, 310), st.integers(0, 310))
def test_nothing_is_lost_or_doubled(payload: bytes, start: int, end: int) -> None:
    shown = window(payload, start, end)
    if shown.is_text:
        if shown.span.start is None:
            assert whole(shown) == payload.decode().replace("\r\n", "\n")
        elif payload.isascii() and b"\r" not in payload:
            assert whole(shown) == payload.decode()
            assert said(shown) == payload[start:end].decode().strip("\n")
    else:
        assert len(shown.lines) == -(-len(payload) // 16)
