"""Subgraphs made ready: large ones piece by piece, with the same result."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from registry import graph_drafts, graph_merging
from registry.graph import graph_database
from registry.graph_drafts import draft
from tests.registry.graphs import AT, Attempt, attempt, origin, said, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import Subgraph, Value
from vedette.graph.draft_packing import pack_draft, unpack_draft
from vedette.graph.drafted import drafted, observed
from vedette.graph.folded import MAX_WORDS, words_of
from vedette.graph.folding import fold
from vedette.graph.folding import values as read_values
from vedette.graph.ontology import ontology
from vedette.graph.port import Said


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and few things are written at a time."""
    monkeypatch.setattr(graph_drafts, "LARGE", 0)
    monkeypatch.setattr(graph_merging, "TOGETHER", 3)


def graph_of(folder: Path, migrated: Path, *, elsewhere: bool = False) -> object:
    hosts = [vertex("IP", f"10.0.0.{number}") for number in range(1, 9)]
    network, again = vertex("AddressRange", "10.0.0.0/30"), vertex("IP", "::ffff:10.0.0.1")
    edges = [(one, "Sub-Observable", other) for one in hosts for other in (hosts[0], again, hosts[0])]
    (folder / "graph.db").write_bytes(migrated.read_bytes())
    first = said("i1", [*hosts, network, again, vertex("Malware", "Zeus", alias=("Zbot",))], edges)
    second = said("i2", [hosts[0], vertex("Malware", "Zeus", alias=("Zbot", "Wsnpoem"))], at=AT + 1)

    def work(graph: Attempt) -> object:
        done = [graph.merge(made_ready(one) if elsewhere else one) for one in (first, second)]
        return done, graph.snapshot()

    with graph_database(f"sqlite:///{folder}/graph.db") as database:
        return attempt(database, work)


def test_a_large_one_comes_to_the_same_as_a_small_one(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_graph: Path
) -> None:
    whole = graph_of(tmp_path, migrated_graph)
    request.getfixturevalue("pieces")
    assert graph_of(tmp_path, migrated_graph) == whole


def made_ready(one: Said) -> Said:
    """What a process that extracts sends."""
    assert isinstance(one.subgraph, Subgraph)
    packed = pack_draft(drafted(one.subgraph, ontology(), observed(one.origin.observed_at)))
    return Said(origin=one.origin, subgraph=unpack_draft(packed, ontology()))


def test_one_that_was_made_ready_elsewhere_comes_to_the_same(tmp_path: Path, migrated_graph: Path) -> None:
    here = graph_of(tmp_path, migrated_graph)

    assert graph_of(tmp_path, migrated_graph, elsewhere=True) == here


def test_one_that_was_made_ready_for_another_time_is_refused() -> None:
    ready = made_ready(said("i1", [vertex("IP", "10.0.0.1")]))

    with pytest.raises(ExtractionError, match="another time"):
        draft(Said(origin=origin("i1", at=AT + 1), subgraph=ready.subgraph), ontology())


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
    assert [read_values(mention.folded.state)["note"] for mention in made.mentions] == [kept]
