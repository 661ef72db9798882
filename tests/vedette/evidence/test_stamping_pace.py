"""Given an authority that wants pauses, when more batches are made than it can stamp, then figures say so."""

from __future__ import annotations

import pytest

from vedette.evidence.stamping_pace import pace_warning


@pytest.mark.parametrize(
    ("between", "seconds", "made", "warned"),
    [
        (0.0, 5.0, 1000.0, False),
        (15.0, 15.0, 0.0, False),
        (15.0, 15.0, 4.0, False),
        (15.0, 60.0, 1.0, False),
        (15.0, 14.9, 0.0, True),
        (15.0, 5.0, 0.1, True),
        # They fill up before their time.
        (15.0, 60.0, 4.1, True),
    ],
)
def test_who_falls_behind_is_warned_of(between: float, seconds: float, made: float, warned: bool) -> None:
    text = pace_warning(name="a", seconds_between=between, batch_seconds=seconds, made=made)
    assert bool(text) is warned


def test_the_warning_has_both_figures_and_what_to_set() -> None:
    text = pace_warning(name="sectigo", seconds_between=15.0, batch_seconds=5.0)
    assert text.startswith("sectigo wants 15 s between requests, which is 4 batches a minute, and up to 12 are made")
    assert "set batch.seconds to 15 or more" in text
    filled = pace_warning(name="a", seconds_between=15.0, batch_seconds=30.0, made=100.0)
    assert "4 batches a minute, and 100 are made now" in filled
    assert "set batch.seconds to 30 or more, and batch.items so high" in filled
