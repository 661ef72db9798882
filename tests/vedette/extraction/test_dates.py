"""Dates of properties."""

from __future__ import annotations

import pytest

from vedette.extraction.dates import milliseconds, milliseconds_of_seconds


@pytest.mark.parametrize(
    ("text", "forms", "found"),
    [
        ("2026-11-20 08:01:02", (), 1795161662000),
        ("2026-11-20T09:01:02+01:00", (), 1795161662000),
        ("2026-11-20 08:01:02 UTC", ("%Y-%m-%d %H:%M:%S UTC",), 1795161662000),
        ("2014/09/02_09:11", ("%Y/%m/%d_%H:%M",), 1409649060000),
        ("2014/09/02_09:11", (), None),
        ("1969-12-31", (), -86_400_000),
        ("", (), None),
        ("2026-13-01", (), None),
        ("2" * 100, (), None),
    ],
)
def test_a_date_is_milliseconds_or_none(text: str, forms: tuple[str, ...], found: int | None) -> None:
    assert milliseconds(text, *forms) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1394445736", 1394445736000),
        (" 1 ", 1000),
        ("0", None),
        ("", None),
        ("-1", None),
        ("9" * 13, None),
        ("\u0661", None),
    ],
)
def test_seconds_are_milliseconds_or_none(text: str, found: int | None) -> None:
    assert milliseconds_of_seconds(text) == found
