"""STIX bundles as others read them: validators, python-stix2, misp-stix, our own reader; always the same bytes."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sharing_cases import CASES, HOSTILE_NAMES, everything, hostile, large, scanned
from tests.sharing_parts import accused, fact, investigation
from tests.vedette.extraction.graphs import read
from tests.vedette.sharing.stix.closure import references
from vedette.canonical import canonical_json
from vedette.errors import VedetteError
from vedette.extraction.sources.stix import Stix
from vedette.graph.ontology import ontology
from vedette.sharing.exporter import ExportError
from vedette.sharing.investigation import Fact, Investigation, Tlp
from vedette.sharing.stix.exporter import StixExporter, bundle_parts
from vedette.sharing.stix.frame import marking_id
from vedette.sharing.stix.objects import stix_objects

VALIDATOR = Path(__file__).resolve().parents[5] / "shared" / "tools" / "validate_stix.py"
GOLDEN = Path(__file__).with_name("golden")
"""Made anew by `python tests/vedette/sharing/stix/test_stix_exporter.py`, from the folder that holds `tests`."""

IMPORT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from misp_stix_converter import ExternalSTIX2toMISPParser
parser = ExternalSTIX2toMISPParser()
parser.parse_stix_content(sys.argv[1])
events = getattr(parser, "misp_events", None) or [parser.misp_event]
events = events if isinstance(events, list) else [events]
json.dump([json.loads(event.to_json()) for event in events], sys.stdout)
"""
"""Prints the MISP events that misp-stix makes of a bundle."""

CVE = re.compile(r"CVE-\d{4}-\d{4,}")
DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+")


def written(*investigations: Investigation) -> bytes:
    return b"".join(bundle_parts(investigations))


def objects(data: bytes) -> list[dict[str, Any]]:
    bundle = json.loads(data)
    found: list[dict[str, Any]] = bundle["objects"]
    assert (bundle["type"], set(bundle)) == ("bundle", {"type", "id", "objects"})
    return found


@pytest.mark.skipif(not VALIDATOR.exists(), reason="needs ../shared")
@pytest.mark.skipif(importlib.util.find_spec("stix2validator") is None, reason="needs stix2-validator")
def test_bundles_are_valid(tmp_path: Path) -> None:
    cases = {name: [make()] for name, make in CASES.items()}
    for name, investigations in (cases | {"several": [scanned(), replace(scanned(), key="target:again")]}).items():
        assert StixExporter().write(investigations, tmp_path / f"{name}.json") == []
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([sys.executable, str(VALIDATOR), *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "OK"), done.stdout + done.stderr


def test_misp_stix_keeps_every_address_domain_hash_and_cve(tmp_path: Path) -> None:
    found = investigation("search:all", [*everything().facts, *large(60).facts, *_usable(hostile().facts)])
    StixExporter().write([found], tmp_path / "bundle.json")
    command = [sys.executable, "-c", IMPORT, str(tmp_path / "bundle.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout)
    kept = {text.lower() for text in _texts(events)}
    expected = set(_expected(found.facts))
    assert len(expected) > 60
    assert {text for text in expected if text.lower() not in kept} == set()
    alarming = set(_alarming(events))
    assert {"203.0.113.66", "c2.evil.example", "xn--bcher-kva.example"} <= alarming
    assert not alarming & {"192.0.2.7", "www.example.org", "198.51.100.53"}


def _alarming(value: Any) -> Iterable[str]:
    """Return the values of which MISP would make rules for sensors."""
    if isinstance(value, dict) and value.get("to_ids"):
        yield str(value["value"])
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _alarming(one)


def _usable(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that are addresses, domains, files or CVEs, whatever their names: the issue names these."""
    wanted = ("IP", "Domain Name", "File", "Vulnerability")
    return [one for one in facts if one.vertex.type in wanted or one.vertex.observable_type in wanted]


def _expected(facts: Iterable[Fact]) -> Iterable[str]:
    for one in facts:
        vertex = one.vertex
        name = ontology().canonical(vertex.type, vertex.observable_type, vertex.name)
        if vertex.type == "IP" and _is_address(name):
            yield name
        if vertex.observable_type == "Domain Name" and DOMAIN.fullmatch(name) and len(name) <= 253:
            yield name
        if vertex.type == "Vulnerability" and CVE.fullmatch(name):
            yield name
        for kind, length in (("md5", 32), ("sha1", 40), ("sha256", 64)):
            text = str(vertex.properties.get(kind, ""))
            if re.fullmatch(f"[0-9a-fA-F]{{{length}}}", text):
                yield text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    else:
        yield str(value)


@pytest.mark.parametrize(("found", "custom"), [(large(20), False), (everything(), True)])
def test_python_stix2_reads_all_of_it(found: Investigation, custom: bool) -> None:
    """A bundle with types that only an extension defines it takes where it is asked to."""
    bundle = stix2.parse(written(found), allow_custom=custom, version="2.1")
    assert len(bundle.objects) == len(objects(written(found)))


def test_our_own_reader_finds_the_facts_again() -> None:
    subgraph = read(Stix, written(everything()))
    names = {vertex.name for vertex in subgraph.vertices.values()}
    assert {"Emotet", "203.0.113.66", "c2.evil.example", "CVE-2021-41773", "APT28", "CWE-22"} <= names


@pytest.mark.parametrize("name", ["scanned", "everything"])
def test_the_same_investigation_gives_the_same_bytes_as_ever(name: str) -> None:
    assert written(CASES[name]()) == (GOLDEN / f"{name}.json").read_bytes()


def test_every_object_is_canonical_and_the_id_is_of_the_content() -> None:
    data = written(scanned())
    for one in objects(data):
        assert canonical_json(one) in data
    assert json.loads(data)["id"] == json.loads(written(scanned()))["id"]
    assert json.loads(data)["id"] != json.loads(written(everything()))["id"]


def test_several_investigations_are_one_bundle_with_a_report_each_and_the_strictest_marking() -> None:
    strict = replace(scanned(), key="target:again", tlp=Tlp.RED)
    found = objects(written(everything(), strict))
    ids = [one["id"] for one in found]
    assert len(ids) == len(set(ids))
    assert {f"report--{one.uuid}" for one in (everything(), strict)} <= set(ids)
    marked = {mark for one in found for mark in one.get("object_marking_refs", ())}
    assert marked == {marking_id(Tlp.RED), marking_id(Tlp.CLEAR)}


def test_no_investigation_is_an_empty_bundle(tmp_path: Path) -> None:
    StixExporter().write([], tmp_path / "none.json")
    bundle = json.loads((tmp_path / "none.json").read_bytes())
    assert set(bundle) == {"type", "id"}


def test_objects_are_made_one_by_one() -> None:
    """The first come before the last fact was looked at."""

    class Facts(Sequence[Fact]):
        def __init__(self) -> None:
            self.facts = list(large(100, edges=False).facts)

        def __getitem__(self, index: Any) -> Any:
            return self.facts[index]

        def __len__(self) -> int:
            return len(self.facts)

    pieces = bundle_parts([replace(large(0), facts=Facts())])
    assert sum(len(next(pieces)) for _ in range(9)) < 5_000
    pieces.close()  # type: ignore[attr-defined] # it is a generator


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(b"before")
    broken = replace(scanned(), title="half \ud800")
    with pytest.raises(VedetteError):
        StixExporter().write([broken], path)
    assert [one.name for one in tmp_path.iterdir()] == ["bundle.json"]
    assert path.read_bytes() == b"before"
    with pytest.raises(ExportError):
        StixExporter().write([scanned()], tmp_path)


TYPES = sorted(
    key for key, kind in ontology().kinds.items() if not kind.same_as and kind.stix not in {"report", "note"}
)
NAMES = st.one_of(
    st.sampled_from(HOSTILE_NAMES),
    st.text(max_size=20),
    st.sampled_from(
        ("192.0.2.7", "2001:db8::1", "a.example", "http://a.example/", "CVE-2021-41773", "ab" * 32, "192.0.2.7:80")
    ),
)
RELATIONS = st.sampled_from((*ontology().relations, "related <b>\n", ""))


@st.composite
def investigations(draw: st.DrawFn) -> Investigation:
    """A small investigation of whatever facts and edges."""
    makers = st.sampled_from((fact, accused))
    facts = [
        draw(makers)(type, name)
        for type, name in draw(st.lists(st.tuples(st.sampled_from(TYPES), NAMES), max_size=6))
    ]
    known = list({one.vertex.id: one for one in facts}.values())
    edges = [(out, draw(RELATIONS), into) for out, into in pairwise(known)]
    return investigation("search:any", known, edges, tlp=draw(st.sampled_from(Tlp)))


@given(investigations())
@settings(max_examples=60)
def test_whatever_is_in_it_a_bundle_is_closed_and_always_the_same(found: Investigation) -> None:
    listed = list(stix_objects(found))
    ids = [one["id"] for one in listed]
    assert len(ids) == len(set(ids))
    assert set(references(listed)) <= set(ids)
    turned = replace(found, facts=list(found.facts), edges=tuple(found.edges))
    assert written(turned) == written(found)
    for one in listed:
        stix2.parse(one, allow_custom=False, version="2.1")


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case in ("scanned", "everything"):
        (GOLDEN / f"{case}.json").write_bytes(written(CASES[case]()))
