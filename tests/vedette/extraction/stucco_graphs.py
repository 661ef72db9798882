"""Stucco's cases at graph level: what they expect of a graph, held against a subgraph of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.vedette.extraction.stucco_cases import FOLDER
from vedette.extraction.subgraph import Subgraph, Vertex


@dataclass(frozen=True, kw_only=True)
class GraphCase:
    """One document, and the graph that is expected of it."""

    suite: str
    test: str
    document: str
    expected: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.suite}-{self.test}"


def graph_cases(*suites: str) -> list[GraphCase]:
    """Return the cases of files such as `SnoGraphExtractorTest`; none where they are absent."""
    found = []
    for suite in suites:
        file = FOLDER / f"{suite}.json"
        for test in json.loads(file.read_text("utf-8")) if file.exists() else ():
            for number, part in enumerate(test["subcases"]):
                given = part["input"]
                if given is None:
                    continue
                document = given["value"] if given["kind"] == "call" else given["args"][-1]["value"]
                name = f"{test['test']}-{number}" if number else test["test"]
                found.append(GraphCase(suite=suite, test=name, document=document, expected=part["expected"]))
    return found


def differences(expected: dict[str, Any], subgraph: Subgraph) -> list[str]:
    """Return how a subgraph differs from what is expected of it."""
    if expected["null"]:
        return ["something is stated"] if subgraph else []
    # The cases of STIX packages name vertices by the ids that their documents give them.
    by_name = {vertex.name: vertex for vertex in subgraph.vertices.values()} | dict(subgraph.vertices)
    found: list[str] = []
    for one in expected["vertices"]:
        vertex = by_name.get(one["key"])
        found += [f"{one['key']} is not there"] if vertex is None else _unlike(vertex, one["props"])
    stated = {
        (out, into, edge.relation)
        for edge in subgraph.edges
        for out in (edge.out_id, subgraph.vertices[edge.out_id].name)
        for into in (edge.in_id, subgraph.vertices[edge.in_id].name)
    }
    wanted = [(edge["out"], edge["in"], edge["relation"]) for edge in expected["edges"]]
    found += [f"{edge} is not stated" for edge in wanted if edge not in stated]
    counts = {"count_vertices": len(subgraph.vertices), "count_edges": len(subgraph.edges)}
    found += [f"{name} {counts[name]}" for name in counts if expected.get(name, counts[name]) != counts[name]]
    return found


def _unlike(vertex: Vertex, wanted: dict[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        actual = vertex.properties.get(name.removesuffix("__contains"))
        members = actual if isinstance(actual, tuple) else ()
        if name.endswith("__contains"):
            good = set(value) <= set(members)
        elif isinstance(value, dict):
            good = ", ".join(members) == value["set_string"]
        else:
            good = str(actual) == str(value)
        if not good:
            yield f"{vertex.name}: {name} is {actual!r}, not {value!r}"
