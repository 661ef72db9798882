"""Folding: each rule's choice, and that neither order nor repetition matters."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.graph.folding import (
    MAX_VALUE,
    MAX_VALUES,
    Rule,
    State,
    are_alike,
    fold,
    name_of,
    read_state,
    unite,
    values,
    write_state,
)

plain = st.one_of(
    st.integers(-5, 5), st.floats(), st.sampled_from(("", "a", "b", "ab", "é")), st.integers(2**62, 2**70)
)
said = st.one_of(plain, st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple))
RULES: tuple[Rule, ...] = ("union", "any", "latest", "earliest", "surest", "greatest", "least")


def state(rule: Rule, value: Any, at: int = 0, sure: float = 1.0) -> State:
    return fold(
        {"p": value, "vertexType": "x", "observableType": "y"}, at=at, confidence=sure, rule_of=lambda _: rule
    )


@given(
    rule=st.sampled_from(RULES),
    all_said=st.lists(st.tuples(said, st.integers(0, 2), st.sampled_from((0.5, 1.0))), min_size=1, max_size=6),
    data=st.data(),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_order_and_repetition_do_not_matter(rule: Rule, all_said: list[Any], data: st.DataObject) -> None:
    states = [state(rule, *one) for one in all_said]
    together = reduce(unite, states)

    shuffled = data.draw(st.permutations(states))
    half = len(states) // 2
    parts = [reduce(unite, part) for part in (shuffled[:half], shuffled[half:], shuffled[:1]) if part]

    assert write_state(reduce(unite, parts)) == write_state(together)
    assert read_state(write_state(together)) == together


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("union", ("1", "20", "3")),
        ("any", ("1", "20", "3")),
        ("latest", 3),
        ("earliest", 20),
        ("surest", 1),
        ("greatest", 20),
        ("least", 1),
    ],
)
def test_each_rule_prefers_a_value(rule: Rule, expected: Any) -> None:
    states = [state(rule, 20, at=1, sure=0.2), state(rule, 1, at=2, sure=0.9), state(rule, 3, at=3, sure=0.5)]

    assert values(reduce(unite, states)) == {"p": expected}


def test_values_that_nobody_prefers_are_plain_where_there_is_one() -> None:
    assert values(state("any", 7)) == {"p": 7}
    assert values(unite(state("any", 7), state("any", 7))) == {"p": 7}
    assert values(unite(state("any", "a"), state("any", ("a",)))) == {"p": ("a",)}


def test_texts_have_the_order_of_their_characters() -> None:
    assert values(reduce(unite, [state("least", text) for text in ("b", "ab", "a")])) == {"p": "a"}
    assert values(reduce(unite, [state("greatest", text) for text in ("a", "b", "ab", 99)])) == {"p": "b"}


def test_what_a_state_holds_is_bounded() -> None:
    many = reduce(unite, [state("union", f"{number:04d}") for number in range(MAX_VALUES * 2)])
    assert len(many["p"]) == MAX_VALUES
    assert len(str(values(state("latest", "x" * 10**6))["p"])) == MAX_VALUE + 1


def test_a_rule_that_changed_with_a_release_loses_nothing() -> None:
    assert values(unite(state("latest", "a"), state("union", "b"))) == {"p": ("a", "b")}


def test_the_name_is_apart() -> None:
    named = fold({"name": "A", "p": 1}, at=0, confidence=1.0, rule_of=lambda name: "earliest")
    assert (name_of(named), values(named)) == ("A", {"p": 1})


def test_states_are_alike_by_their_values_alone() -> None:
    def said(at: int, **properties: str) -> State:
        return fold({"name": "A", **properties}, at=at, confidence=1.0, rule_of=lambda name: "latest")

    assert are_alike(said(1, note="a"), said(2, note="a"))
    assert not are_alike(said(1, note="a"), said(1, note="b"))
    assert not are_alike(said(1, note="a"), said(1, other="a"))
