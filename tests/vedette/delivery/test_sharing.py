"""Sharing items over engines."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vedette.delivery.sharing import choose_engine

_ENGINES = st.lists(st.text(min_size=1), min_size=2, max_size=6, unique=True)


def test_without_an_engine_there_is_no_choice() -> None:
    assert choose_engine([], agent="a", check="c") is None


@given(_ENGINES, st.text(), st.text())
def test_only_the_share_of_an_engine_that_died_moves(engines: list[str], agent: str, check: str) -> None:
    before = choose_engine(engines, agent=agent, check=check)
    left = engines[1:]
    if before in left:
        assert choose_engine(left, agent=agent, check=check) == before
    assert choose_engine(engines[::-1], agent=agent, check=check) == before


def test_the_shares_are_about_equal() -> None:
    engines = ["one@localhost", "two@localhost", "three@localhost"]
    shares = Counter(choose_engine(engines, agent="p@localhost", check=str(number)) for number in range(3000))
    assert all(850 < share < 1150 for share in shares.values())
