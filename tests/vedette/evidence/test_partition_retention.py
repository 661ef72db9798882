"""Which partitions go, wait, or are left to go row by row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.kept import rules
from vedette.evidence.partition_retention import (
    DAY,
    WIDEST,
    PartitionFate,
    PayloadGroup,
    partition_days,
    partition_fate,
)
from vedette.evidence.retention import Candidate

NOW = 1_000 * DAY
KEEP = {"keep": "10d"}


def group(*, age: int, **other: Any) -> PayloadGroup:
    """Some payloads, the newest so many days old."""
    known = {"type": "scan", "source": "a.b", "state": "proved", "held": False, "queued": False}
    newest = Candidate(uuid="", size=1, received_at=NOW - age * DAY, **{**known, **other})
    return PayloadGroup(newest=newest, count=3)


GOES, WAITS, BY_ROW = PartitionFate.GOES, PartitionFate.WAITS, PartitionFate.BY_ROW


@pytest.mark.parametrize(
    ("groups", "policies", "expected"),
    [
        ([], [KEEP], GOES),
        ([group(age=10)], [KEEP], GOES),
        ([group(age=9)], [KEEP], WAITS),
        ([group(age=3)], [KEEP], WAITS),
        ([group(age=2)], [KEEP], BY_ROW),
        ([group(age=20), group(age=9, type="log")], [KEEP], WAITS),
        ([group(age=20), group(age=20, held=True)], [KEEP], BY_ROW),
        ([group(age=20), group(age=9, held=True)], [KEEP], BY_ROW),
        ([group(age=20, queued=True)], [KEEP], BY_ROW),
        ([group(age=9, queued=True)], [KEEP], WAITS),
        ([group(age=20, state="pending")], [KEEP], BY_ROW),
        ([group(age=9, state="pending")], [KEEP], WAITS),
        ([group(age=20, state="proved")], [KEEP | {"minimum": "strong"}], BY_ROW),
        ([group(age=20), group(age=20, type="log")], [{"type": "scan"} | KEEP], BY_ROW),
        ([group(age=20), group(age=20, source="c")], [{"source": "c", "keep": "forever"}, KEEP], BY_ROW),
        ([group(age=20), group(age=20, source="c")], [{"source": "c", "keep": "25d"}, KEEP], WAITS),
        ([group(age=20), group(age=20, source="c")], [{"source": "c", "keep": "99d"}, KEEP], BY_ROW),
        ([group(age=20)], [], BY_ROW),
    ],
)
def test_the_fate_of_a_partition_of_a_week(
    groups: list[PayloadGroup], policies: list[dict[str, str]], expected: PartitionFate
) -> None:
    assert partition_fate(groups, rules(*policies), now=NOW, width=7 * DAY) is expected


@pytest.mark.parametrize(
    ("policies", "days"),
    [
        ([], WIDEST),
        ([{"keep": "forever"}], WIDEST),
        ([{"keep": "1d"}], 1),
        ([{"keep": "90d"}], 3),
        ([{"type": "scan", "keep": "7d"}, {"keep": "300d"}], 10),
        ([{"keep": "20y"}], WIDEST),
    ],
)
def test_the_width_of_a_new_one_follows_from_the_longest_time(policies: list[dict[str, str]], days: int) -> None:
    assert partition_days(rules(*policies)) == days
