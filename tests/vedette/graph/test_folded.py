"""What mentions say together is the same, whether it is at hand as values or as JSON."""

from __future__ import annotations

import pytest

from vedette.graph.folded import Folded
from vedette.graph.folding import State, write_state

ZEUS: State = {"name": {"earliest": ["Zeus", 5, 1.0]}, "alias": ["Zbot"], "note": {"one": [7]}}
LATER: State = {"name": {"earliest": ["zeus", 9, 1.0]}, "alias": ["Wsnpoem"]}


@pytest.fixture(params=["values", "JSON", "both"])
def zeus(request: pytest.FixtureRequest) -> Folded:
    """The same in each form."""
    json = write_state(ZEUS)
    made = {"values": Folded(ZEUS), "JSON": Folded(json=json), "both": Folded(ZEUS, json=json)}
    return made[request.param]


def test_it_shows_its_name_and_its_words(zeus: Folded) -> None:
    assert (zeus.name, zeus.words) == ("Zeus", "Zeus\nZbot\n7")
    assert (zeus.state, zeus.json) == (ZEUS, write_state(ZEUS))


def test_it_may_have_what_it_has(zeus: Folded) -> None:
    assert zeus.may_have("alias")
    assert not zeus.may_have("tags")


@pytest.mark.parametrize("other", [Folded(LATER), Folded(json=write_state(LATER))], ids=["values", "JSON"])
def test_both_say_together_what_each_says(zeus: Folded, other: Folded) -> None:
    together = zeus.united(other)

    assert together.state["alias"] == ["Wsnpoem", "Zbot"]
    assert together.name == "Zeus"
    assert other.united(zeus).is_same(together)
    assert together.united(other) is together
    assert not zeus.is_same(other)


def test_who_says_the_same_changes_nothing(zeus: Folded) -> None:
    assert zeus.united(Folded(dict(ZEUS))) is zeus
    assert zeus.united(Folded(json=write_state(ZEUS))) is zeus
