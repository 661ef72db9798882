"""The garbage collector is kept away from work, and has its turn."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from vedette.undisturbed import Keeper, undisturbed


class Knot:
    """Refers to itself: only the collector can let it go."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.unfreeze()
    gc.enable()


def test_it_is_away_while_somebody_works_and_back_afterwards() -> None:
    with undisturbed(kept=True):
        assert not gc.isenabled()
        with undisturbed(kept=False):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_back_after_a_failure() -> None:
    with pytest.raises(ValueError, match="broken"), undisturbed(kept=True):
        raise ValueError("broken")
    assert gc.isenabled()


def test_who_had_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    with undisturbed(kept=True):
        pass
    assert not gc.isenabled()


def test_many_objects_are_frozen_and_few_are_not() -> None:
    before = gc.get_freeze_count()
    keeper = Keeper(many=10_000)
    keeper.begin()
    few = [[] for _ in range(100)]  # type: list[list[int]]
    keeper.end(kept=True)
    assert gc.get_freeze_count() == before
    keeper.begin()
    many = [[] for _ in range(20_000)]  # type: list[list[int]]
    keeper.end(kept=True)
    assert gc.get_freeze_count() >= before + len(many) + len(few)


def test_many_objects_that_are_gone_are_not_frozen() -> None:
    before = gc.get_freeze_count()
    keeper = Keeper(many=0)
    keeper.begin()
    keeper.end(kept=False)
    assert gc.get_freeze_count() == before


def test_what_refers_to_itself_goes_when_the_collector_has_its_turn() -> None:
    keeper = Keeper(turn=0.0, many=0)
    keeper.begin()
    knot = weakref.ref(Knot())
    keeper.end(kept=True)
    gc.collect()
    assert knot() is not None
    keeper.begin()
    keeper.end(kept=True)
    assert knot() is None
