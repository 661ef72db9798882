"""Hostile output as lines: whatever comes, however it is cut, what is shown is bounded and harmless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vedette.jobs.lines import MAX_BYTES, MAX_LINE, MAX_LINES, Lines, shown


def lines_of(*pieces: bytes) -> Lines:
    lines = Lines()
    for piece in pieces:
        lines.feed(piece)
    lines.finish()
    return lines


def test_characters_that_are_cut_between_pieces_stay_whole() -> None:
    data = "één\r\nzwei\nlast".encode()
    for cut in range(len(data)):
        assert lines_of(data[:cut], data[cut:]).take(10) == ["één", "zwei", "last"]


def test_what_a_terminal_would_obey_is_taken_out() -> None:
    assert shown("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2Jx") == "red x"
    assert shown("a\x1b[999999\x00b\x9bc\u202ed") == "a\ufffd[999999\ufffdb\ufffdc\ufffdd"
    assert shown("tab\tstays") == "tab\tstays"


def test_a_line_without_end_is_cut_and_takes_no_memory() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(b"x" * 100_000)
    assert not lines.waiting
    lines.finish()
    (line,) = lines.take(10)
    assert line == "x" * MAX_LINE + " […]"


def test_lines_past_the_limits_are_counted() -> None:
    many = lines_of(b"\n" * (MAX_LINES + 7))
    assert (many.kept, many.dropped) == (MAX_LINES, 7)
    large = lines_of((b"x" * 1999 + b"\n") * 1000)
    assert large.kept == MAX_BYTES // 1999
    assert large.kept + large.dropped == 1000


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_in_any_pieces_become_the_same_harmless_lines(pieces: list[bytes]) -> None:
    cut, whole = lines_of(*pieces).take(10_000), lines_of(b"".join(pieces)).take(10_000)
    assert cut == whole
    for line in cut:
        assert len(line) <= MAX_LINE + 4
        assert "\x1b" not in line
        assert "\n" not in line
