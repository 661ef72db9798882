"""The bar of an agent's last hours: what was is shown, what is not known is not made up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.console.heartbeat import PARTS, WINDOW, heartbeats

NOW = 1_795_305_600_000_000
PART = WINDOW // PARTS


def bar(*changes: tuple[int, str]) -> str:
    """The bar as a letter for each part; a dot where nothing is known."""
    pieces = heartbeats(changes, now=NOW).pieces
    return "".join((piece.show[:1] or ".") * piece.width for piece in pieces)


def test_nobody_knows_what_was_before_the_first_change() -> None:
    assert bar() == "." * PARTS
    assert heartbeats([], now=NOW).there is None
    assert bar((NOW - 2 * PART, "available")) == "." * (PARTS - 2) + "aa"


def test_what_began_before_the_window_is_there_from_its_beginning() -> None:
    shown = heartbeats([(NOW - 2 * WINDOW, "available")], now=NOW)
    assert [(piece.start, piece.width, piece.show) for piece in shown.pieces] == [(0, PARTS, "available")]
    assert shown.there == 1


def test_a_short_absence_does_not_hide_in_a_good_part() -> None:
    at = NOW - PART // 2
    changes = ((NOW - WINDOW, "available"), (at, "gone"), (at + 1_000_000, "available"))
    assert bar(*changes) == "a" * (PARTS - 1) + "g"
    there = heartbeats(changes, now=NOW).there
    assert there is not None
    assert 0.9999 < there < 1


def test_what_is_unknown_counts_neither_way() -> None:
    changes = ((NOW - WINDOW, "available"), (NOW - WINDOW // 2, "unknown"), (NOW - WINDOW // 4, "gone"))
    assert heartbeats(changes, now=NOW).there == 2 / 3


def test_busy_and_away_are_there() -> None:
    changes = ((NOW - WINDOW, "dnd"), (NOW - WINDOW // 2, "away"))
    assert heartbeats(changes, now=NOW).there == 1


CHANGES = st.lists(
    st.tuples(
        st.integers(NOW - 2 * WINDOW, NOW + WINDOW),
        st.sampled_from(["available", "away", "dnd", "gone", "unknown", "of another release"]),
    ),
    max_size=30,
)


@given(CHANGES)
def test_whatever_clocks_did_the_bar_is_whole(changes: list[tuple[int, str]]) -> None:
    """Not sorted: a clock that went back, and one that is ahead of ours."""
    shown = heartbeats(changes, now=NOW)
    assert sum(piece.width for piece in shown.pieces) == PARTS
    assert [piece.start for piece in shown.pieces] == [
        sum(piece.width for piece in shown.pieces[:number]) for number in range(len(shown.pieces))
    ]
    assert shown.there is None or 0 <= shown.there <= 1
