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


def test_instants_and_addresses_as_numbers_are_not_searched() -> None:
    state: State = {
        "name": {"one": ["198.51.100.7"]},
        "ipInt": {"one": [3325256711]},
        "firstSeen": {"least": [1_793_491_200_000, 5, 1.0]},
        "port": {"one": [443, 8443]},
        "serial": {"latest": ["1793491200000", 5, 1.0]},
        "counts": {"one": [7, 1_793_491_200_001]},
    }

    assert Folded(state).words == "198.51.100.7\n7\n1793491200001\n443\n8443\n1793491200000"


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
