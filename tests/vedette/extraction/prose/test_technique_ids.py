"""Ids of techniques: replaced ones, parents, and families that are sure only together."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.technique_ids import REPLACED, current, parent, with_families


def test_a_replaced_id_is_todays() -> None:
    assert current("T1574.002") == "T1574.001"
    assert current("T1059.001") == "T1059.001"
    assert not set(REPLACED) & set(REPLACED.values())


def test_a_sub_technique_has_a_parent() -> None:
    assert (parent("T1059.001"), parent("T1059"), parent("T0803")) == ("T1059", "T1059", "T0803")


def test_what_is_sure_alone_is_said_alone() -> None:
    assert with_families([("T1059.001", 0.6), ("T1059.003", 0.3)], threshold=0.5)[0] == ("T1059.001", 0.6)
    assert "T1059" not in dict(with_families([("T1059.001", 0.6), ("T1059.003", 0.3)], threshold=0.5))


def test_a_family_is_said_where_only_together_it_is_sure() -> None:
    found = with_families([("T1059.001", 0.3), ("T1027", 0.2), ("T1059.003", 0.2), ("T1059", 0.1)], threshold=0.5)
    assert found[0] == ("T1059", pytest.approx(0.6))
    assert [name for name, _ in found] == ["T1059", "T1059.001", "T1027", "T1059.003"]


def test_nothing_is_said_where_the_family_is_not_sure_either() -> None:
    ranked = [("T1059.001", 0.3), ("T1059.003", 0.1)]
    assert with_families(ranked, threshold=0.5) == ranked


def test_two_ids_of_one_technique_are_one() -> None:
    assert with_families([("T1574.002", 0.3), ("T1574.001", 0.3)], threshold=0.5) == [("T1574.001", 0.6)]


def test_nothing_of_nothing() -> None:
    assert with_families([], threshold=0.5) == []
