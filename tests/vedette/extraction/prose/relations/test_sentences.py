"""What sentences say, by the tables beside this file: each says what is wanted and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prose_sentences import Case, cases, said_by

HERE = Path(__file__).parent
TABLES = ("products", "flaws", "names", "standing_in", "actions", "parsed")


@pytest.mark.parametrize(
    "case", [case for table in TABLES for case in cases(HERE / f"{table}.txt")], ids=lambda case: case.marked[0][:60]
)
def test_a_sentence_says_what_is_wanted_and_no_more(case: Case) -> None:
    assert said_by(*case.marked, trees=case.trees) == case.wanted


def test_there_are_enough_of_them() -> None:
    found = [case for table in TABLES for case in cases(HERE / f"{table}.txt")]
    assert len(found) >= 100
    assert sum(not case.wanted for case in found) >= 15
