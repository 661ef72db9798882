"""Percentiles of delays."""

from __future__ import annotations

import pytest

from vedette.evidence.timestamp_state import percentile


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([7], 0.99, 7),
        ([4, 1, 3, 2], 0.5, 2),
        (list(range(1, 101)), 0.5, 50),
        (list(range(100, 0, -1)), 0.99, 99),
        ([-5, 1], 0.5, -5),
    ],
)
def test_the_smallest_value_that_the_share_does_not_exceed(
    values: list[int], share: float, found: int | None
) -> None:
    assert percentile(values, share) == found
