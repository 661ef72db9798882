"""The graph as STIX 2.1: valid, the same bytes each time, nothing of the picture left out."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.graph.prose_picture import picture as prose_picture
from vedette.extraction.sources.stix import Stix
from vedette.extraction.subgraph import Value
from vedette.graph.port import EdgeView, Picture, VertexView
from vedette.graph.stix_export import stix_bundle

VALIDATOR = Path(__file__).resolve().parents[4] / "shared" / "tools" / "validate_stix.py"
FIRST = 1_577_836_800_123_456
LAST = FIRST + 86_400_000_000

HASH = "a" * 64


def vertex(kind: str, name: str, *, first: int = FIRST, last: int = LAST, **properties: Value) -> VertexView:
    type, _, observable = kind.partition("/")
    return VertexView(
        id=f"stucco:{kind}-{name}",
        type=type,
        observable_type=observable,
        name=name,
        properties=properties,
        first_seen=first,
        last_seen=last,
        mentions=1,
    )


def edge(out: VertexView, relation: str, into: VertexView, *, confidence: float = 0.5) -> EdgeView:
    return EdgeView(
        out_id=out.id,
        in_id=into.id,
        relation=relation,
        count=2,
        first_seen=FIRST,
        last_seen=LAST,
        confidence=confidence,
    )


def exported(*vertices: VertexView, edges: tuple[EdgeView, ...] = ()) -> list[dict[str, Any]]:
    bundle = json.loads(stix_bundle(Picture(vertices=vertices, edges=edges)))
    assert bundle["type"] == "bundle"
    objects: list[dict[str, Any]] = bundle.get("objects", [])
    return objects


MALWARE = vertex("Malware", "Emotet", alias=("Geodo", "Emotet"), description=("one", "two"))
ADDRESS = vertex("IP/Address", "192.0.2.1")

EVERYTHING = (
    MALWARE,
    ADDRESS,
    vertex("IP/Address", "2001:db8::1"),
    vertex("IP/Address", "no address"),
    vertex("AddressRange/Address", "10.0.0.0 - 10.0.0.255"),
    vertex("AddressRange/Address", "10.0.0.1 - 10.0.0.255"),
    vertex("Observable/Domain Name", "a.example"),
    vertex("Observable/Domain Name", "no domain <\x01>"),
    vertex("Observable/URI", "https://example.org/?a=b"),
    vertex("Observable/URI", "/x y"),
    vertex("Observable/Email Address", "a@example.org"),
    vertex("Observable/MAC Address", "00:00:5E:00:53:01"),
    vertex("Observable/File", "x.exe", md5="d41d8cd98f00b204e9800998ecf8427e", sha256=HASH),
    vertex("Observable/File", HASH),
    vertex("Observable/File Hash", "b" * 32),
    vertex("Observable/AS", "64500", asName="EXAMPLE"),
    vertex("Observable/User Account", "root"),
    vertex("Observable/Network Flow", "192.0.2.9:1_through_[2001:db8::9]:443"),
    vertex("Observable/Network Flow", "no flow"),
    vertex("Observable/Product", "cpe:/a:hp:x:7.2"),
    vertex("Observable/Product", "cpe::acme:word:1:::"),
    vertex("Observable/Windows Registry Key", "HKLM\\Software"),
    vertex("Observable/Windows Registry Key", "Software\\x", hive="HKEY_LOCAL_MACHINE"),
    vertex("Observable/Windows Registry Key", "HKEY_USERS\\hkcu"),
    vertex("Observable/Mutex", "m"),
    vertex("Observable/X509 Certificate", "01:02"),
    vertex("Observable/HTTP Session", "GET /"),
    vertex("Observable/Process", "sshd"),
    vertex("Observable/Port", "80"),
    vertex("Observable/DNS Record", "a.example_resolved_to_192.0.2.1"),
    vertex("Observable/Whois", "Acme"),
    vertex("Vulnerability", "CVE-2009-3699", references=("https://example.org/1", "no url")),
    vertex("Vulnerability", "heartbleed", first=0, last=0),
    vertex("Weakness", "CWE-79"),
    vertex("TTP", "T1059.001", title="PowerShell", revoked="true"),
    vertex("Tool", "Mimikatz"),
    vertex("Campaign", "Quiet Harbour"),
    vertex("Threat_Actor", "Grey Heron", alias=("GH",)),
    vertex("Course_Of_Action", "M1042"),
    vertex("Incident", "i"),
    vertex("Indicator", "indicator--1", pattern="[ipv4-addr:value = '192.0.2.1']", patternType="stix", title="bad"),
    vertex("Indicator", "no pattern"),
    vertex("Exploit", "e"),
    vertex("Exploit_Target", "t"),
    vertex("Identity", "Acme"),
    vertex("Location", "NO"),
    vertex("Location", "Atlantis"),
    vertex("Report", "report--1", title="What we saw"),
    vertex("Note", "note--1", description=("one",)),
    vertex("Grouping", "grouping--1"),
    vertex("Opinion", "opinion--1"),
    vertex("Observable/Email Message", "Your invoice"),
    vertex("Something_Else", "ÿ🙂"),
)

RELATIONS = (
    "UsesIP",
    "Exploits",
    "ExploitTarget",
    "IndicatedTTP",
    "RelatedTTP",
    "Sub-Observable",
    "mitigates",
    "a b",
)


@pytest.mark.skipif(not VALIDATOR.exists(), reason="needs ../shared")
@pytest.mark.skipif(importlib.util.find_spec("stix2validator") is None, reason="needs stix2-validator")
def test_an_export_is_valid(tmp_path: Path) -> None:
    pairs = itertools.islice(itertools.product(EVERYTHING, EVERYTHING), 0, None, 47)
    edges = tuple(
        edge(out, relation, into) for (out, into), relation in zip(pairs, itertools.cycle(RELATIONS), strict=False)
    )
    for name, picture in (
        ("all", Picture(vertices=EVERYTHING, edges=edges)),
        ("standard", Picture(vertices=(MALWARE, ADDRESS), edges=(edge(MALWARE, "UsesIP", ADDRESS),))),
        ("prose", prose_picture()),
    ):
        (tmp_path / f"{name}.json").write_bytes(stix_bundle(picture))
    files = [str(tmp_path / f"{name}.json") for name in ("all", "standard", "prose")]
    done = subprocess.run([sys.executable, str(VALIDATOR), *files], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "OK", done.stdout + done.stderr


def test_everything_is_in_an_export_whatever_it_is() -> None:
    edges = tuple(edge(out, "Sub-Observable", into) for out, into in itertools.pairwise(EVERYTHING))
    objects = exported(*EVERYTHING, edges=edges)
    ids = [one["id"] for one in objects]
    assert len(set(ids)) == len(ids)
    # Two vertices that are the same in STIX share an object; each edge is a relationship of its own.
    assert sum("source_ref" in one for one in objects) == len(edges)
    names = json.dumps(objects, ensure_ascii=False)
    for one in ("ÿ🙂", "GET /", "CWE-79", "no flow", "no pattern", "10.0.0.1 - 10.0.0.255"):
        assert json.dumps(one, ensure_ascii=False)[1:-1] in names
    assert {one[key] for one in objects for key in ("source_ref", "target_ref") if key in one} <= set(ids)


def test_the_same_picture_gives_the_same_bytes_in_any_order() -> None:
    edges = (edge(MALWARE, "UsesIP", ADDRESS), edge(ADDRESS, "a b", MALWARE))
    one = stix_bundle(Picture(vertices=(MALWARE, ADDRESS), edges=edges))
    assert one == stix_bundle(Picture(vertices=(ADDRESS, MALWARE), edges=edges[::-1]))
    assert one != stix_bundle(Picture(vertices=(ADDRESS, MALWARE), edges=edges[:1]))


def test_a_relationship_says_what_it_is_how_sure_and_when() -> None:
    [relationship] = [
        one for one in exported(MALWARE, ADDRESS, edges=(edge(MALWARE, "UsesIP", ADDRESS),)) if "source_ref" in one
    ]
    assert relationship["relationship_type"] == "communicates-with"
    assert relationship["description"] == "UsesIP"
    assert relationship["confidence"] == 50
    assert relationship["source_ref"].startswith("malware--")
    assert (relationship["start_time"], relationship["stop_time"]) == (
        "2020-01-01T00:00:00.123Z",
        "2020-01-02T00:00:00.123Z",
    )


def test_a_report_is_about_what_it_leads_to() -> None:
    report, port = vertex("Report", "report--1", title="What we saw"), vertex("Observable/Port", "80")
    edges = (edge(report, "RelatedMalware", MALWARE), edge(report, "Observable", port), edge(report, "a b", report))
    made = {one["type"]: one for one in exported(report, MALWARE, port, edges=edges)}
    assert made["report"]["name"] == "What we saw"
    assert made["report"]["object_refs"] == [made["malware"]["id"]]
    assert exported(report)[-1]["type"] == "x-vedette-thing"


def test_an_edge_to_something_outside_the_picture_is_left_out() -> None:
    assert [one["type"] for one in exported(MALWARE, edges=(edge(MALWARE, "UsesIP", ADDRESS),))] == ["malware"]


def test_ids_of_observables_are_those_of_every_other_maker() -> None:
    """Of python-stix2 3.0.2, made once: `stix2.v21.IPv4Address(value="192.0.2.1").id`."""
    [address] = exported(ADDRESS)
    assert address == {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": "ipv4-addr--8dded90c-40c0-545a-8027-5b212bb37e8e",
        "value": "192.0.2.1",
    }


def test_a_custom_thing_comes_with_its_definition() -> None:
    maker, definition, thing = exported(vertex("Weakness_Of_Ours", "x"))
    assert (maker["type"], definition["type"], thing["type"]) == (
        "identity",
        "extension-definition",
        "x-vedette-thing",
    )
    assert definition["created_by_ref"] == maker["id"]
    assert list(thing["extensions"]) == [definition["id"]]
    assert (thing["vertex_type"], thing["name"]) == ("Weakness_Of_Ours", "x")


def test_an_export_can_be_read_again() -> None:
    port = vertex("Observable/Port", "80")
    edges = (edge(MALWARE, "UsesIP", ADDRESS), edge(ADDRESS, "Sub-Observable", port))
    subgraph = read(Stix, stix_bundle(Picture(vertices=(MALWARE, ADDRESS, port), edges=edges)))
    assert relations(subgraph) == {("Emotet", "UsesIP", "192.0.2.1"), ("192.0.2.1", "Sub-Observable", "80")}
    said(named(subgraph, "80"), vertexType="Observable", observableType="Port")


def test_an_empty_picture_is_an_empty_bundle() -> None:
    assert exported() == []
