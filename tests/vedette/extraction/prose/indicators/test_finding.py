"""What is found in texts, and what is not."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.prose.indicators.stated_texts import CASES, Case
from vedette.extraction.prose.indicators.finding import find


def test_there_are_as_many_cases_as_were_promised() -> None:
    assert len(CASES) >= 250
    assert len(set(CASES)) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case[0][:60].encode("unicode_escape").decode() for case in CASES])
def test_indicators_of_a_text(case: Case) -> None:
    text, *wanted = case
    assert [f"{one.label} {one.value}" for one in find(text)] == wanted
