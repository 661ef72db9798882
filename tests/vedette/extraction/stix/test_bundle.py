"""STIX 2.0 and 2.1 bundles: objects, relationships, references; dangling, cyclic, hostile ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.stix import Stix
from vedette.extraction.subgraph import Subgraph

WHEN = "2020-01-01T00:00:00.000Z"
WHEN_MILLISECONDS = 1_577_836_800_000
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def domain(type: str, id: str, **fields: Any) -> dict[str, Any]:
    return {"type": type, "spec_version": "2.1", "id": f"{type}--{id}", "created": WHEN, "modified": WHEN, **fields}


def related(out: str, name: str, into: str, **fields: Any) -> dict[str, Any]:
    return domain("relationship", f"{out}{into}", source_ref=out, target_ref=into, relationship_type=name, **fields)


def bundle(*objects: Any) -> Subgraph:
    return read(Stix, json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}))


EMOTET = domain("malware", "1", name="Emotet", aliases=["Geodo"], is_family=True, malware_types=["trojan"])


def test_an_object_keeps_all_that_is_said_of_it() -> None:
    subgraph = bundle(
        domain("identity", "1", name="Acme"),
        domain("marking-definition", "x", definition_type="statement", definition={"statement": "Do not eat"}),
        {
            **EMOTET,
            "created_by_ref": "identity--1",
            "confidence": 70,
            "revoked": True,
            "labels": ["a", "b"],
            "object_marking_refs": [
                "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
                "marking-definition--x",
                "marking-definition--unknown",
            ],
            "external_references": [{"source_name": "acme", "url": "https://example.org/1"}],
            "kill_chain_phases": [{"kill_chain_name": "lockheed", "phase_name": "delivery"}],
            "x_acme": {"score": [1, 2]},
            "first_seen": WHEN,
        },
    )
    said(
        named(subgraph, "Emotet"),
        vertexType="Malware",
        alias=("Geodo",),
        source=("Acme",),
        confidence=70,
        revoked="true",
        labels=("a", "b"),
        marking=("TLP:GREEN", "Do not eat", "marking-definition--unknown"),
        references=("https://example.org/1",),
        killChainPhases=("lockheed:delivery",),
        malwareTypes=("trojan",),
        isFamily="true",
        x_acme='{"score":[1,2]}',
        createdDate=WHEN_MILLISECONDS,
        firstSeen=WHEN_MILLISECONDS,
    )


def test_an_object_stands_where_its_bytes_are() -> None:
    content = json.dumps({"type": "bundle", "objects": [domain("identity", "1", name="é"), EMOTET]}).encode()
    place = named(read(Stix, content), "Emotet").position
    assert place.label == "objects[1] malware--1"
    assert json.loads(content[place.start : place.end]) == EMOTET


@pytest.mark.parametrize(
    ("out", "name", "into", "relation"),
    [
        ("indicator", "indicates", "malware", "IndicatedTTP"),
        ("campaign", "attributed-to", "intrusion-set", "RelatedThreatActor"),
        ("malware", "exploits", "vulnerability", "Exploits"),
        ("threat-actor", "uses", "attack-pattern", "RelatedTTP"),
        ("threat-actor", "targets", "vulnerability", "ExploitTarget"),
        ("course-of-action", "mitigates", "attack-pattern", "mitigates"),
        ("malware", "related-to", "campaign", "RelatedCampaign"),
        ("malware", "x-acme-likes", "campaign", "x-acme-likes"),
    ],
)
def test_relationships_have_stuccos_names_where_it_has_any(out: str, name: str, into: str, relation: str) -> None:
    first, second = domain(out, "1", name="one"), domain(into, "2", name="two")
    subgraph = bundle(related(first["id"], name, second["id"], confidence=50, description="why"), first, second)
    [edge] = subgraph.edges
    assert (edge.out_id, edge.relation, edge.in_id) == (first["id"], relation, second["id"])
    assert edge.properties["stix"] == name
    assert edge.properties["confidence"] == 50
    assert edge.properties["description"] == ("why",)


def test_a_missing_end_of_a_relationship_is_said() -> None:
    subgraph = bundle(EMOTET, related("malware--1", "uses", "tool--404"), domain("relationship", "x"))
    assert not subgraph.edges
    assert sorted(problem.reason for problem in subgraph.problems) == [
        "a relationship needs source_ref, target_ref and relationship_type",
        "uses refers to tool--404, which is not in the document",
    ]


def test_references_in_circles_and_to_themselves_are_edges() -> None:
    reports = [
        domain("report", "1", name="one", object_refs=["report--2", "report--1"]),
        domain("report", "2", name="two", object_refs=["report--1"]),
    ]
    assert relations(bundle(*reports)) == {
        ("report--1", "RelatedReport", "report--2"),
        ("report--1", "RelatedReport", "report--1"),
        ("report--2", "RelatedReport", "report--1"),
    }


def test_observables_are_called_as_stucco_calls_them() -> None:
    subgraph = bundle(
        {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "192.0.2.1", "resolves_to_refs": ["mac-addr--1"]},
        {"type": "ipv6-addr", "id": "ipv6-addr--1", "value": "2001:DB8::1"},
        {"type": "mac-addr", "id": "mac-addr--1", "value": "00:00:5e:00:53:01"},
        {"type": "ipv4-addr", "id": "ipv4-addr--2", "value": "192.0.2.0/24"},
        {"type": "domain-name", "id": "domain-name--1", "value": "a.example", "resolves_to_refs": ["ipv4-addr--1"]},
        {
            "type": "network-traffic",
            "id": "network-traffic--1",
            "src_ref": "ipv4-addr--1",
            "src_port": 5000,
            "dst_ref": "ipv6-addr--1",
            "dst_port": 443,
            "protocols": ["tcp"],
        },
        {"type": "file", "id": "file--1", "hashes": {"SHA-256": SHA256.upper()}},
        {"type": "software", "id": "software--1", "name": "Word", "vendor": "Acme", "version": "1"},
        {"type": "autonomous-system", "id": "autonomous-system--1", "number": 64500, "name": "EXAMPLE"},
        {"type": "x-acme-sensor", "id": "x-acme-sensor--1", "value": "here"},
    )
    flow = "192.0.2.1:5000_through_[2001:db8::1]:443"
    assert {(vertex.name, vertex.type, vertex.observable_type) for vertex in subgraph.vertices.values()} == {
        ("192.0.2.1", "IP", "Address"),
        ("2001:db8::1", "IP", "Address"),
        ("00:00:5e:00:53:01", "Observable", "MAC Address"),
        ("192.0.2.0 - 192.0.2.255", "AddressRange", "Address"),
        ("a.example", "Observable", "Domain Name"),
        (flow, "Observable", "Network Flow"),
        (SHA256, "Observable", "File"),
        ("cpe::Acme:Word:1:::", "Observable", "Product"),
        ("64500", "Observable", "AS"),
        ("here", "Observable", "Acme Sensor"),
    }
    said(named(subgraph, "64500"), asName="EXAMPLE")
    assert relations(subgraph) == {
        (flow, "Sub-Observable", "192.0.2.1"),
        (flow, "Sub-Observable", "2001:db8::1"),
        ("192.0.2.1", "Sub-Observable", "00:00:5e:00:53:01"),
        ("a.example", "Sub-Observable", "192.0.2.1"),
    }


def test_observed_data_of_stix_2_0_holds_its_observables() -> None:
    objects = {
        "0": {"type": "domain-name", "value": "a.example", "resolves_to_refs": ["1", "7"]},
        "1": {"type": "ipv4-addr", "value": "192.0.2.1"},
        "2": {"type": "network-traffic", "src_ref": "1", "protocols": ["tcp"]},
        "3": "nothing",
    }
    assert relations(bundle(domain("observed-data", "1", objects=objects))) == {
        ("observed-data--1", "Observable", "a.example"),
        ("observed-data--1", "Observable", "192.0.2.1"),
        ("observed-data--1", "Observable", "observed-data--1#2"),
        ("a.example", "Sub-Observable", "192.0.2.1"),
        ("observed-data--1#2", "Sub-Observable", "192.0.2.1"),
    }


def test_an_indicator_leads_to_what_its_pattern_names() -> None:
    pattern = f"[domain-name:value = 'a.example'] OR [file:name = 'x.exe' AND file:hashes.'SHA-256' = '{SHA256}']"
    subgraph = bundle(domain("indicator", "1", name="bad", pattern=pattern, pattern_type="stix", valid_from=WHEN))
    said(named(subgraph, "indicator--1"), title="bad", pattern=pattern, validFrom=WHEN_MILLISECONDS)
    said(named(subgraph, "x.exe"), sha256=SHA256)
    assert relations(subgraph) == {
        ("indicator--1", "Observable", "a.example"),
        ("indicator--1", "Observable", "x.exe"),
    }


def test_other_patterns_are_kept_as_text() -> None:
    subgraph = bundle(
        domain("indicator", "1", pattern="rule x {}", pattern_type="yara"),
        domain("indicator", "2", pattern="[broken", pattern_type="stix"),
    )
    assert [vertex.properties["pattern"] for vertex in subgraph.vertices.values()] == ["rule x {}", "[broken"]
    [problem] = subgraph.problems
    assert problem.reason.startswith("no STIX pattern")


def test_a_vulnerability_is_called_by_its_cve_id() -> None:
    reference = [{"source_name": "cve", "external_id": "CVE-2014-0160"}]
    subgraph = bundle(domain("vulnerability", "1", name="Heartbleed", external_references=reference))
    said(named(subgraph, "CVE-2014-0160"), title="Heartbleed", vertexType="Vulnerability")


def test_the_latest_version_of_an_object_counts_wherever_it_stands() -> None:
    newer = {**EMOTET, "modified": "2021-01-01T00:00:00.000Z", "name": "Emotet 2"}
    for objects in ((newer, EMOTET), (EMOTET, newer)):
        assert [vertex.name for vertex in bundle(*objects).vertices.values()] == ["Emotet 2"]


def test_a_sighting_leads_to_what_was_seen_and_where() -> None:
    sighting = domain("sighting", "1", sighting_of_ref="malware--1", where_sighted_refs=["identity--1"], count=3)
    subgraph = bundle(sighting, EMOTET, domain("identity", "1", name="Acme"))
    assert relations(subgraph) == {
        ("sighting--1", "RelatedMalware", "Emotet"),
        ("sighting--1", "RelatedIdentity", "Acme"),
    }


def test_what_is_no_object_is_said_and_the_rest_is_read() -> None:
    subgraph = bundle(5, None, "x", {"id": "x"}, {"type": "malware"}, EMOTET)
    assert [vertex.name for vertex in subgraph.vertices.values()] == ["Emotet"]
    assert subgraph.skipped == 5


def test_a_bundle_that_is_cut_off_gives_what_came_before() -> None:
    content = json.dumps({"type": "bundle", "objects": [EMOTET, EMOTET]})
    subgraph = read(Stix, content[:-80])
    assert [vertex.name for vertex in subgraph.vertices.values()] == ["Emotet"]
    assert "not JSON" in subgraph.problems[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "no type"),
        ('{"a": 1}', "no type"),
        ("[1]", "no type"),
        ('{"type": "bundle", "objects": [{"type": 5}]}', "neither an id nor a name"),
        ('{"type": "bundle"', "not JSON"),
        ('{"type": "malware", "x": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deep"),
    ],
)
def test_what_is_no_bundle_is_refused_with_the_reason(content: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        Stix().extract(Document(content=content.encode()))


@pytest.mark.parametrize("content", ['{"type": "bundle", "id": "bundle--1"}', '{"objects": []}', "[]"])
def test_an_empty_bundle_states_nothing(content: str) -> None:
    assert not read(Stix, content)


def test_fields_of_any_type_and_name_do_no_harm() -> None:
    wrong: dict[str, Any] = {
        "name": ["y"],
        "modified": {},
        "aliases": "x",
        "external_references": {"a": 1},
        "kill_chain_phases": [1],
        "object_marking_refs": [{}],
        "vertexType": "IP",
        "observableType": "Address",
        "self": 1,
        "position": "p",
        "out": "o",
        "deep": json.loads("[" * 500 + "]" * 500),
    }
    subgraph = bundle(
        {**EMOTET, **wrong},
        domain("observed-data", "1", objects=[1]),
        domain("indicator", "1", pattern=5),
        {"type": "file", "id": "file--1", "hashes": "md5"},
        {**related("malware--1", "uses", "file--1"), **wrong},
    )
    said(subgraph.vertices["malware--1"], vertexType="Malware", observableType=None, position="p", self=1)
    assert len(subgraph.edges) == 1


def test_names_of_fields_and_relationships_are_bounded() -> None:
    subgraph = bundle({**EMOTET, "x" * 1000: 1}, related("malware--1", "y" * 1000, "malware--1"))
    assert not subgraph.edges
    assert [problem.reason.partition(";")[0] for problem in subgraph.problems] == [
        "a field's name of 1000 characters",
        "a relationship_type of 1000 characters",
    ]
