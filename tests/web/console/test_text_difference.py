"""What differs between two payloads, line by line: readable, bounded, and no text where there is none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.console.text_difference import MAX_LAID_OUT, MAX_SHOWN, text_difference


def signs(before: bytes, after: bytes) -> list[str]:
    """The lines as a patch has them, without their places."""
    found = text_difference(before, after)
    assert found is not None
    return [line.sign + line.text for line in found.lines if line.kind != "place"]


def test_lines_that_came_and_went_are_told_apart_by_a_sign() -> None:
    assert signs(b"one\ntwo\nthree", b"one\n2\nthree") == [" one", "-two", "+2", " three"]
    assert signs(b"same", b"same") == []


def test_json_in_one_line_is_laid_out_first() -> None:
    assert signs(b'{"a": 1, "b": 2}', b'{"a": 1, "b": 3}') == [" {", '   "a": 1,', '-  "b": 2', '+  "b": 3', " }"]
    assert signs(b"{not json", b"{neither") == ["-{not json", "+{neither"]
    # Too deep for any reader of JSON.
    assert signs(b"[" * 9_000, b"[" * 8_999) != []


def test_bytes_that_are_no_text_have_no_lines() -> None:
    assert text_difference(b"text", b"\0\1\2") is None
    assert text_difference(b"\xff\xfe", b"text") is None


def test_a_long_text_is_compared_in_part_and_it_says_so() -> None:
    before, after = (b"\n".join(b"%d %d" % (number, one) for number in range(9_000)) for one in (1, 2))
    found = text_difference(before, after)
    assert found is not None
    assert (len(found.lines), found.more) == (MAX_SHOWN, True)


def test_what_is_made_to_be_slow_to_compare_is_not() -> None:
    """Bounded by its lines: this ends, or the suite's own limit fails it."""
    before = b"\n".join(b"ab"[number % 2 : number % 2 + 1] for number in range(30_000))
    found = text_difference(before, before[::-1])
    assert found is not None
    assert len(found.lines) <= MAX_SHOWN
    assert text_difference(b"{" * MAX_LAID_OUT, b"[" * MAX_LAID_OUT) is not None


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_the_bytes_are_there_is_an_answer(before: bytes, after: bytes) -> None:
    found = text_difference(before, after)
    assert found is None or all(line.kind in {"gone", "come", "same", "place"} for line in found.lines)
