"""The ontology names every type, relation and property that an extractor of ours states."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import vedette.extraction
from tests.vedette.extraction.stucco_cases import cases, needs_cases
from tests.vedette.extraction.stucco_graphs import graph_cases
from vedette.extraction.building import Building
from vedette.extraction.interface import Document, ExtractionError, ExtractorCatalogue
from vedette.extraction.mapping import load_mapping
from vedette.extraction.subgraph import Subgraph
from vedette.graph.ontology import ontology

CODE = Path(vedette.extraction.__file__).parent

SUITES = {
    "argus": "Argus",
    "bugtraq": "Bugtraq",
    "caida": "Caida",
    "1d4": "CIF1d4",
    "emergingthreats": "CIFEmergingThreats",
    "zeustracker": "CIFZeusTracker",
    "cleanmx": "CleanMxVirus",
    "clientbanner": "ClientBanner",
    "cpe": "Cpe",
    "cve": "Cve",
    "dnsrecord": "DNSRecord",
    "fsecure": "FSecure",
    "geoip": "GeoIP",
    "hone": "Hone",
    "installed_package": "PackageList",
    "login_events": "LoginEvent",
    "malwaredomainlist": "MalwareDomainList",
    "metasploit": "Metasploit",
    "nvd": "NvdToStix",
    "serverbanner": "ServerBanner",
    "servicelist": "ServiceList",
    "sophos": "Sophos",
}
"""Stucco's documents by the extractor that reads them."""

GRAPHS = {
    "banner": "BannerGraphExtractorTest",
    "situ": "SituGraphExtractorTest",
    "sno": "SnoGraphExtractorTest",
    "stix": "GraphConstructorTest",
}
"""Likewise, of the suites whose expectations are graphs."""

_NO_PROPERTIES = frozenset({"position", "observable", "id", "name", "properties", "text", "end", "rule"})
_MAKERS = frozenset(name for name in vars(Building) if not name.startswith("_")) | {"vertex", "add", "amend"}
_OTHERS = _MAKERS & {"edge", "skip", "done", "has", "name_of", "is_ip"}


@needs_cases()
@pytest.mark.parametrize("name", [*SUITES, *GRAPHS])
def test_what_stuccos_documents_state_is_in_it(name: str) -> None:
    extractor = ExtractorCatalogue().extractor(name)
    stated = 0
    for document in _documents(name):
        try:
            found = extractor.extract(Document(content=document.encode()))
        except ExtractionError:
            continue
        stated += len(found.vertices)
        assert unknown(found) == set()
    assert stated


@pytest.mark.parametrize("file", sorted((CODE / "sources").glob("*.yml")), ids=lambda file: file.name)
def test_what_a_mapping_names_is_in_it(file: Path) -> None:
    mapping = load_mapping(file)

    said = {name for vertex in mapping.vertices.values() for name in vertex.properties}
    assert said - ontology().properties.keys() == set()
    assert {edge.relation for edge in mapping.edges} - ontology().relations.keys() == set()


def test_what_the_code_names_is_in_it() -> None:
    said = set(_properties())
    assert {"tcpState", "epssScore", "notAfter"} <= said, "the code is no longer read as it was"
    assert said - ontology().properties.keys() == set()
    assert set(_relations()) - ontology().relations.keys() == set()


def _documents(name: str) -> Iterator[str]:
    if name in GRAPHS:
        yield from (case.document for case in graph_cases(GRAPHS[name]))
        return
    for suite in (f"{SUITES[name]}ExtractorTest", f"scala_{SUITES[name]}ExtractorSuite"):
        yield from ("\n".join(case.inputs.values()) for case in cases(suite))


def unknown(found: Subgraph) -> set[str]:
    """Return what of a subgraph the ontology does not name."""
    known = ontology()
    types = {
        key
        for vertex in found.vertices.values()
        if (key := "/".join(part for part in (vertex.type, vertex.observable_type) if part)) not in known.kinds
        and known.kinds.get(vertex.type, known.kinds["Malware"]).observable_type != vertex.observable_type
    }
    said = {name for vertex in found.vertices.values() for name in vertex.properties}
    said |= {name for edge in found.edges for name in edge.properties}
    relations = {edge.relation for edge in found.edges}
    return (
        types
        | (said - known.properties.keys() - {"vertexType", "observableType", "name"})
        | (relations - known.relations.keys())
    )


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    files = sorted(CODE.rglob("*.py"))
    names = [".".join(("vedette.extraction", *file.relative_to(CODE).with_suffix("").parts)) for file in files]
    return tuple((name, ast.parse(file.read_text("utf-8"))) for name, file in zip(names, files, strict=True))


def _properties() -> Iterator[str]:
    """Yield the names that calls of a building's methods give as properties."""
    for _, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _makes(node.func):
                yield from (word.arg for word in node.keywords if word.arg and word.arg not in _NO_PROPERTIES)


def _relations() -> Iterator[str]:
    """Yield the relations that modules have as constants, and give to `edge`."""
    for name, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "edge":
                given = node.args[2] if len(node.args) > 2 else None
                if isinstance(given, ast.Name) and given.id.isupper():
                    yield str(getattr(importlib.import_module(name), given.id))


def _makes(called: ast.expr) -> bool:
    """Tell whether a call is of a building's method that makes a vertex, or says more of one."""
    if not isinstance(called, ast.Attribute) or called.attr not in _MAKERS - _OTHERS:
        return False
    receiver = called.value
    name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    return name.strip("_") in {"building", "draft", "to"}
