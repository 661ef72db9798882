"""`nvd`: XML 2.0 and JSON 2.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import Case, needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.nvd import Nvd
from vedette.extraction.subgraph import Subgraph

XML = """<?xml version='1.0' encoding='UTF-8'?>
<nvd xmlns="http://scap.nist.gov/schema/feed/vulnerability/2.0" xmlns:vuln="http://scap.nist.gov/schema/vulnerability/0.4"
     xmlns:cvss="http://scap.nist.gov/schema/cvss-v2/0.2" nvd_xml_version="2.0">
  <entry id="CVE-2031-0001">
    <vuln:vulnerable-configuration id="http://nvd.nist.gov/"><x:logical-test xmlns:x="x" operator="OR" negate="false">
      <x:fact-ref name="cpe:/a:acme:anvil:1.0"/></x:logical-test></vuln:vulnerable-configuration>
    <vuln:vulnerable-software-list>
      <vuln:product>cpe:/a:acme:anvil:1.0</vuln:product><vuln:product>cpe:/a:acme:anvil:1.0</vuln:product>
      <vuln:product>cpe:/o:acme:roadrunner_os</vuln:product><vuln:product>no cpe</vuln:product>
    </vuln:vulnerable-software-list>
    <vuln:published-datetime>2031-02-03T04:05:06.700-04:00</vuln:published-datetime>
    <vuln:last-modified-datetime>yesterday</vuln:last-modified-datetime>
    <vuln:cvss><cvss:base_metrics><cvss:score>7.5</cvss:score><cvss:access-vector>NETWORK</cvss:access-vector>
      <cvss:access-complexity>LOW</cvss:access-complexity><cvss:authentication>NONE</cvss:authentication>
      <cvss:confidentiality-impact>PARTIAL</cvss:confidentiality-impact><cvss:integrity-impact>PARTIAL</cvss:integrity-impact>
      <cvss:availability-impact>COMPLETE</cvss:availability-impact></cvss:base_metrics></vuln:cvss>
    <vuln:cwe id="CWE-079"/>
    <vuln:references><vuln:source>ACME</vuln:source><vuln:reference href="https://a.example/1">1</vuln:reference></vuln:references>
    <vuln:references><vuln:source>XF</vuln:source><vuln:reference>anvil-drop(17)</vuln:reference></vuln:references>
    <vuln:summary>An anvil falls.</vuln:summary>
  </entry>
  <entry id="CVE-2031-0002"><vuln:summary>** REJECT ** Never mind.</vuln:summary></entry>
  <entry id="TEMP-1"><vuln:summary>No id.</vuln:summary></entry>
  <entry id="CVE-2031-0001"><vuln:summary>Said again.</vuln:summary></entry>
</nvd>
"""


def test_an_old_entry_says_all_that_it_has() -> None:
    subgraph = read(Nvd, XML)

    vulnerability = named(subgraph, "CVE-2031-0001")
    said(
        vulnerability,
        vertexType="Vulnerability",
        source=("NVD",),
        description=("An anvil falls.", "Said again."),
        publishedDate=1927872306700,
        modifiedDate=None,
        references=("https://a.example/1", "XF:anvil-drop(17)"),
        cvssScore=7.5,
        cvssVector="AV:N/AC:L/Au:N/C:P/I:P/A:C",
        cvssVersion="2.0",
        cvss2Score=7.5,
    )
    assert XML.encode()[vulnerability.position.start : vulnerability.position.end].startswith(
        b'<entry id="CVE-2031-0001">'
    )
    assert vulnerability.position.label == "entry CVE-2031-0001"
    said(named(subgraph, "cpe:/a:acme:anvil:1.0"), observableType="Product", description=("acme anvil version 1.0",))
    said(named(subgraph, "CVE-2031-0002"), state="REJECTED", cvssScore=None)
    assert relations(subgraph) == {
        ("CVE-2031-0001", "ExploitTargetRelatedObservable", "cpe:/a:acme:anvil:1.0"),
        ("CVE-2031-0001", "ExploitTargetRelatedObservable", "cpe:/o:acme:roadrunner_os"),
        ("CVE-2031-0001", "RelatedWeakness", "CWE-79"),
    }
    assert [problem.reason for problem in subgraph.problems] == [
        "modified: 'yesterday' is no date",
        "'no cpe' is no CPE name: it begins with neither cpe:/ nor cpe:2.3:",
        "'TEMP-1' is no CVE id",
    ]


def _match(criteria: str, vulnerable: bool = True, **versions: str) -> dict[str, Any]:
    return {"vulnerable": vulnerable, "criteria": criteria, "matchCriteriaId": "0", **versions}


ANVIL = "cpe:2.3:a:acme:anvil:*:*:*:*:*:*:*:*"
SYSTEM = "cpe:2.3:o:acme:roadrunner_os:-:*:*:*:*:*:*:*"
CVE: dict[str, Any] = {
    "id": "CVE-2031-0003",
    "sourceIdentifier": "cna@acme.example",
    "published": "2031-02-03T04:05:06.700",
    "lastModified": "2031-02-04T00:00:00.000",
    "vulnStatus": "Analyzed",
    "cveTags": [{"sourceIdentifier": "cna@acme.example", "tags": ["disputed"]}],
    "descriptions": [{"lang": "en", "value": "An anvil falls."}, {"lang": "es", "value": "Cae un yunque."}],
    "metrics": {
        "cvssMetricV2": [
            {
                "type": "Primary",
                "cvssData": {"version": "2.0", "vectorString": "AV:N", "baseScore": 5},
                "baseSeverity": "MEDIUM",
            }
        ],
        "cvssMetricV31": [
            {"type": "Secondary", "cvssData": {"version": "3.1", "vectorString": "CVSS:3.1/AV:L", "baseScore": 1.0}},
            {
                "type": "Primary",
                "cvssData": {
                    "version": "3.1",
                    "vectorString": "CVSS:3.1/AV:N",
                    "baseScore": 9.8,
                    "baseSeverity": "CRITICAL",
                },
            },
        ],
        "cvssMetricV30": [
            {"type": "Primary", "cvssData": {"version": "3.0", "vectorString": "old", "baseScore": 2.0}}
        ],
    },
    "weaknesses": [
        {"description": [{"lang": "en", "value": "CWE-79"}, {"lang": "en", "value": "NVD-CWE-noinfo"}]},
        {"description": [{"lang": "en", "value": "CWE-79"}]},
    ],
    "configurations": [
        {
            "operator": "AND",
            "nodes": [
                {
                    "operator": "OR",
                    "cpeMatch": [
                        _match(ANVIL, versionStartIncluding="1.2", versionEndExcluding="2.0"),
                        _match(ANVIL, versionStartExcluding="3", versionEndIncluding="3.9"),
                        _match(ANVIL, versionEndExcluding="0.5"),
                    ],
                },
                {"operator": "OR", "cpeMatch": [_match(SYSTEM, vulnerable=False)]},
            ],
        }
    ],
    "references": [{"url": "https://a.example/1", "source": "x", "tags": ["Patch"]}],
    "cisaExploitAdd": "2031-03-01",
    "cisaActionDue": "2031-03-22",
    "cisaRequiredAction": "Look up.",
    "cisaVulnerabilityName": "ACME Anvil Falling",
}


def _feed(*cves: object) -> str:
    return json.dumps(
        {"resultsPerPage": 1, "format": "NVD_CVE", "version": "2.0", "vulnerabilities": [{"cve": c} for c in cves]}
    )


def test_a_new_entry_says_all_that_it_has() -> None:
    content = _feed(CVE, CVE | {"id": "CVE-2031-0004", "vulnStatus": "Rejected", "metrics": {}, "configurations": []})
    subgraph = read(Nvd, content)

    vulnerability = named(subgraph, "CVE-2031-0003")
    ranges = (">= 1.2, < 2.0", "> 3, <= 3.9", "< 0.5")
    said(
        vulnerability,
        description=("An anvil falls.",),
        publishedDate=1927857906700,
        modifiedDate=1927929600000,
        status="Analyzed",
        state="PUBLISHED",
        tags=("disputed",),
        references=("https://a.example/1",),
        cvssScore=9.8,
        cvssVector="CVSS:3.1/AV:N",
        cvssVersion="3.1",
        cvssSeverity="CRITICAL",
        cvss3Score=9.8,
        cvss2Score=5,
        cvss4Score=None,
        platforms=(SYSTEM,),
        affectedVersions=tuple(f"{ANVIL}: {words}" for words in ranges),
        knownExploited="true",
        dateAdded=1930089600000,
        requiredAction="Look up.",
    )
    assert json.loads(content[vulnerability.position.start : vulnerability.position.end])["cve"] == CVE
    said(named(subgraph, "CVE-2031-0004"), status="Rejected", state="REJECTED", cvssScore=None)
    [edge] = [edge for edge in subgraph.edges if edge.relation == "ExploitTargetRelatedObservable"]
    assert edge.properties == {"versionRanges": ranges}
    assert subgraph.vertices[edge.in_id].name == ANVIL
    assert not subgraph.problems


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"id": 7}, "'7' is no CVE id"),
        ({"id": None}, "'' is no CVE id"),
        ({"published": "soon"}, "published: 'soon' is no date"),
        ({"descriptions": "x"}, "descriptions is a text, not an array"),
        ({"descriptions": [1, {"lang": "en", "value": {}}]}, "descriptions[0] is a number, not an object"),
        ({"metrics": {"cvssMetricV31": [{"cvssData": {"baseScore": "high"}}]}}, "baseScore is a text, not a number"),
        ({"configurations": [{"nodes": [{"cpeMatch": [{"criteria": "x"}]}]}]}, "'x' is no CPE name"),
        ({"references": [[]]}, "references[0] is an array, not an object"),
    ],
)
def test_what_is_of_a_wrong_type_costs_itself_and_is_said(changed: dict[str, Any], reason: str) -> None:
    subgraph = read(Nvd, _feed(CVE | changed, CVE | {"id": "CVE-2031-9999"}))
    assert named(subgraph, "CVE-2031-9999")
    assert any(reason in problem.reason for problem in subgraph.problems)
    assert all(problem.position.start is not None for problem in subgraph.problems)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("plain text", "an object or an array is expected"),
        ("{}", "is no CVE id"),
        ("[[]]", "not an object"),
        ('{"vulnerabilities": 3}', "is no CVE id"),
        ("<rss/>", "begins with <rss>, not with <nvd>"),
        ("<nvd><entry/></nvd>", "is no CVE id"),
        ("<nvd><entry", "not well-formed"),
    ],
)
def test_what_is_not_nvds_is_refused_with_the_reason(content: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        Nvd().extract(Document(content=content.encode()))


def test_a_feed_without_entries_states_nothing() -> None:
    assert not read(Nvd, "<nvd></nvd>")
    assert not read(Nvd, _feed())


@pytest.mark.parametrize("content", [XML, _feed(CVE, CVE | {"id": "CVE-2031-0005"})])
def test_of_a_file_that_was_cut_off_the_rest_is_read(content: str) -> None:
    whole = read(Nvd, content)
    subgraph = read(Nvd, content[:-100])
    assert {vertex.name for vertex in subgraph.vertices.values()} <= {
        vertex.name for vertex in whole.vertices.values()
    }
    assert subgraph
    assert subgraph.problems[-1].position.label.startswith("behind byte ")


@needs_cases()
@pytest.mark.parametrize("suite", ["NvdToStixExtractorTest", "scala_NvdExtractorSuite"])
def test_what_stucco_asserts_is_found(suite: str) -> None:
    def extract(case: Case) -> Subgraph:
        try:
            return read(Nvd, "".join(case.inputs.values()))
        except ExtractionError:
            return Subgraph(vertices={})

    found = score(suite, extract)
    assert not found.missing, found
