"""`cve`: XML 1.0 and JSON records 5."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import Case, needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.cve import Cve
from vedette.extraction.subgraph import Subgraph

XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<cve xmlns="http://cve.mitre.org/cve/downloads">
  <item type="CVE" name="CVE-1999-0900" seq="1999-0900">
    <status>Entry</status><desc>** DISPUTED ** Buffer   overflow
      by Zo\u00eb.</desc>
    <refs><ref source="BID" url="http://x.example/5">5</ref><ref source="XF">anvil-drop</ref><ref source="Y"/></refs>
  </item>
  <item type="CAN" name="CVE-2031-0900">
    <status>Candidate</status><phase date="20310120">Assigned</phase><desc>** RESERVED ** Not yet.</desc>
    <refs></refs><comments><comment voter="Frech">XF:drop(3)\n  twice</comment></comments>
  </item>
  <item type="CAN" name="CVE-31-1"><status>Candidate</status></item>
</cve>
""".encode("latin-1")


def test_old_items_are_read() -> None:
    subgraph = read(Cve, XML)
    said(
        named(subgraph, "CVE-1999-0900"),
        description=("** DISPUTED ** Buffer overflow by Zo\u00eb.",),
        status="Entry",
        state="PUBLISHED",
        tags=("disputed",),
        isPubliclyAcknowledged="true",
        references=("BID:5", "http://x.example/5", "XF:anvil-drop"),
        source=("CVE",),
    )
    said(
        named(subgraph, "CVE-2031-0900"),
        state="RESERVED",
        tags=None,
        isPubliclyAcknowledged="false",
        phase="Assigned",
        phaseDate="20310120",
        comments=("XF:drop(3) twice",),
    )
    assert [problem.reason for problem in subgraph.problems] == ["'CVE-31-1' is no CVE id"]


RECORD: dict[str, Any] = {
    "dataType": "CVE_RECORD",
    "dataVersion": "5.1",
    "cveMetadata": {
        "cveId": "CVE-2031-0901",
        "state": "PUBLISHED",
        "assignerShortName": "acme",
        "dateReserved": "2031-01-01T00:00:00.000Z",
        "datePublished": "2031-02-01T00:00:00",
        "dateUpdated": "2031-02-02T00:00:00+01:00",
    },
    "containers": {
        "cna": {
            "title": "Falling anvil",
            "tags": ["x_open-source"],
            "descriptions": [{"lang": "en-US", "value": "An anvil falls."}, {"lang": "fr", "value": "Une enclume."}],
            "affected": [
                {
                    "vendor": "ACME",
                    "product": "Anvil",
                    "defaultStatus": "unaffected",
                    "versions": [
                        {"version": "1.0", "status": "affected", "lessThan": "1.7", "versionType": "semver"},
                        {"version": "0", "status": "affected", "lessThanOrEqual": "0.9"},
                        {"version": "2.1", "status": "affected"},
                        {"version": "3.0", "status": "affected", "lessThan": "*"},
                        {"version": "9", "status": "unaffected"},
                    ],
                },
                {"vendor": "ACME", "product": "Feather", "versions": [{"version": "1", "status": "unaffected"}]},
                {"vendor": "n/a", "product": "n/a"},
            ],
            "problemTypes": [
                {"descriptions": [{"lang": "en", "description": "CWE-79 Cross-site scripting", "cweId": "CWE-79"}]}
            ],
            "references": [{"url": "https://a.example/1"}, {"name": "no url"}],
            "metrics": [
                {
                    "cvssV3_1": {
                        "version": "3.1",
                        "baseScore": 6.1,
                        "vectorString": "CVSS:3.1/AV:N",
                        "baseSeverity": "MEDIUM",
                    }
                }
            ],
        },
        "adp": [
            {
                "affected": [{"cpes": ["cpe:2.3:a:acme:anvil:*:*:*:*:*:*:*:*"], "defaultStatus": "affected"}],
                "metrics": [
                    {"other": {"type": "ssvc", "content": {}}},
                    {"cvssV4_0": {"baseScore": 8.7, "vectorString": "CVSS:4.0/AV:N"}},
                ],
                "problemTypes": [{"descriptions": [{"lang": "en", "description": "CWE-80"}]}],
            }
        ],
    },
}
REJECTED = {
    "cveMetadata": {"cveId": "CVE-2031-0902", "state": "REJECTED", "dateRejected": "2031-03-01T00:00:00Z"},
    "containers": {"cna": {"rejectedReasons": [{"lang": "en", "value": "Not an anvil."}]}},
}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([RECORD, REJECTED]),
        json.dumps(RECORD) + "\n" + json.dumps(REJECTED),
        json.dumps({"cveRecords": [RECORD, REJECTED]}, indent=2),
    ],
)
def test_records_are_read(content: str) -> None:
    subgraph = read(Cve, content)
    said(
        named(subgraph, "CVE-2031-0901"),
        description=("An anvil falls.",),
        shortDescription=("Falling anvil",),
        state="PUBLISHED",
        tags=("x_open-source",),
        assigner="acme",
        publishedDate=1927670400000,
        modifiedDate=1927753200000,
        references=("https://a.example/1",),
        cvssScore=8.7,
        cvssVersion="4.0",
        cvss3Score=6.1,
    )
    said(
        named(subgraph, "CVE-2031-0902"),
        state="REJECTED",
        description=("Not an anvil.",),
        rejectedDate=1930089600000,
    )
    said(named(subgraph, "CWE-79"), description=("CWE-79", "CWE-79 Cross-site scripting"))
    assert relations(subgraph) == {
        ("CVE-2031-0901", "ExploitTargetRelatedObservable", "cpe::ACME:Anvil::::"),
        ("CVE-2031-0901", "ExploitTargetRelatedObservable", "cpe:2.3:a:acme:anvil:*:*:*:*:*:*:*:*"),
        ("CVE-2031-0901", "RelatedWeakness", "CWE-79"),
        ("CVE-2031-0901", "RelatedWeakness", "CWE-80"),
    }
    ranges = [edge.properties for edge in subgraph.edges if edge.properties]
    assert ranges == [{"versionRanges": (">= 1.0, < 1.7", "<= 0.9", "= 2.1", ">= 3.0")}]
    assert not subgraph.problems


def test_one_record_alone_is_a_document() -> None:
    subgraph = read(Cve, json.dumps(RECORD))
    assert str(named(subgraph, "CVE-2031-0901").position) == f"entry CVE-2031-0901 [0-{len(json.dumps(RECORD))}]"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ('{"CVE_data_meta": {"ID": "CVE-2019-1"}}', "no CVE record 5"),
        ('{"cveMetadata": {"cveId": "GHSA-x"}}', "'GHSA-x' is no CVE id"),
        ('{"cveMetadata": []}', "not an object"),
        ("<nvd/>", "begins with <nvd>, not with <cve>"),
    ],
)
def test_what_is_not_the_cve_lists_is_refused(content: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        Cve().extract(Document(content=content.encode()))


def test_wrong_types_cost_themselves() -> None:
    containers = {"cna": {"affected": "all", "metrics": [{"cvssV3_1": 3}], "references": {"url": "x"}}, "adp": {}}
    subgraph = read(Cve, json.dumps(RECORD | {"containers": containers}))
    assert named(subgraph, "CVE-2031-0901")
    assert {problem.reason for problem in subgraph.problems} == {
        "containers.cna.affected is a text, not an array",
        "containers.cna.metrics[0].cvssV3_1 is a number, not an object",
        "containers.cna.references is an object, not an array",
        "containers.adp is an object, not an array",
    }


@needs_cases()
@pytest.mark.parametrize("suite", ["CveExtractorTest", "scala_CveExtractorSuite"])
def test_what_stucco_asserts_is_found(suite: str) -> None:
    def extract(case: Case) -> Subgraph:
        try:
            return read(Cve, "".join(case.inputs.values()))
        except ExtractionError:
            return Subgraph(vertices={})

    found = score(suite, extract)
    assert not found.missing, found
