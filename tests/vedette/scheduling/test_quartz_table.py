"""More than 200 expressions with their next dates, as Quartz's documented rules have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vedette.clock import from_datetime, to_datetime
from vedette.scheduling.cron import CronExpression

TABLE = Path(__file__).with_name("quartz.txt")
_GROUP = re.compile(r"\[.* \| (?P<zone>[^|]+) \| (?P<after>[^|]+)\]")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    expression: str
    zone: str
    after: datetime
    expected: list[str]


def rows() -> list[Row]:
    """Return the table."""
    found: list[Row] = []
    zone, after = "UTC", ""
    for line in TABLE.read_text().splitlines():
        if match := _GROUP.fullmatch(line):
            zone, after = match["zone"], match["after"]
        elif line and not line.startswith("#"):
            expression, *expected = line.split(" | ")
            start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
            found.append(Row(expression=expression, zone=zone, after=start, expected=expected))
    return found


def test_the_table_is_long_enough() -> None:
    assert len(rows()) > 200


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.expression} {row.zone} {row.after:%Y%m%d}")
def test_the_next_three_times_are_those_of_the_table(row: Row) -> None:
    expression, zone = CronExpression.parse(row.expression), ZoneInfo(row.zone)
    instant: int | None = from_datetime(row.after)
    found = []
    for _ in row.expected:
        instant = None if instant is None else expression.next_after(instant, zone)
        found.append("-" if instant is None else to_datetime(instant).astimezone(zone).isoformat(sep=" "))
    assert found == row.expected
