"""Payloads as a page shows them: text as text, the rest in hexadecimal, never too much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.console.payload_view import MAX_HEX, MAX_LINES, MAX_TEXT, payload_view


def test_text_is_shown_as_it_is() -> None:
    view = payload_view("zeile 1\r\nzeile ä\n".encode())
    assert (view.is_text, view.lines, view.is_whole) == (True, ("zeile 1", "zeile ä", ""), True)


def test_what_is_no_text_is_shown_in_hexadecimal() -> None:
    view = payload_view(b"\x7fELF\x00<script>")
    assert not view.is_text
    assert view.lines[0].startswith("00000000  7f 45 4c 46 00 3c")
    assert view.lines[0].endswith(".ELF.<script>")
    assert payload_view(b"\x1b[31m" * 9).is_text is False
    assert payload_view("caf\u00e9".encode("latin-1")).is_text is False


def test_a_cut_through_a_character_is_no_reason_to_call_a_text_none() -> None:
    view = payload_view(b"a" + "ä".encode() * MAX_TEXT)
    assert view.is_text
    assert not view.is_whole
    assert payload_view(b"a\xc3").is_text is False


def test_of_much_only_the_beginning_is_shown() -> None:
    assert payload_view(b"\n" * 5_000).lines == ("",) * MAX_LINES
    assert not payload_view(b"\n" * 5_000).is_whole
    assert payload_view(b"\x00" * 10**6).shown == MAX_HEX
    assert max(map(len, payload_view(b"A" * MAX_TEXT).lines)) <= 400


@given(st.binary(max_size=200))
def test_any_bytes_can_be_shown(payload: bytes) -> None:
    view = payload_view(payload)
    assert view.size == len(payload)
    assert 0 <= view.shown <= view.size
