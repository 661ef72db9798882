"""MITRE ATT&CK: techniques by their ids, groups and software by their names; what is out of use says so."""

from __future__ import annotations

import json
from typing import Any

from tests.vedette.extraction.graphs import named, read, relations, said
from vedette.extraction.sources.attack import Attack


def entry(type: str, number: str, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": type,
        "id": f"{type}--{number}",
        "created": "2020-01-01T00:00:00.000Z",
        "name": name,
        "external_references": [
            {"source_name": "mitre-attack", "external_id": number, "url": f"https://attack.example/{number}"},
            {"source_name": "capec", "external_id": "CAPEC-1"},
        ],
        **fields,
    }


def relationship(out: str, name: str, into: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"r--{out}{into}",
        "source_ref": out,
        "target_ref": into,
        "relationship_type": name,
    }


OBJECTS = [
    entry(
        "attack-pattern",
        "T1059.001",
        "PowerShell",
        kill_chain_phases=[{"kill_chain_name": "mitre-attack", "phase_name": "execution"}],
        x_mitre_platforms=["Windows"],
    ),
    entry("attack-pattern", "T1059", "Command and Scripting Interpreter", x_mitre_deprecated=True),
    entry("x-mitre-tactic", "TA0002", "Execution", x_mitre_shortname="execution"),
    entry("intrusion-set", "G0016", "APT29", aliases=["APT29", "Cozy Bear"], revoked=True),
    entry("malware", "S0154", "Cobalt Strike", x_mitre_aliases=["Cobalt Strike"]),
    entry("course-of-action", "M1042", "Disable or Remove Feature or Program"),
    entry("x-mitre-data-source", "DS0009", "Process"),
    entry(
        "x-mitre-data-component", "DC0032", "Process Creation", x_mitre_data_source_ref="x-mitre-data-source--DS0009"
    ),
    relationship("attack-pattern--T1059.001", "subtechnique-of", "attack-pattern--T1059"),
    relationship("intrusion-set--G0016", "uses", "malware--S0154"),
    relationship("course-of-action--M1042", "mitigates", "attack-pattern--T1059.001"),
    relationship("x-mitre-data-component--DC0032", "detects", "attack-pattern--T1059.001"),
]


def test_a_matrix_becomes_techniques_tactics_groups_and_software() -> None:
    subgraph = read(Attack, json.dumps({"type": "bundle", "id": "bundle--1", "objects": OBJECTS}))
    said(
        named(subgraph, "T1059.001"),
        vertexType="TTP",
        title="Command and Scripting Interpreter: PowerShell",
        alias=None,
        externalIds=("mitre-attack:T1059.001", "capec:CAPEC-1"),
        x_mitre_platforms=("Windows",),
        deprecated=None,
    )
    said(named(subgraph, "T1059"), deprecated="true", title="Command and Scripting Interpreter")
    said(named(subgraph, "APT29"), vertexType="Threat_Actor", alias=("Cozy Bear", "G0016"), revoked="true")
    said(named(subgraph, "Cobalt Strike"), vertexType="Malware", alias=("S0154",))
    said(named(subgraph, "M1042"), vertexType="Course_Of_Action", title="Disable or Remove Feature or Program")
    assert relations(subgraph) == {
        ("T1059.001", "RelatedTactic", "TA0002"),
        ("T1059.001", "RelatedTTP", "T1059"),
        ("APT29", "RelatedTTP", "Cobalt Strike"),
        ("M1042", "mitigates", "T1059.001"),
        ("Process Creation", "detects", "T1059.001"),
        ("Process Creation", "RelatedDataSource", "Process"),
    }
    assert not subgraph.problems
