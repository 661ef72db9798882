"""Stucco's cases of STIX packages: what its GraphConstructor made of them, all of them."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.graphs import read, relations
from tests.vedette.extraction.stucco_cases import needs_cases
from tests.vedette.extraction.stucco_graphs import GraphCase, differences, graph_cases
from vedette.extraction.sources.stix import Stix

pytestmark = needs_cases()

SUITES = ("GraphConstructorTest", "PreprocessSTIXTest", "AlignTest")

PARTS = {
    "test_normalize_observable_composition": 3,
    "test_normalizeSTIX_Incident_with_Indicator_Observable_TTP_ExploitTarget": 6,
    "test_normalizeSTIX_Indicator_Observable": 4,
    "test_httpsession_dnsrecord_address_ip_port_domainname": 12,
}
"""PreprocessSTIXTest asserts the form of its XML (each component on its own, references instead of nesting); with us
that is: each part is a vertex. Its `test_samples` and `test_normalizeSTIX_TTP_Exploits` have no input."""

ALIGNED = {"testDuplicateVulnerabilityByType-2"}
"""What is expected of the graph after two documents: see tests/registry/test_graph_stucco.py."""


@pytest.mark.parametrize("case", graph_cases(*SUITES), ids=str)
def test_a_case_of_stucco_gives_the_graph_that_it_expects(case: GraphCase) -> None:
    subgraph = read(Stix, case.document)
    # Without an id, testTTP's name is its title; it expects nothing.
    assert subgraph
    assert case.test in ALIGNED or differences(case.expected, subgraph) == []
    if case.test in PARTS:
        assert len(subgraph.vertices) == PARTS[case.test]


def test_all_cases_are_there() -> None:
    assert len(graph_cases("GraphConstructorTest")) == 93
    assert len(graph_cases("PreprocessSTIXTest")) == 4
    assert len(graph_cases("AlignTest")) == 4


def test_nested_components_are_related_as_stucco_says() -> None:
    nested = next(case for case in graph_cases("PreprocessSTIXTest") if "Incident" in case.test)
    assert relations(read(Stix, nested.document)) == {
        ("stucco:Incident-6400", "RelatedIndicator", "stucco:Indicator-12345"),
        ("stucco:Indicator-12345", "Observable", "stucco:Observable-6789"),
        ("stucco:Indicator-12345", "IndicatedTTP", "stucco:TTP-12345"),
        ("stucco:TTP-12345", "ExploitTarget", "stucco:ExploitTarget-12345"),
    }
