"""Stucco's own test cases (`../shared/cases/stucco`): their inputs, and how much of what they assert is found.

A value is found where it is contained in a text of the subgraph: an id apart, every property of every vertex, every
relation. Texts are compared without a difference in case or white space, numbers as text. Ids are not counted, nor is
what only the form of the XML or GraphSON has (`_type`, counts, `validate()`).
What an older vocabulary calls something is compared by what it is called now (`VOCABULARY`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vedette.extraction.subgraph import Subgraph

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "cases" / "stucco"

VOCABULARY = {
    "account": "User Account",
    "address": "Socket Address",
    "addressrange": "AddressRange",
    "dnsname": "Domain Name",
    "flow": "Network Flow",
    "host": "Hostname",
    # Of Metasploit's modules (GraphConstructorTest has an Exploit there); of others it is found as it is.
    "malware": "Exploit",
    "organization": "Whois",
    "service": "Process",
    "software": "Product",
}
"""Titles of the XML and `vertexType`s of the GraphSON that have another name in Stucco's graph."""

_CONTAINED = re.compile(r'\.(?:contains|containsKey|has|equals|startsWith|endsWith)\(\\?"((?:[^"\\]|\\.)*)"\)')
_JAVA_ESCAPE = re.compile(r"\\([\\\"'])")
_FLOW = re.compile(r"(\S+:\d+)::(\S+:\d+)")
_RANGE = re.compile(r"([0-9.]+)_through_([0-9.]+)")
# Ids, and words that only the old form has.
_NOT_COUNTED = frozenset({"_id", "_type", "_outV", "_inV", "_label", "outVType", "inVType"})


@dataclass(frozen=True, kw_only=True)
class Case:
    """One document, and what is asserted of it."""

    suite: str
    test: str
    inputs: dict[str, str]
    """What is read, by the name of the argument; `input`, `input2` … in a suite of the GraphSON kind."""
    values: tuple[str, ...]
    """What must be found."""
    edges: tuple[tuple[str, str], ...] = ()
    """GraphSON: names of vertices that must be related, whichever way."""
    headers: tuple[str, ...] = ()
    """Columns that are given apart from the document."""
    empty: bool = False
    """Whether nothing is stated."""


@dataclass
class Score:
    """How much was found."""

    asserted: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return 1.0 if not self.asserted else 1 - len(self.missing) / self.asserted

    def __str__(self) -> str:
        return f"{self.asserted - len(self.missing)}/{self.asserted} found; missing: {self.missing}"


def cases(suite: str) -> list[Case]:
    """Return a file's cases, such as `HoneExtractorTest` or `scala_HoneExtractorSuite`; none where it is absent."""
    file = FOLDER / f"{suite}.json"
    if not file.exists():
        return []
    tests = json.loads(file.read_text("utf-8"))
    if suite.startswith("scala_"):
        return [_of_graphson(suite, test) for test in tests]
    return [case for test in tests for case in _of_xml(suite, test)]


def score(suite: str, extract: Callable[[Case], Subgraph]) -> Score:
    """Return how much of what a suite asserts is found in what `extract` makes of its documents."""
    found = Score()
    for case in cases(suite):
        judge(case, extract(case), found)
    return found


def judge(case: Case, subgraph: Subgraph, found: Score) -> None:
    """Add what one subgraph has, and what it has not."""
    if case.empty:
        found.asserted += 1
        if subgraph:
            found.missing.append(f"{case.test}: nothing is stated")
    texts = {_plain(text) for text in _texts(subgraph)}
    whole = "\n".join(texts)
    for value in case.values:
        found.asserted += 1
        plain = _plain(value)
        if plain not in texts and plain not in whole and _plain(VOCABULARY.get(plain, value)) not in texts:
            found.missing.append(f"{case.test}: {value[:80]}")
    related = set(_related(subgraph))
    for out, into in case.edges:
        found.asserted += 1
        if not any(_alike(pair, out, into) or _alike(pair, into, out) for pair in related):
            found.missing.append(f"{case.test}: {out[:60]} with {into[:60]}")


def needs_cases() -> pytest.MarkDecorator:
    """Skip where Stucco's cases are not beside the repository."""
    return pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/cases/stucco is absent")


def _of_xml(suite: str, test: dict[str, Any]) -> Iterator[Case]:
    for part in test["subcases"]:
        given = part["input"].get("args", [])
        inputs = {one["name"]: one["value"] for one in given if isinstance(one.get("value"), str)}
        headers = next((tuple(one["value"]) for one in given if isinstance(one.get("value"), list)), ())
        asserted = [value for one in part["assertions"] for value in _values(one)]
        empty = any(_is_null(one) for one in part["assertions"])
        if inputs and not any("expr" in one for one in given):
            yield Case(
                suite=suite, test=test["test"], inputs=inputs, values=tuple(asserted), headers=headers, empty=empty
            )


def _values(assertion: dict[str, Any]) -> Iterator[str]:
    expressions = [one["expr"] for one in assertion["args"] if "expr" in one]
    if assertion["kind"] == "assertEquals" and len(expressions) == 1:
        literal = next((one["value"] for one in assertion["args"] if "value" in one), None)
        if 'attr("id")' not in expressions[0] and str(literal or "").strip():
            yield str(literal)
    if assertion["kind"] == "assertTrue" and expressions:
        found = (_JAVA_ESCAPE.sub(r"\1", text) for text in _CONTAINED.findall(expressions[0]))
        yield from (text for text in found if text.strip())


def _is_null(assertion: dict[str, Any]) -> bool:
    expression = str(assertion["args"][0].get("expr", ""))
    null = assertion["kind"] == "assertNull" and "ackage" in expression
    return null or (assertion["kind"] == "assertTrue" and expression.endswith("ackage == null"))


def _of_graphson(suite: str, test: dict[str, Any]) -> Case:
    values: list[str] = []
    ends: dict[Any, dict[str, str]] = {}
    for one in test["assertions"]:
        kind, at, *rest = one.get("path") or ("", "")
        value = one.get("value")
        if value is None or not rest or not str(value).strip():
            continue
        if rest[0] in {"_outV", "_inV"}:
            ends.setdefault(at, {})[rest[0]] = str(value)
        elif kind == "vertices" and rest[0] not in _NOT_COUNTED:
            values.append(_named(str(value)))
        elif kind == "edges" and rest[0] == "status":
            values.append(str(value))
    edges = tuple((_named(both["_outV"]), _named(both["_inV"])) for both in ends.values() if len(both) == 2)
    inputs = {f"input{number or ''}": str(one["input"]) for number, one in enumerate(test["inputs"])}
    nothing = any(one.get("path") == ["vertices", 0] and one.get("absent") for one in test["assertions"])
    return Case(suite=suite, test=test["test"], inputs=inputs, values=tuple(values), edges=edges, empty=nothing)


def _named(name: str) -> str:
    """Return what a flow, or a range of addresses, is called now."""
    return _FLOW.sub(r"\1_through_\2", _RANGE.sub(r"\1 - \2", name))


def _texts(subgraph: Subgraph) -> Iterator[str]:
    for vertex in subgraph.vertices.values():
        for value in vertex.properties.values():
            yield from (value if isinstance(value, tuple) else (str(value),))
    for edge in subgraph.edges:
        yield edge.relation
        for value in edge.properties.values():
            yield from (value if isinstance(value, tuple) else (str(value),))


def _related(subgraph: Subgraph) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    said = {
        id: frozenset(
            _plain(text)
            for value in vertex.properties.values()
            for text in (value if isinstance(value, tuple) else (str(value),))
        )
        for id, vertex in subgraph.vertices.items()
    }
    return ((said[edge.out_id], said[edge.in_id]) for edge in subgraph.edges)


def _alike(pair: tuple[frozenset[str], frozenset[str]], out: str, into: str) -> bool:
    return _named_so(pair[0], out) and _named_so(pair[1], into)


def _named_so(texts: frozenset[str], name: str) -> bool:
    """Tell whether a vertex is the one of an old name, which may stand for white space with an underscore."""
    plain = _plain(name)
    return any(plain == text or plain.replace("_", " ") == text.replace("_", " ") for text in texts)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
