"""Pieces of a span: never too many, never a moment outside, and of lengths that people know."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.tally import DAY, HOUR
from registry.time_buckets import MINUTE, MOST, STEPS, cut

TIMES = st.integers(0, 4_102_444_800_000_000)


@given(TIMES, TIMES, st.sampled_from([MINUTE, HOUR, DAY]))
def test_every_moment_of_a_span_is_in_one_piece(one: int, other: int, least: int) -> None:
    since, until = sorted((one, other))
    buckets = cut(since, until + 1, least=least)
    assert buckets.step in STEPS
    assert buckets.step >= least
    assert buckets.first % buckets.step == 0
    assert 1 <= buckets.number <= MOST
    assert buckets.of(since) == 0
    assert buckets.of(until) == buckets.number - 1
    assert buckets.of(buckets.first - 1) is buckets.of(buckets.end) is None


def test_lengths_are_those_that_people_know() -> None:
    for span, step in (
        (HOUR, MINUTE),
        (4 * DAY - 1, HOUR),
        (30 * DAY, 12 * HOUR),
        (90 * DAY, DAY),
        (600 * DAY, 7 * DAY),
    ):
        assert cut(1_795_305_600_000_000, 1_795_305_600_000_000 + span).step == step


@given(st.lists(TIMES, max_size=20))
def test_each_time_is_counted_where_it_is(times: list[int]) -> None:
    buckets = cut(min(times, default=0), max(times, default=0) + 1)
    counts = buckets.count(times)
    assert sum(counts) == len(times)
    assert all(counts[buckets.of(at) or 0] for at in times)
