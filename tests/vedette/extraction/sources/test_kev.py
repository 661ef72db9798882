"""`kev`: CISA's catalogue as JSON and CSV."""

from __future__ import annotations

import json

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.kev import Kev

ENTRY = {
    "cveID": "CVE-2031-0001",
    "vendorProject": "ACME",
    "product": "Anvil, heavy",
    "vulnerabilityName": "ACME Anvil Falling",
    "dateAdded": "2031-03-01",
    "shortDescription": "An anvil falls.",
    "requiredAction": "Look up.",
    "dueDate": "2031-03-22",
    "knownRansomwareCampaignUse": "Known",
    "notes": "https://a.example/1 ; https://a.example/2",
    "cwes": ["CWE-79", "CWE-352"],
}
JSON = json.dumps({"title": "CISA Catalog", "catalogVersion": "2031.03.01", "count": 1, "vulnerabilities": [ENTRY]})
CSV = (
    '"cveID","vendorProject","product","vulnerabilityName","dateAdded","shortDescription","requiredAction","dueDate",'
    '"knownRansomwareCampaignUse","notes","cwes"\r\n'
    '"CVE-2031-0001","ACME","Anvil, heavy","ACME Anvil Falling","2031-03-01","An anvil falls.","Look up.",'
    '"2031-03-22","Known","https://a.example/1 ; https://a.example/2","CWE-79,CWE-352"\r\n'
)


@pytest.mark.parametrize("content", [JSON, CSV])
def test_both_forms_say_the_same(content: str) -> None:
    subgraph = read(Kev, content)
    said(
        named(subgraph, "CVE-2031-0001"),
        source=("CISA KEV",),
        description=("An anvil falls.",),
        shortDescription=("ACME Anvil Falling",),
        knownExploited="true",
        knownRansomware="Known",
        dateAdded=1930089600000,
        dueDate=1931904000000,
        requiredAction="Look up.",
        references=("https://a.example/1", "https://a.example/2"),
    )
    said(named(subgraph, "cpe::ACME:Anvil, heavy::::"), observableType="Product", description=("ACME Anvil, heavy",))
    assert relations(subgraph) == {
        ("CVE-2031-0001", "ExploitTargetRelatedObservable", "cpe::ACME:Anvil, heavy::::"),
        ("CVE-2031-0001", "RelatedWeakness", "CWE-79"),
        ("CVE-2031-0001", "RelatedWeakness", "CWE-352"),
    }
    assert not subgraph.problems


def test_bad_entries_cost_themselves() -> None:
    entries = [ENTRY | {"dateAdded": "soon", "cwes": 3}, ENTRY | {"cveID": ""}, "x", {}]
    subgraph = read(Kev, json.dumps({"vulnerabilities": entries}))
    assert [problem.reason for problem in subgraph.problems] == [
        "cwes is a number, not an array",
        "dateAdded: 'soon' is no date",
        "'' is no CVE id",
        "it is a text, not an object",
        "'' is no CVE id",
        "'' is no CVE id",
    ]
    assert named(subgraph, "CVE-2031-0001")


def test_columns_may_stand_in_any_order_and_be_more() -> None:
    subgraph = read(Kev, "product,new,CVEID\nAnvil,x,CVE-2031-0002\n,y,CVE-2031-0003\n")
    assert {vertex.name for vertex in subgraph.vertices.values()} == {
        "CVE-2031-0002",
        "CVE-2031-0003",
        "cpe:::Anvil::::",
    }


@pytest.mark.parametrize("content", ["words", "<kev/>", '{"vulnerabilities": [1]}', "{"])
def test_what_is_no_catalogue_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        Kev().extract(Document(content=content.encode()))


def test_an_empty_catalogue_states_nothing() -> None:
    assert not read(Kev, '{"vulnerabilities": []}')
    assert not read(Kev, "")
