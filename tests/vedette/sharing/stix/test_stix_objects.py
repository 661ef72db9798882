"""What an investigation becomes in STIX 2.1: which objects, how they are marked, and what they say."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.sharing_cases import CASES, everything, scanned
from tests.sharing_parts import AT, ITEM, NMAP_XML, accused, edge, fact, investigation, proof, scan
from tests.vedette.sharing.stix.closure import references
from vedette.sharing.investigation import Investigation, Pap, Tlp, Withheld
from vedette.sharing.stix.frame import marking_id
from vedette.sharing.stix.objects import stix_objects

Objects = dict[str, dict[str, Any]]


def made(found: Investigation, **options: Any) -> Objects:
    """Return the objects by id; none comes twice."""
    objects = list(stix_objects(found, **options))
    by_id = {one["id"]: one for one in objects}
    assert len(by_id) == len(objects)
    return by_id


def of_type(objects: Objects, type: str) -> list[dict[str, Any]]:
    return [one for one in objects.values() if one["type"] == type]


@pytest.mark.parametrize("name", CASES)
def test_nothing_refers_to_what_is_not_there(name: str) -> None:
    objects = made(CASES[name]())
    assert set(references(list(objects.values()))) <= objects.keys()


@pytest.mark.parametrize("name", CASES)
def test_every_object_is_marked_and_the_report_is_the_last(name: str) -> None:
    found = CASES[name]()
    objects = list(stix_objects(found))
    assert objects[-1]["id"] == f"report--{found.uuid}"
    for one in objects:
        if one["type"] == "marking-definition":
            continue
        # Who somebody is, and how our own objects are to be read, anybody may know.
        free = one["type"] == "extension-definition" or (one["type"] == "identity" and one["created"] < "1971")
        assert one["object_marking_refs"] == [marking_id(Tlp.CLEAR if free else found.tlp)], one


def test_a_stricter_marking_holds_for_all_and_a_freer_one_for_nothing() -> None:
    for marked, expected in ((Tlp.RED, Tlp.RED), (Tlp.CLEAR, Tlp.AMBER), (None, Tlp.AMBER)):
        report = of_type(made(scanned(), marked=marked), "report")[0]
        assert report["object_marking_refs"] == [marking_id(expected)]


def test_a_report_holds_all_but_custom_things_and_says_whose_it_is() -> None:
    found = everything()
    objects = made(found)
    report = objects[f"report--{found.uuid}"]
    apart = {"identity", "marking-definition", "extension-definition", "x-vedette-thing", "x-vedette-relation"}
    held = {id for id, one in objects.items() if one["type"] not in apart} - {report["id"]}
    assert held <= set(report["object_refs"])
    assert objects[report["created_by_ref"]]["name"] == "Example CSIRT"
    assert report["published"] == "2026-11-22T01:00:00.123Z"
    assert report["labels"] == ["PAP:AMBER", "vedette:probe", 'workflow:state="complete"']
    assert {"indicator", "malware", "vulnerability"} <= set(report["report_types"])


def test_only_what_is_alarming_becomes_an_indicator_based_on_what_was_observed() -> None:
    bad = accused("IP", "203.0.113.66")
    others = [
        replace(accused("IP", "192.0.2.7"), own=True),
        replace(accused("IP", "198.51.100.53"), warned="public resolvers"),
        fact("IP", "198.51.100.1"),
        accused("Observable/AS", "64500"),
        accused("Observable/File", "a name alone.exe"),
    ]
    objects = made(investigation("search:x", [bad, *others]))
    [indicator] = of_type(objects, "indicator")
    assert indicator["pattern"] == "[ipv4-addr:value = '203.0.113.66']"
    assert (indicator["indicator_types"], indicator["confidence"]) == (["malicious-activity"], 75)
    assert indicator["valid_from"] == "2026-11-22T00:00:00.123Z"
    [based] = of_type(objects, "relationship")
    assert (based["relationship_type"], based["source_ref"]) == ("based-on", indicator["id"])
    observed = objects[based["target_ref"]]
    assert [objects[id]["value"] for id in observed["object_refs"]] == ["203.0.113.66"]
    assert (observed["first_observed"], observed["number_observed"]) == (indicator["valid_from"], 1)


@pytest.mark.parametrize(
    ("type", "name", "pattern"),
    [
        ("Observable/Domain Name", "EVIL.Bücher.example.", "[domain-name:value = 'evil.xn--bcher-kva.example']"),
        ("Observable/URI", "http://a.example/'\\x", ""),
        ("Observable/URI", "http://a.example/o'brien", r"[url:value = 'http://a.example/o\'brien']"),
        ("Observable/Mutex", "Global\\o'x", r"[mutex:name = 'Global\\o\'x']"),
        ("AddressRange", "10.0.0.0 - 10.0.0.255", "[ipv4-addr:value = '10.0.0.0/24']"),
        (
            "Observable/Socket Address",
            "[2001:db8::bad]:443",
            "[network-traffic:dst_ref.value = '2001:db8::bad' AND network-traffic:dst_port = 443]",
        ),
        ("Observable/File", "C0" * 32, f"[file:hashes.'SHA-256' = '{'c0' * 32}']"),
        ("Observable/Network Flow", "192.0.2.7:50412_through_203.0.113.66:8080", ""),
    ],
)
def test_a_pattern_matches_the_observable_and_nothing_breaks_out_of_it(type: str, name: str, pattern: str) -> None:
    objects = made(investigation("search:x", [accused(type, name)]))
    assert [one["pattern"] for one in of_type(objects, "indicator")] == ([pattern] if pattern else [])


def test_a_range_that_is_no_network_is_several_that_say_the_same() -> None:
    odd, system = accused("AddressRange", "198.51.100.7 - 198.51.100.9"), fact("Observable/AS", "64500")
    objects = made(investigation("search:x", [odd, system], [(odd, "Contained_Within", system)]))
    [indicator] = of_type(objects, "indicator")
    assert indicator["pattern"] == "[ipv4-addr:value = '198.51.100.7' OR ipv4-addr:value = '198.51.100.8/31']"
    belong = [one for one in of_type(objects, "relationship") if one["relationship_type"] == "belongs-to"]
    assert sorted(objects[one["source_ref"]]["value"] for one in belong) == ["198.51.100.7", "198.51.100.8/31"]
    [data] = of_type(objects, "observed-data")
    assert len(data["object_refs"]) == 2


def test_an_indicator_indicates_what_the_graph_ties_it_to() -> None:
    bad, malware, domain = accused("IP", "203.0.113.66"), accused("Malware", "Emotet"), fact("IP", "198.51.100.9")
    objects = made(
        investigation("search:x", [bad, malware, domain], [(malware, "UsesIP", bad), (malware, "UsesIP", domain)])
    )
    indicates = [one for one in of_type(objects, "relationship") if one["relationship_type"] == "indicates"]
    assert [(objects[one["source_ref"]]["type"], objects[one["target_ref"]]["name"]) for one in indicates] == [
        ("indicator", "Emotet")
    ]


def test_a_scan_is_what_was_observed_with_its_output_byte_for_byte() -> None:
    objects = made(scanned())
    [data] = of_type(objects, "observed-data")
    seen = [objects[id] for id in data["object_refs"]]
    ends = {(one["dst_port"], *one["protocols"]) for one in seen if one["type"] == "network-traffic"}
    assert ends == {(22, "ipv4", "tcp"), (53, "ipv4", "udp"), (443, "ipv4", "tcp")}
    assert {one["name"] for one in seen if one["type"] == "software"} == {"openssh", "nginx"}
    [raw] = [one for one in seen if one["type"] == "artifact"]
    assert base64.b64decode(raw["payload_bin"]) == NMAP_XML
    assert raw["hashes"] == {"SHA-256": hashlib.sha256(NMAP_XML).hexdigest()}
    assert raw["mime_type"] == "application/xml"
    note = next(one for one in of_type(objects, "note") if one["object_refs"] == [data["id"]])
    assert "    -sV\n" in note["content"]
    # A port that the graph knows, too, is the same object.
    assert len(of_type(objects, "network-traffic")) == 3


def test_output_that_is_not_shared_is_named_by_its_digest() -> None:
    found = replace(scanned(), scans=[replace(scan(), raw=None)], proofs=[])
    objects = made(found)
    assert not of_type(objects, "artifact")
    [note] = of_type(objects, "note")
    assert hashlib.sha256(NMAP_XML).hexdigest() in note["content"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Text/Plain; charset=utf-8", "text/plain"),
        ("application/x-ndjson", "application/octet-stream"),
        ("text/<html>; x", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_media_type_that_nobody_registered_is_bytes(given: str, said: str) -> None:
    objects = made(replace(scanned(), scans=[replace(scan(), content_type=given)], proofs=[]))
    assert [one["mime_type"] for one in of_type(objects, "artifact")] == [said]


def test_a_proof_is_a_note_on_what_it_proves_with_the_bundle() -> None:
    objects = made(scanned())
    note = next(one for one in of_type(objects, "note") if "Proof" in one["abstract"])
    [kept] = scanned().proofs
    assert kept.statement.decode() in note["content"]
    assert "2026-11-22T00:00:02.123456Z" in note["content"]
    assert f"unzip {kept.bundle_name}" in note["content"]
    data, artifact = (objects[id] for id in note["object_refs"])
    assert data["type"] == "observed-data"
    assert base64.b64decode(artifact["payload_bin"]) == kept.bundle
    assert note["modified"] > note["created"]


def test_a_proof_without_a_scan_is_of_the_facts_of_its_item_else_of_the_report() -> None:
    address = fact("IP", "192.0.2.7", items=[ITEM])
    for facts, type in (([address], "ipv4-addr"), ([], "report")):
        objects = made(investigation("search:x", facts, proofs=[proof(state="pending")]))
        [note] = of_type(objects, "note")
        assert [objects[id]["type"] for id in note["object_refs"]] == [type]


def test_a_dns_record_is_a_name_that_resolves_to_an_address() -> None:
    record = fact("Observable/DNS Record", "a.example_resolved_to_192.0.2.9")
    domain, address = fact("Observable/Domain Name", "a.example"), fact("IP", "192.0.2.9")
    lines = [edge(record, "Sub-Observable", domain), edge(record, "Sub-Observable", address)]
    alone = made(investigation("search:x", [record]))
    for objects in (alone, made(investigation("search:x", [record, domain, address], lines))):
        [resolves] = of_type(objects, "relationship")
        assert resolves["relationship_type"] == "resolves-to"
        assert objects[resolves["source_ref"]]["value"] == "a.example"
        assert objects[resolves["target_ref"]]["value"] == "192.0.2.9"


def test_relationships_of_what_is_the_same_in_stix_are_one() -> None:
    one, other = fact("Observable/Mutex", "m"), fact("Observable/Windows Mutex", "m")
    malware = fact("Malware", "Emotet")
    lines = [
        edge(malware, "Observable", one, confidence=0.2),
        replace(edge(malware, "Observable", other, confidence=0.9), first_seen=AT - 60_000_000),
    ]
    objects = made(investigation("search:x", [one, other, malware], lines))
    [found] = of_type(objects, "relationship")
    assert (found["confidence"], found["start_time"]) == (90, "2026-11-21T23:59:00.123Z")


def test_ids_are_the_fleets_own_and_those_of_observables_everybodys() -> None:
    found = investigation("search:x", [fact("Malware", "Emotet"), fact("IP", "192.0.2.1")])
    other = replace(found, key="search:y")
    elsewhere = replace(found, instance=other.uuid)
    [here, there, abroad] = (
        {one["type"]: one["id"] for one in stix_objects(which)} for which in (found, other, elsewhere)
    )
    assert here["malware"] == there["malware"] != abroad["malware"]
    assert here["ipv4-addr"] == there["ipv4-addr"] == abroad["ipv4-addr"]
    assert len({here["report"], there["report"], abroad["report"]}) == 3


def test_a_pattern_of_others_is_passed_on_if_everybody_can_read_it() -> None:
    [found] = [one for one in of_type(made(everything()), "indicator") if one["name"] == "Gate of Emotet"]
    assert (found["pattern"], found["indicator_types"]) == (
        "[domain-name:value = 'c2.evil.example']",
        ["malicious-activity"],
    )
    broken = fact("Indicator", "indicator--1", pattern="[domain-name:value = 'a'] OR [x", patternType="stix")
    objects = made(investigation("search:x", [broken]))
    assert not of_type(objects, "indicator")
    assert [one["name"] for one in of_type(objects, "x-vedette-thing")] == ["indicator--1"]


def test_labels_never_say_how_something_may_be_shared() -> None:
    malware = fact("Malware", "Emotet", tags=("TLP:CLEAR", "pap:red", "botnet", "botnet"), labels=("loader",))
    [found] = of_type(made(investigation("search:x", [malware])), "malware")
    assert found["labels"] == ["botnet", "loader"]


def test_what_cannot_be_said_is_reported_and_the_rest_arrives() -> None:
    withheld: list[Withheld] = []
    broken = replace(fact("Malware", "x"), vertex=replace(fact("Malware", "x").vertex, name="half \ud800"))
    services = [replace(scan().services[0], address="no address"), scan().services[1]]
    found = investigation(
        "search:x", [broken, fact("Malware", "whole")], scans=[replace(scan(), services=tuple(services))]
    )
    objects = made(found, withheld=withheld)
    assert [one["name"] for one in of_type(objects, "malware")] == ["whole"]
    assert len(of_type(objects, "network-traffic")) == 1
    assert [one.vertex != "" for one in withheld] == [True, False]
    assert all("\ud800" not in str(one) for one in withheld)


def test_nobody_but_vedette_shares_where_no_organisation_is_named() -> None:
    found = replace(CASES["empty"](), organisation="", description="Looked, and found nothing.", pap=Pap.RED)
    objects = made(found)
    [identity] = of_type(objects, "identity")
    assert (identity["name"], identity["identity_class"]) == ("Vedette", "system")
    [report] = of_type(objects, "report")
    assert report["object_refs"] == [identity["id"]]
    assert report["description"] == "Looked, and found nothing."
