from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.clock import from_datetime, iso_time, to_datetime

FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999."""


@given(st.integers(FIRST, LAST))
def test_a_time_comes_back_as_it_was_before_1970_too(microseconds: int) -> None:
    assert from_datetime(to_datetime(microseconds)) == microseconds


@pytest.mark.parametrize("microseconds", [FIRST - 1, LAST + 1, 2**63 - 1, -(2**63), 2**80])
def test_what_no_calendar_has_is_one_kind_of_error_and_a_number(microseconds: int) -> None:
    with pytest.raises(OverflowError):
        to_datetime(microseconds)
    assert iso_time(microseconds) == str(microseconds)


def test_times_as_text_have_one_length_and_compare_as_times_do() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000000Z"
    assert iso_time(1_795_305_600_000_001) == "2026-11-22T00:00:00.000001Z"
    assert iso_time(FIRST) == "0001-01-01T00:00:00.000000Z" < iso_time(-1) < iso_time(0)
