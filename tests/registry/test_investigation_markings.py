"""What is marked stricter than may leave does not leave in any form: facts, edges, outputs, payloads of bundles."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import orjson
import pytest

from tests.registry.gathered import Fleet, fleet, names_of, scanned, uuid_of
from vedette.extraction.sources.stix import Stix
from vedette.sharing.investigation import Investigation, Proof
from vedette.sharing.misp.event import misp_event
from vedette.sharing.own import Own
from vedette.sharing.stix.objects import stix_objects

# What may leave is decided in Python; that both databases tell the same is shown in test_investigations.py.
pytestmark = pytest.mark.parametrize(("store_url", "graph_store_url"), [("sqlite", "sqlite")], indirect=True)

__all__ = ["fleet"]

RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
BAD, SECRET = "203.0.113.9", "203.0.113.77"
META: dict[str, Any] = {"type": "document", "source": "vedette.in.structured.stix", "target": "partner.json"}


def thing(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    id = f"{kind}--00000000-0000-4000-8000-{number:012}"
    times = {"created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z"}
    return {"type": kind, "spec_version": "2.1", "id": id, **times, **fields}


def indicator(number: int, address: str, *marks: str, **fields: Any) -> dict[str, Any]:
    pattern = f"[ipv4-addr:value = '{address}']"
    said = {"pattern": pattern, "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z"}
    marked = {"object_marking_refs": list(marks)} if marks else {}
    return thing("indicator", number, indicator_types=["malicious-activity"], **said, **marked, **fields)


def bundle(*objects: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": "bundle", "id": f"bundle--{uuid_of(9)}", "objects": objects})


async def told(fleet: Fleet, *objects: dict[str, Any]) -> None:
    await fleet.item(1, bundle(*objects), Stix(), form="document", **META)


def proved(found: Investigation) -> Proof:
    (proof,) = found.proofs
    assert proof.bundle is not None
    return proof


def files_of(found: Investigation) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(proved(found).bundle or b"")) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def leaves(found: Investigation, text: str) -> bool:
    """Tell whether a text is anywhere in what leaves."""
    shared = repr((found.title, found.facts, found.edges, found.scans, [one.statement for one in found.proofs]))
    return text in shared or any(text.encode() in content for content in files_of(found).values())


async def test_what_a_strict_indicator_names_is_as_strict(fleet: Fleet) -> None:
    await told(fleet, indicator(1, SECRET, RED), indicator(2, BAD, GREEN))
    found = await fleet.gather(f"item={uuid_of(1)}", bundles=True)
    assert BAD in names_of(found)
    assert not leaves(found, SECRET)
    assert "payload.bin" not in files_of(found)
    assert any(one.what.startswith("payload in the bundle") for one in found.withheld)


async def test_a_document_that_may_leave_leaves_whole(fleet: Fleet) -> None:
    await told(fleet, indicator(1, SECRET, RED), indicator(2, BAD, GREEN))
    found = await fleet.gather(f"item={uuid_of(1)}", bundles=True, ceiling="red")
    assert SECRET in names_of(found)
    assert found.tlp == "red"
    assert files_of(found)["payload.bin"] == bundle(indicator(1, SECRET, RED), indicator(2, BAD, GREEN))


async def test_a_marking_within_an_object_marks_it(fleet: Fleet) -> None:
    within = [{"marking_ref": RED, "selectors": ["pattern"]}]
    await told(fleet, indicator(1, SECRET, GREEN, granular_markings=within), indicator(2, BAD))
    found = await fleet.gather(f"item={uuid_of(1)}", bundles=True)
    assert BAD in names_of(found)
    assert not leaves(found, SECRET)


async def test_a_strict_relationship_is_not_told(fleet: Fleet) -> None:
    actor, malware = thing("threat-actor", 3, name="Anna"), thing("malware", 4, name="Plague", is_family=True)
    uses = {"relationship_type": "uses", "source_ref": actor["id"], "target_ref": malware["id"]}
    await told(fleet, actor, malware, thing("relationship", 5, **uses, object_marking_refs=[RED]))
    found = await fleet.gather(f"item={uuid_of(1)}", bundles=True)
    assert ({"Anna", "Plague"} <= names_of(found), found.edges) == (True, ())
    assert "payload.bin" not in files_of(found)
    assert (await fleet.gather(f"item={uuid_of(1)}", ceiling="red")).edges


async def test_a_neighbourhood_brings_no_payload_in_which_there_is_more(fleet: Fleet) -> None:
    await told(fleet, indicator(1, SECRET, RED), indicator(2, BAD, GREEN))
    for select in (f"vertex={BAD} depth=0", f"text={BAD}"):
        found = await fleet.gather(select, bundles=True)
        assert BAD in names_of(found)
        assert not leaves(found, SECRET)


async def test_an_output_of_which_something_is_withheld_stays(fleet: Fleet) -> None:
    await fleet.scan(1, BAD, scanned(BAD, name="host.example.net"))
    kinds = ["Hostname", "Domain Name", "DNS Record"]
    found = await fleet.gather(f"target={BAD}", bundles=True, without=[f"Observable/{kind}" for kind in kinds])
    (scan,) = found.scans
    assert (scan.raw, scan.services) == (None, ())
    assert not leaves(found, "host.example.net")
    whole = await fleet.gather(f"target={BAD}", bundles=True)
    assert whole.scans[0].raw == scanned(BAD, name="host.example.net")
    assert whole.scans[0].services


async def test_an_output_that_names_a_strict_marking_stays(fleet: Fleet) -> None:
    await fleet.scan(1, BAD, scanned(BAD, ports={80: "TLP:RED"}))
    found = await fleet.gather(f"target={BAD}", bundles=True)
    assert found.scans[0].raw is None
    assert "payload.bin" not in files_of(found)


RULES = {
    "stix": "[ipv4-addr:value = '192.0.2.9']",
    "suricata": "alert ip any any -> 192.0.2.9 any (msg:x; sid:1;)",
    "yara": 'rule x { strings: $a = "http://www.example.org/x" condition: $a }',
    "sigma": "detection: {selection: {dst: 192.0.2.0/28}}",
}


async def test_a_rule_that_names_what_is_ours_raises_no_alarm(fleet: Fleet) -> None:
    ours = [
        indicator(number, SECRET) | {"pattern": pattern, "pattern_type": kind}
        for number, (kind, pattern) in enumerate(RULES.items(), start=1)
    ]
    await told(fleet, *ours, indicator(9, BAD))
    own = Own.of(networks=["192.0.2.0/24"], domains=["example.org"])
    found = await fleet.gather(f"item={uuid_of(1)}", own=own)
    rules = {fact.vertex.name[-1]: fact for fact in found.facts if fact.vertex.type == "Indicator"}
    assert [name for name, fact in rules.items() if fact.alarming] == ["9"]
    assert sorted(name for name, fact in rules.items() if fact.own) == ["1", "2", "3", "4"]
    shared = [one["pattern"] for one in stix_objects(found) if one["type"] == "indicator"]
    assert shared
    assert not set(shared) & set(RULES.values())
    attributes = misp_event(found).event["Attribute"]
    assert not [one["value"] for one in attributes if one["to_ids"] and one["value"] in RULES.values()]


async def test_an_item_with_a_password_in_its_command_stays(fleet: Fleet) -> None:
    words = ("https://anna:sekret@example.net/", "--password=sekret", "API_KEY:sekret")
    for number, word in enumerate(words, start=1):
        await fleet.scan(number, BAD, scanned(BAD), command=["nmap", word, BAD])
    found = await fleet.gather(f"target={BAD}", bundles=True)
    assert (found.facts, found.scans, found.proofs) == ((), (), ())
    assert [one.what for one in found.withheld] == ["3 times item"]
    assert "sekret" not in repr(found)
