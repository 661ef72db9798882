"""The drawing of a timeline: bars that lead to what they stand for, and addresses that keep the filter."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from registry.item_timeline import Timeline
from registry.tally import DAY, HOUR
from registry.time_buckets import Buckets
from web.console.address import Address
from web.console.timeline import HEIGHT, draw

START = 1_795_305_600_000_000 // DAY * DAY
HERE = Address(path="/items", filter={"type": "a&b=c", "since": "2026-01-01T00:00:00Z"})


def drawn(items: tuple[int, ...], *, step: int = HOUR, findings: tuple[int, ...] | None = None) -> Timeline:
    """A timeline with these items."""
    buckets = Buckets(first=START, step=step, number=len(items))
    return Timeline(buckets=buckets, items=items, findings=findings, counted_since=None)


def test_a_bar_leads_to_its_piece_of_time_and_keeps_the_filter() -> None:
    drawing = draw(drawn((1, 0, 3), findings=(0, 2, 1)), HERE)
    address = urlsplit(drawing.bars[2].address)
    assert address.path == "/items"
    assert parse_qs(address.query) == {
        "type": ["a&b=c"],
        "since": ["2026-11-22T02:00:00Z"],
        "until": ["2026-11-22T03:00:00Z"],
    }
    assert parse_qs(urlsplit(drawing.base).query) == {"type": ["a&b=c"]}
    assert [bar.words for bar in drawing.bars] == [
        "2026-11-22 00:00: 1 item",
        "2026-11-22 01:00: 0 items, 2 findings",
        "2026-11-22 02:00: 3 items, 1 finding",
    ]
    assert (drawing.items, drawing.findings, drawing.most, drawing.piece) == (4, 3, 3, "hour")


def test_what_is_all_shown_leads_no_further_out() -> None:
    timeline = drawn((1, 2), step=DAY)
    assert draw(timeline, Address(path="/items", filter={})).wider is None
    wider = draw(timeline, HERE).wider
    assert wider is not None
    assert parse_qs(urlsplit(wider).query)["since"] == ["2026-11-20T00:00:00Z"]
    assert parse_qs(urlsplit(wider).query)["until"] == ["2026-11-26T00:00:00Z"]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=96))
def test_every_item_can_be_seen_and_no_bar_grows_out_of_the_drawing(items: list[int]) -> None:
    drawing = draw(drawn(tuple(items)), HERE)
    for bar in drawing.bars:
        assert (bar.height > 0) is (bar.items > 0)
        assert bar.height <= HEIGHT
    assert all(0 <= tick.at < 100 for tick in drawing.ticks)
    assert 1 <= len(drawing.ticks) <= 5


def test_lengths_are_said_in_words() -> None:
    words = {HOUR: "hour", 3 * HOUR: "3 hours", DAY: "day", 28 * DAY: "28 days", HOUR // 12: "5 minutes"}
    assert {step: draw(drawn((1,), step=step), HERE).piece for step in words} == words
