from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sharing_cases import CASES, HOSTILE_NAMES, everything, hostile, large, scanned
from tests.sharing_parts import AT, HOUR, ITEM, NMAP_XML, accused, bundle, fact, investigation, proof, scan
from tests.timing import bound
from vedette.canonical import canonical_json
from vedette.sharing.exporter import ExportError
from vedette.sharing.feed.exporter import Feed
from vedette.sharing.investigation import Fact, Investigation, Pap, Tlp
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.exporter import Misp
from vedette.sharing.misp.options import MispOptions

VALIDATOR = Path(__file__).resolve().parents[5] / "shared" / "tools" / "validate_misp.py"
GOLDEN = Path(__file__).with_name("golden")
"""Made anew by `python tests/vedette/sharing/misp/test_event.py`, from the folder that holds `tests`."""

PASSWORD = "correct horse battery staple"


def event_of(found: Investigation, **options: Any) -> dict[str, Any]:
    return misp_event(found, MispOptions(**options)).event


def attributes(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from event["Attribute"]
    for made in event["Object"]:
        yield from made["Attribute"]


def values(event: dict[str, Any], type: str) -> set[str]:
    return {one["value"] for one in event["Attribute"] if one["type"] == type}


def objects(event: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in event["Object"] if one["name"] == name]


def parts(made: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["object_relation"], one["value"]) for one in made["Attribute"]}


def with_part(event: dict[str, Any], name: str, relation: str, value: str) -> dict[str, Any]:
    (found,) = [one for one in objects(event, name) if (relation, value) in parts(one)]
    return found


def references(event: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (one["object_uuid"], one["relationship_type"], one["referenced_uuid"])
        for made in event["Object"]
        for one in made["ObjectReference"]
    }


def attribute(event: dict[str, Any], type: str, value: str) -> dict[str, Any]:
    (found,) = [one for one in event["Attribute"] if (one["type"], one["value"]) == (type, value)]
    return dict(found)


@pytest.mark.skipif(not VALIDATOR.exists(), reason="needs ../shared")
def test_events_files_of_several_and_feeds_with_deletions_are_valid(tmp_path: Path) -> None:
    files = []
    for name, case in CASES.items():
        files.append(tmp_path / f"{name}.json")
        Misp().write([case()], files[-1])
    found = everything()
    group = misp_event(found, MispOptions(sharing_group="9e2f6b0c-5a3f-4a37-9b4f-0d8a1a2b3c4d"))
    files.append(tmp_path / "group.json")
    files[-1].write_bytes(canonical_json(group.document))
    gone = replace(found, facts=(), edges=(), scans=(), proofs=())
    part = replace(found, facts=found.facts[::2], edges=found.edges[::2], proofs=found.proofs[:1], pap=None)
    for name, history in {"gone": [found, gone], "part": [found, part], "back": [part, gone, found]}.items():
        files.append(tmp_path / name)
        for state in history:
            Feed().write([state, scanned(), hostile()], files[-1])
    done = subprocess.run([sys.executable, str(VALIDATOR), *map(str, files)], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("OK", 0), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["scanned", "everything"])
def test_the_same_investigation_gives_the_same_bytes_as_ever(name: str, tmp_path: Path) -> None:
    Misp().write([CASES[name]()], tmp_path / "event.json")
    assert (tmp_path / "event.json").read_bytes() == (GOLDEN / f"{name}.json").read_bytes()


def test_a_scan_has_its_output_byte_for_byte_and_its_services() -> None:
    event = event_of(scanned())
    (made,) = objects(event, "scan-result")
    (output,) = [one for one in made["Attribute"] if one["object_relation"] == "scan-result"]
    assert base64.b64decode(output["data"]) == NMAP_XML
    assert (output["type"], output["value"]) == ("attachment", f"nmap-{ITEM}.xml")
    assert {("scan-result-tool", "Nmap Scan"), ("scan-result-format", "XML")} <= parts(made)
    ports = objects(event, "ip-port")
    assert {tuple(sorted(value for relation, value in parts(one) if relation != "text")) for one in ports} == {
        ("192.0.2.7", "22", "TCP", "www.example.org"),
        ("192.0.2.7", "443", "TCP", "www.example.org"),
        ("192.0.2.7", "53", "UDP", "www.example.org"),
    }
    assert all((one["uuid"], "derived-from", made["uuid"]) in references(event) for one in ports)
    ssh = with_part(event, "ip-port", "dst-port", "22")
    openssh = with_part(event, "software", "name", "OpenSSH")
    assert (ssh["uuid"], "hosts", openssh["uuid"]) in references(event)


def test_of_two_scans_of_a_service_the_latest_counts_and_both_are_there() -> None:
    first = scan()
    later = replace(
        first,
        item="4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0009",
        observed_at=AT + HOUR,
        services=tuple(replace(one, version="9.9", state="open") for one in first.services[:1]),
    )
    made = misp_event(investigation("target:192.0.2.7", scans=[first, later]))
    assert "ssh OpenSSH 9.9 (open)" in {
        value for _, value in parts(with_part(made.event, "ip-port", "dst-port", "22"))
    }
    assert len(objects(made.event, "scan-result")) == 2
    assert made.withheld == ()


def test_closed_ports_are_no_services_and_said_to_be_left_out() -> None:
    one = scan()
    made = misp_event(
        investigation("x", scans=[replace(one, services=tuple(replace(s, state="closed") for s in one.services))])
    )
    assert not objects(made.event, "ip-port")
    assert [one.what for one in made.withheld] == ["port closed of scan nmap of '192.0.2.7', 3 in all"]


def test_a_proof_is_a_report_with_the_statement_and_the_bundle_beside_it() -> None:
    event = event_of(scanned())
    (report,) = event["EventReport"]
    (attached,) = [one for one in event["Attribute"] if one["type"] == "attachment"]
    (made,) = objects(event, "scan-result")
    assert base64.b64decode(attached["data"]) == bundle(ITEM)
    assert f"@[attribute]({attached['uuid']})" in report["content"]
    assert f"@[object]({made['uuid']})" in report["content"]
    assert proof().statement.decode() in report["content"]
    assert "vedette verify" in report["content"]
    assert "tsa.example" in report["content"]


def test_a_report_cannot_be_made_to_say_something_else() -> None:
    nasty = "`x` ![](http://evil.example/a.png)\n# Heading @[tag](tlp:clear) \U0001f600"
    found = replace(scan(), target=nasty, command=(), tool="`t`")
    event = event_of(investigation("x", scans=[found], proofs=[proof()]))
    lines = event["EventReport"][0]["content"].splitlines()
    (line,) = [line for line in lines if line.startswith("- Target: ")]
    assert line.startswith("- Target: `` `x` ![]")
    assert line.endswith(" ``")
    assert "# Heading" not in lines


def test_what_a_statement_says_beyond_what_servers_keep_is_noted() -> None:
    event = event_of(investigation("x", proofs=[replace(proof(), statement='{"a":"\U0001f600"}'.encode())]))
    assert '{"a":"?"}' in event["EventReport"][0]["content"]
    assert "question marks" in event["EventReport"][0]["content"]


def test_what_an_investigation_says_of_itself_is_a_report_that_keeps_its_id() -> None:
    one, other = (
        event_of(replace(scanned(), description=text))["EventReport"]
        for text in ("All of\n![x](http://evil.example)", "Other \U0001f600")
    )
    assert len(one) == len(other) == 2
    assert {report["uuid"] for report in one} == {report["uuid"] for report in other}
    (said,) = [report for report in one if report["name"] == "Description"]
    assert event_of(investigation("nothing"))["EventReport"] == []
    assert said["content"] == "    All of\n    ![x](http://evil.example)\n"


def test_the_table_of_the_forms() -> None:
    event = event_of(everything())
    assert {"203.0.113.66", "2001:db8::bad", "203.0.113.0/24", "198.51.100.4/30"} <= values(event, "ip-dst")
    assert {"c2.evil.example", "xn--bcher-kva.example"} <= values(event, "domain")
    assert values(event, "hostname") == {"mail.example.org"}
    assert values(event, "url") == {"http://c2.evil.example:8080/gate.php?id=1&x=%20"}
    assert values(event, "threat-actor") == {"APT28", "Nobody's Own Spiders"}
    assert values(event, "campaign-name") == {"Operation Example"}
    assert values(event, "link") == {"https://bugs.example/12345"}
    assert values(event, "md5") == {"e4d909c290d0fb1ca068ffaddf22cbd0"}
    assert {("asn", "64500")} <= parts(objects(event, "asn")[0])
    assert {("name", "Emotet"), ("is_family", "0")} <= parts(objects(event, "malware")[0])
    cve = with_part(event, "vulnerability", "id", "CVE-2021-41773")
    assert {relation for relation, _ in parts(cve)} >= {"id", "summary", "cvss-score", "published", "references"}
    assert {("domain", "c2.evil.example"), ("ip", "203.0.113.66")} <= parts(objects(event, "domain-ip")[0])
    connection = {("src-port", "50412"), ("dst-port", "8080"), ("layer4-protocol", "TCP")}
    assert connection <= parts(objects(event, "network-connection")[0])
    assert {("size-in-bytes", "71680"), ("filename", "invoice.exe")} <= parts(
        with_part(event, "file", "filename", "invoice.exe")
    )
    assert {("username", "alice"), ("user-id", "1000")} == parts(objects(event, "user-account")[0])
    assert {("name", "Knocks three times")} == parts(objects(event, "attack-pattern")[0])


def test_edges_are_references_by_names_that_misp_knows() -> None:
    event = event_of(everything())
    software = with_part(event, "software", "name", "http_server")["uuid"]
    malware = with_part(event, "malware", "name", "Emotet")["uuid"]
    cve = with_part(event, "vulnerability", "id", "CVE-2021-41773")["uuid"]
    resolved = with_part(event, "domain-ip", "domain", "c2.evil.example")["uuid"]
    bad = attribute(event, "ip-dst", "203.0.113.66")["uuid"]
    actor = attribute(event, "threat-actor", "APT28")["uuid"]
    assert {
        (cve, "affects", software),
        (malware, "communicates-with", bad),
        (malware, "exploits", cve),
        (malware, "used-by", actor),
        (resolved, "resolves-to", bad),
    } <= references(event)


def test_what_cannot_be_said_is_named_with_its_reason() -> None:
    made = misp_event(everything())
    said = {one.what: one.reason for one in made.withheld}
    assert "accounts are shared on request" in said.values()
    assert any("workstation7" in what and "single label" in reason for what, reason in said.items())
    refused = misp_event(hostile()).withheld
    assert len(refused) > 50
    assert all(one.reason for one in refused)


def test_nothing_is_lost_without_a_word() -> None:
    """Each fact is in the event, is a tag, or is named among what is left out."""
    found = hostile()
    made = misp_event(found)
    named = {one.vertex for one in made.withheld}
    for one in found.facts:
        alone = misp_event(investigation("alone", [one]))
        assert alone.event["Attribute"] or alone.event["Object"] or one.vertex.id in named, one.vertex.name


def test_tags_are_one_tlp_the_pap_those_configured_and_galaxies() -> None:
    found = replace(
        everything(), tags=("TLP:RED", "tlp:white", "PAP:RED", "a b"), tlp=Tlp.AMBER_STRICT, pap=Pap.GREEN
    )
    tags = [one["name"] for one in event_of(found)["Tag"]]
    assert [tag for tag in tags if tag.lower().startswith("tlp:")] == ["tlp:amber+strict"]
    assert [tag for tag in tags if tag.lower().startswith("pap:")] == ["PAP:GREEN"]
    assert {
        'misp-galaxy:threat-actor="APT28"',
        'misp-galaxy:mitre-attack-pattern="Exploit Public-Facing Application - T1190"',
        'misp-galaxy:mitre-malware="Emotet - S0367"',
        "a b",
    } <= set(tags)
    assert not any("Spiders" in tag or "Knocks" in tag for tag in tags)


def test_only_what_is_asserted_malicious_raises_alarms() -> None:
    event = event_of(everything())
    assert all(isinstance(one["to_ids"], bool) for one in attributes(event))
    alarming = {one["value"] for one in attributes(event) if one["to_ids"]}
    assert {"203.0.113.66", "2001:db8::bad", "c2.evil.example", "c0" * 32} <= alarming
    # Ours, on a warning list, or not said to be malicious.
    assert not {"192.0.2.7", "198.51.100.53", "www.example.org", "8080"} & alarming


@pytest.mark.parametrize(
    ("own", "bad"),
    [
        (fact("IP", "203.0.113.9", own=True), accused("AddressRange", "203.0.113.0/24")),
        (fact("IP", "203.0.113.9", own=True), accused("Observable/Socket Address", "203.0.113.9:80")),
        (fact("AddressRange", "203.0.113.0/24", own=True), accused("IP", "203.0.113.9")),
        (
            fact("Observable/Domain Name", "ours.example", own=True),
            accused("Observable/URI", "https://ours.example/x"),
        ),
        (fact("IP", "203.0.113.9", own=True), accused("Observable/URI", "https://203.0.113.9/x")),
        (fact("Observable/Hostname", "ours.example", own=True), accused("Observable/URI", "ours.example:80/x")),
        (
            fact("Observable/Domain Name", "ours.example", own=True),
            accused("Observable/Email Address", "x@ours.example"),
        ),
        (fact("Observable/Hostname", "ours.example", own=True), accused("Observable/Domain Name", "ours.example")),
        (
            fact("IP", "203.0.113.9", own=True),
            accused("Indicator", "i", pattern="[ipv4-addr:value = '203.0.113.9']", patternType="stix"),
        ),
        (
            fact("Observable/Domain Name", "ours.example", own=True),
            accused("Indicator", "i", pattern='content:"http://ours.example:80/x"', patternType="snort"),
        ),
        (fact("Observable/File Hash", "ab" * 32, own=True), accused("Observable/File", "x", sha256="ab" * 32)),
    ],
)
def test_a_victims_own_never_become_an_alarm_whatever_names_them(own: Fact, bad: Fact) -> None:
    event = event_of(investigation("x", [own, bad]))
    assert not [one["value"] for one in attributes(event) if one["to_ids"]]
    alone = event_of(investigation("x", [bad]))
    assert [one for one in attributes(alone) if one["to_ids"]]


def test_what_is_beside_ours_still_raises_alarms() -> None:
    facts = [
        fact("IP", "203.0.113.9", own=True),
        accused("IP", "203.0.113.10"),
        accused("AddressRange", "203.0.112.0/24"),
    ]
    event = event_of(investigation("x", facts))
    assert {one["value"] for one in attributes(event) if one["to_ids"]} == {"203.0.113.10", "203.0.112.0/24"}


def test_a_url_that_cannot_be_taken_apart_raises_no_alarm_for_ours() -> None:
    own = [fact("IP", "203.0.113.9", own=True), fact("Observable/Domain Name", "ours.example", own=True)]
    urls = ["http://[203.0.113.9/", "http://ours.example]/", "http://[::bad/"]
    event = event_of(investigation("x", [*own, *(accused("Observable/URI", url) for url in urls)]))
    assert {one["value"] for one in attributes(event) if one["to_ids"]} <= {"http://[::bad/"}
    assert len(values(event, "url")) == 3


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("evil.example/config.bin", "uri"),
        ("evil.example:8080/x", "uri"),
        ("/gate.php?id=1", "uri"),
        ("http://evil.example/", "url"),
        ("javascript:alert(1)", ""),
        ("no slash", ""),
    ],
)
def test_what_has_no_scheme_is_a_uri(name: str, type: str) -> None:
    made = misp_event(investigation("x", [accused("Observable/URI", name)]))
    assert [one["type"] for one in made.event["Attribute"]] == ([type] if type else [])
    assert bool(made.withheld) == (not type)


def test_a_host_without_a_name_is_its_address() -> None:
    ip, host = fact("IP", "192.0.2.7", own=True), fact("Observable/Hostname", "host_at_192.0.2.7", own=True)
    made = misp_event(investigation("x", [ip, host], [(host, "Sub-Observable", ip)]))
    assert values(made.event, "ip-dst") == {"192.0.2.7"}
    assert made.withheld == ()


def test_a_port_is_its_own_thing_only_where_more_is_said_of_it() -> None:
    port, malware = fact("Observable/Port", "8080"), accused("Malware", "Emotet")
    sockets = [fact("Observable/Socket Address", f"203.0.113.{one}:8080") for one in (1, 2)]
    edges = [(socket, "Sub-Observable", port) for socket in sockets]
    plain = misp_event(investigation("x", [port, malware, *sockets], edges))
    assert (values(plain.event, "port"), references(plain.event), plain.withheld) == (set(), set(), ())
    told = misp_event(investigation("x", [port, malware, *sockets], [*edges, (malware, "Observable", port)]))
    assert values(told.event, "port") == {"8080"}
    assert {name for _, name, _ in references(told.event)} == {"characterized-by"}


def test_passwords_are_never_there() -> None:
    event = event_of(investigation("x", [fact("Observable/User Account", "alice", password=PASSWORD, uid="1")]))
    assert PASSWORD not in json.dumps(event)


def test_markings_are_explicit_and_inherited() -> None:
    event = event_of(everything())
    assert (event["distribution"], event["published"], event["analysis"], event["threat_level_id"]) == (
        "0",
        False,
        "1",
        "4",
    )
    assert {one["distribution"] for one in (*attributes(event), *event["Object"], *event["EventReport"])} == {"5"}
    group = "9e2f6b0c-5a3f-4a37-9b4f-0d8a1a2b3c4d"
    shared = event_of(everything(), sharing_group=group)
    assert (shared["distribution"], shared["SharingGroup"]["uuid"]) == ("4", group)


def test_times_are_those_of_observations_and_the_event_is_as_new_as_its_newest_part() -> None:
    event = event_of(everything())
    bad = attribute(event, "ip-dst", "203.0.113.66")
    assert (bad["first_seen"], bad["last_seen"]) == (
        "2026-11-22T00:00:00.123456+00:00",
        "2026-11-22T01:00:00.123456+00:00",
    )
    assert bad["timestamp"] == str((AT + HOUR) // 1_000_000)
    newest = max(int(one["timestamp"]) for one in (*attributes(event), *event["Object"], *event["EventReport"]))
    assert event["timestamp"] == str(newest)
    assert event["date"] == "2026-11-22"


def test_what_is_said_twice_is_there_once() -> None:
    twice = [
        accused("Observable/Domain Name", "evil.example"),
        fact("Observable/DNS Query", "EVIL.example."),
    ]
    event = event_of(investigation("x", twice))
    made = attribute(event, "domain", "evil.example")
    assert made["to_ids"]
    assert "threatfox" in made["comment"]
    assert "nmap" in made["comment"]


def test_ids_are_of_the_event_so_the_same_value_in_two_events_has_two() -> None:
    one, other = (event_of(investigation(key, [fact("IP", "203.0.113.1")])) for key in ("a", "b"))
    assert one["Attribute"][0]["uuid"] != other["Attribute"][0]["uuid"]
    assert (
        one["Attribute"][0]["uuid"]
        == event_of(investigation("a", [fact("IP", "203.0.113.1")]))["Attribute"][0]["uuid"]
    )


def test_a_flow_without_ports_is_a_netflow() -> None:
    flow = fact(
        "Observable/Network Flow", "192.0.2.1:0_through_203.0.113.9:0", proto="icmp", totalPkts=3, totalBytes=99
    )
    (made,) = event_of(investigation("x", [flow]))["Object"]
    assert made["name"] == "netflow"
    assert {("packet-count", "3"), ("byte-count", "99"), ("protocol", "ICMP")} <= parts(made)


def test_ten_thousand_attributes_are_fast_and_all_there(tmp_path: Path) -> None:
    found = large(10_000)
    start = time.process_time()
    withheld = Misp().write([found], tmp_path / "event.json")
    spent = time.process_time() - start
    event = json.loads((tmp_path / "event.json").read_bytes())["Event"]
    assert withheld == []
    assert len(event["Attribute"]) + len(event["Object"]) == 10_000
    assert spent < bound(5.0)


def test_several_investigations_are_one_document(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    Misp().write([case() for case in CASES.values()], path)
    found = json.loads(path.read_bytes())["response"]
    assert [one["Event"]["uuid"] for one in found] == [str(case().uuid) for case in CASES.values()]
    Misp().write([], path)
    assert json.loads(path.read_bytes()) == {"response": []}


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    Misp().write([scanned()], path)
    before = path.read_bytes()

    def broken() -> Iterator[Investigation]:
        yield scanned()
        raise ExportError("the graph is gone")

    with pytest.raises(ExportError, match="gone"):
        Misp().write(broken(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


KINDS = (
    *(
        "IP",
        "AddressRange",
        "Observable/Domain Name",
        "Observable/Hostname",
        "Observable/URI",
        "Observable/DNS Record",
    ),
    *(
        "Observable/Socket Address",
        "Observable/Network Flow",
        "Observable/File",
        "Observable/Product",
        "Observable/Port",
    ),
    *("Vulnerability", "Malware", "Threat_Actor", "TTP", "Indicator", "Campaign", "Observable/X509 Certificate"),
    *("Observable/User Account", "Observable/AS", "Location", "Tool", "Weather", "Report", "Weakness", "Exploit"),
)
NAMES = st.one_of(
    st.sampled_from(
        [*HOSTILE_NAMES, "203.0.113.1", "evil.example", "a.example_resolved_to_203.0.113.1", "CVE-2021-44228"]
    ),
    st.text(min_size=1, max_size=30),
)
FACTS = st.builds(
    lambda type, name, bad, own: replace(fact(type, name, description=(name,)), malicious=bad, own=own),
    st.sampled_from(KINDS),
    NAMES,
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(FACTS, max_size=8), st.data())
def test_whatever_is_known_an_event_is_closed_and_always_the_same(facts: list[Fact], data: st.DataObject) -> None:
    known = list({one.vertex.id: one for one in facts}.values())
    relation = st.sampled_from(["Sub-Observable", "UsesIP", "Observable", "related-to", "x\ny", "\ud800"])
    edges = data.draw(
        st.lists(st.tuples(st.sampled_from(known), relation, st.sampled_from(known)), max_size=8)
        if known
        else st.just([])
    )
    found = investigation("x", known, edges, title=data.draw(NAMES))
    event = event_of(found)
    ids = [one["uuid"] for one in (*attributes(event), *event["Object"], *event["EventReport"])]
    assert max(Counter(ids).values(), default=1) == 1
    assert {target for _, _, target in references(event)} <= set(ids)
    assert canonical_json(event) == canonical_json(event_of(found))
    own = {one.vertex.name for one in known if one.own}
    assert not [one for one in attributes(event) if one["to_ids"] and one["value"] in own]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case in ("scanned", "everything"):
        Misp().write([CASES[case]()], GOLDEN / f"{case}.json")
