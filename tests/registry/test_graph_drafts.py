"""Subgraphs made ready: large ones piece by piece, with the same result."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from registry import graph_drafts, graph_merging
from registry.graph import graph_database
from registry.graph_drafts import MAX_WORDS, draft, words_of
from tests.registry.graphs import Attempt, attempt, said, vertex
from vedette.extraction.subgraph import Value
from vedette.graph.folding import fold
from vedette.graph.folding import values as read_values
from vedette.graph.ontology import ontology


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and few things are written at a time."""
    monkeypatch.setattr(graph_drafts, "LARGE", 0)
    monkeypatch.setattr(graph_merging, "TOGETHER", 3)


def graph_of(folder: Path, migrated: Path) -> object:
    hosts = [vertex("IP", f"10.0.0.{number}") for number in range(1, 9)]
    network, again = vertex("AddressRange", "10.0.0.0/30"), vertex("IP", "::ffff:10.0.0.1")
    edges = [(one, "Sub-Observable", other) for one in hosts for other in (hosts[0], again, hosts[0])]
    (folder / "graph.db").write_bytes(migrated.read_bytes())

    def work(graph: Attempt) -> object:
        done = graph.merge(said("i1", [*hosts, network, again], edges))
        return done, graph.snapshot()

    with graph_database(f"sqlite:///{folder}/graph.db") as database:
        return attempt(database, work)


def test_a_large_one_comes_to_the_same_as_a_small_one(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_graph: Path
) -> None:
    whole = graph_of(tmp_path, migrated_graph)
    request.getfixturevalue("pieces")
    assert graph_of(tmp_path, migrated_graph) == whole


def test_a_large_one_is_not_held_in_memory(pieces: None) -> None:
    made = draft(said("i1", [vertex("IP", "10.0.0.1")]), ontology())

    assert not isinstance(made.mentions, list)
    assert [mention.node.canonical for mention in made.mentions] == ["10.0.0.1"]


def test_words_are_each_value_once_and_bounded() -> None:
    said = {"name": "A", "description": ("b", "A"), "score": 7.5, "long": "x" * 15_000, "other": "y" * 15_000}
    words = words_of(fold(said, at=0, confidence=1.0, rule_of=lambda name: "latest"))

    assert words.split("\n")[:2] == ["A", "b"]
    assert len(words) == MAX_WORDS


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\0b", "a\ufffdb"), ("a\ud800b", "a?b"), ("\\u0000", "\\u0000"), ("ä", "ä"), (7.0, 7), (2**63, str(2**63))],
    ids=["nul", "lone surrogate", "only looks like a nul", "no ascii", "whole number", "large number"],
)
def test_what_is_said_is_kept_as_both_databases_can(given: Value, kept: Value) -> None:
    made = draft(said("i1", [vertex("IP", "10.0.0.1", note=given)]), ontology())

    assert [orjson.loads(mention.said)["note"] for mention in made.mentions] == [kept]
    assert [read_values(mention.state)["note"] for mention in made.mentions] == [kept]
