"""Stucco's own JSON subgraphs: given back as they are; bad parts said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.graphs import read, said
from tests.vedette.extraction.stucco_cases import FOLDER, needs_cases
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.stucco import MAX_GRAPH, Stucco

GRAPH: dict[str, Any] = {
    "vertices": {
        "stucco:ip-1": {
            "vertexType": "IP",
            "observableType": "Address",
            "name": "192.0.2.1",
            "description": ["192.0.2.1"],
            "source": ["Argus"],
            "ipInt": 3221225985,
        },
        "stucco:port-1": {"vertexType": "Observable", "observableType": "Port", "name": "80"},
    },
    "edges": [{"outVertID": "stucco:ip-1", "inVertID": "stucco:port-1", "relation": "Sub-Observable"}],
}


def test_a_subgraph_is_given_back_as_it_is() -> None:
    assert read(Stucco, json.dumps(GRAPH)).as_stucco() == GRAPH


def test_forms_are_made_one() -> None:
    given = {
        "vertices": [
            {"_id": "a", "_type": "vertex", "vertexType": "IP", "ipInt": "3221225985", "source": "x", "odd": {"a": 1}}
        ],
        "edges": [
            {"outVertID": "a", "inVertID": "a", "relation": "r", "outVertTable": "IP", "self": "x"},
            {"outVertID": "a", "inVertID": "a", "relation": "r"},
        ],
    }
    subgraph = read(Stucco, json.dumps(given))
    said(subgraph.vertices["a"], name="a", ipInt=3221225985, source=("x",), odd='{"a":1}', _type=None)
    [edge] = subgraph.edges
    assert edge.properties == {"self": "x"}


def test_bad_parts_are_said_and_the_rest_is_read() -> None:
    given = {
        "vertices": {
            "a": {"vertexType": "IP"},
            "b": {},
            "c": 5,
            "d": {"vertexType": "IP", "name": ["x"]},
            "e": {"vertexType": "x" * 999},
        },
        "edges": [
            {"outVertID": "a", "inVertID": "b", "relation": "r"},
            {"outVertID": "a", "inVertID": "z", "relation": "r"},
            {"outVertID": "a", "inVertID": "a"},
            {"outVertID": "a", "inVertID": "a", "relation": "x" * 999},
            7,
        ],
    }
    subgraph = read(Stucco, json.dumps(given))
    assert list(subgraph.vertices) == ["a"]
    assert not subgraph.edges
    assert [str(problem.position) for problem in subgraph.problems] == [
        "vertices b",
        "vertices c",
        "vertices d",
        "vertices e",
        "edges[1]",
        "edges[2]",
        "edges[3]",
        "edges[4]",
    ]


@pytest.mark.parametrize(
    "content", ["{}", '{"vertices": {}}', '{"vertices": [], "edges": []}', '\ufeff{"edges": null}']
)
def test_an_empty_subgraph_states_nothing(content: str) -> None:
    assert not read(Stucco, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"[]", "no object with"),
        (b'{"a": 1}', "neither `vertices` nor `edges`"),
        (b'{"vertices": {"a": {}}}', "no vertexType"),
        (b'{"vertices": ', "no JSON"),
        (b'{"vertices": {"a": {"vertexType": "\xff"}}}', "no JSON"),
        (b'{"vertices": ' + b"[" * 100_000, "no JSON"),
        (b" " * MAX_GRAPH + b"{}", "up to"),
    ],
    ids=range(8),
)
def test_what_is_no_subgraph_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        Stucco().extract(Document(content=content))


@needs_cases()
@pytest.mark.parametrize(
    "suite", ["AlignTest", "DBConnectionTest", "InMemoryDBConnectionTest", "PostgresqlDBConnectionTest"]
)
def test_the_graphs_of_stuccos_cases_are_read(suite: str) -> None:
    tests = json.loads((FOLDER / f"{suite}.json").read_text("utf-8"))
    graphs = [
        literal["graph"] for test in tests for literal in test["graph_literals"] if "vertices" in literal["graph"]
    ]
    for graph in graphs:
        subgraph = read(Stucco, json.dumps(graph))
        assert not subgraph.problems
        assert set(subgraph.vertices) == set(graph["vertices"])
        assert len(subgraph.edges) == len(graph.get("edges", []))
