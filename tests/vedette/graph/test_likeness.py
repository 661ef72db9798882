"""How alike names are: right on labelled pairs, the same in both directions, and found by blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.graph.canonical import as_text
from vedette.graph.likeness import THRESHOLDS, blocks, likeness

PAIRS = Path(__file__).parents[3] / "tools" / "likeness_pairs.tsv"


def labelled(group: str) -> list[tuple[bool, str, str]]:
    lines = [line.split("\t") for line in PAIRS.read_text().splitlines() if line.startswith(f"{group}\t")]
    return [(truth == "same", as_text(first), as_text(second)) for _, truth, first, second in lines]


@pytest.mark.parametrize("group", sorted(THRESHOLDS))
def test_thresholds_are_right_on_labelled_pairs(group: str) -> None:
    threshold, found = THRESHOLDS[group], []
    for truth, first, second in labelled(group):
        met = blocks("Kind", group, first) & blocks("Kind", group, second)
        found.append((likeness(group, first, second) if met else 0.0, truth))

    assert not [score for score, truth in found if score >= threshold.same and not truth]
    wanted = [score for score, truth in found if truth]
    assert sum(score >= threshold.same for score in wanted) >= 0.85 * len(wanted)
    assert sum(score >= threshold.review for score in wanted) >= 0.95 * len(wanted)


@pytest.mark.parametrize(
    ("first", "second"),
    [("apt28", "apt29"), ("agent.aa", "agent.ab"), ("lockbit 2.0", "lockbit 3.0"), ("gozi", "goza"), ("", "x")],
)
def test_names_that_differ_in_what_matters_are_not_alike(first: str, second: str) -> None:
    assert likeness("malware", first, second) == 0.0


def test_noise_order_and_spaces_do_not_matter() -> None:
    assert likeness("actor", "the lazarus group", "lazarus") == 1.0
    assert likeness("product", "adobe acrobat reader", "acrobat reader adobe") == 1.0
    assert likeness("malware", "trojan", "the trojan") == 0.0
    assert likeness("malware", "trojan malware", "trojan") < THRESHOLDS["malware"].review


@given(group=st.sampled_from(sorted(THRESHOLDS)), first=st.text(max_size=40), second=st.text(max_size=40))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_it_is_the_same_in_both_directions(group: str, first: str, second: str) -> None:
    score = likeness(group, first, second)

    assert 0.0 <= score <= 1.0
    assert likeness(group, second, first) == score
    assert likeness(group, first, first) == 1.0


@given(name=st.text("abcdefghij", min_size=5, max_size=15), at=st.integers(0, 14))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_names_that_differ_by_one_letter_share_a_block(name: str, at: int) -> None:
    at = min(at, len(name) - 1)
    changed = name[:at] + "z" + name[at + 1 :]

    assert blocks("Kind", "malware", name) & blocks("Kind", "malware", changed)
    assert not blocks("Kind", "malware", name) & blocks("Other", "malware", name)


def test_a_name_has_few_blocks_that_both_databases_can_keep() -> None:
    for name in ("", "a", "emotet", "x" * 15, "wizard spider locker" * 20, "1" * 400):
        found = blocks("Kind", "malware", name)
        assert 1 <= len(found) <= 20
        assert all(0 <= block < 2**63 for block in found)


def test_names_that_a_list_made_of_hosts_are_alike_to_none() -> None:
    first, second = "malwaredomainlist_alsoknowsit.com", "malwaredomainlist_alsoknewit.com"

    assert likeness("malware", first, second) == 0.0
    assert not blocks("Malware", "malware", first) & blocks("Malware", "malware", second)
    assert likeness("malware", first, first) == 1.0
