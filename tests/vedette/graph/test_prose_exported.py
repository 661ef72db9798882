"""What prose says, exported: STIX 2.1's relationships, GraphML and JSON; `test_stix_export` has it validated."""

from __future__ import annotations

import json

from defusedxml.ElementTree import fromstring

from tests.vedette.graph.prose_picture import SENTENCES, picture
from vedette.extraction.prose.labels import LABELS
from vedette.graph.exporting import graphml, stucco_json
from vedette.graph.stix_export import stix_bundle


def test_the_relations_of_prose_are_those_of_stix() -> None:
    objects = json.loads(stix_bundle(picture()))["objects"]
    types = {one["id"]: one["type"] for one in objects}
    related = {
        (types[one["source_ref"]], one["relationship_type"], types[one["target_ref"]])
        for one in objects
        if one["type"] == "relationship"
    }
    assert related >= {
        ("campaign", "attributed-to", "threat-actor"),
        ("campaign", "uses", "attack-pattern"),
        ("malware", "authored-by", "threat-actor"),
        ("malware", "communicates-with", "domain-name"),
        ("malware", "communicates-with", "ipv4-addr"),
        ("malware", "communicates-with", "url"),
        ("malware", "drops", "file"),
        ("malware", "exploits", "vulnerability"),
        ("malware", "uses", "tool"),
        ("threat-actor", "targets", "identity"),
    }
    assert all(
        one["confidence"] == 90 for one in objects if one["type"] == "relationship" and one["confidence"] < 100
    )


def test_the_graph_of_prose_can_be_written_down() -> None:
    whole = picture()
    assert len(fromstring(graphml(whole)).findall(".//{*}node")) == len(whole.vertices)
    assert len(json.loads(stucco_json(whole))["vertices"]) == len(whole.vertices)
    marked = " ".join(SENTENCES)
    assert [label for label in LABELS if f"|{label}]" not in marked] == [
        "UPDATE",
        "FUNCTION",
        "PARAMETER",
        "MD5",
        "SHA1",
        "SHA512",
    ]
