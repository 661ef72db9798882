"""What an entity can be, and the labels of the data sets whose form `vedette annotate --tokens` can speak."""

from __future__ import annotations

from typing import Final, Literal, get_args

Label = Literal[
    "VENDOR",
    "SOFTWARE",
    "OS",
    "VERSION",
    "UPDATE",
    "VULNERABILITY",
    "VULN_ID",
    "MALWARE",
    "THREAT_ACTOR",
    "CAMPAIGN",
    "TOOL",
    "ATTACK_PATTERN",
    "FILE",
    "FUNCTION",
    "PARAMETER",
    "ORG",
    "SECTOR",
    "LOC",
    "IPV4",
    "IPV6",
    "CIDR",
    "ASN",
    "DOMAIN",
    "URL",
    "EMAIL",
    "MD5",
    "SHA1",
    "SHA256",
    "SHA512",
    "REGISTRY_KEY",
    "PATH",
    "BITCOIN",
    "TECHNIQUE_ID",
    "WEAKNESS_ID",
]
"""What an entity is. VULN_ID: a CVE, GHSA or Microsoft bulletin; WEAKNESS_ID: a CWE; TECHNIQUE_ID: of ATT&CK."""

LABELS: Final[tuple[Label, ...]] = get_args(Label)
"""All of them."""

NAMED: Final = LABELS[: LABELS.index("LOC") + 1]
"""Those that a name tells, which the model learns; the others have a form, which patterns know."""

LabelSet = Literal["cyner", "annoctr", "kev", "vedette"]
"""Whose labels are written: those of a data set, or our own."""

Relation = Literal[
    "vendor-of",
    "version-of",
    "not-version",
    "vulnerability-of",
    "cve-of",
    "exploits",
    "uses",
    "targets",
    "attributed-to",
    "communicates-with",
    "drops",
    "located-at",
    "same-as",
]
"""What one entity has to do with another, read from the first to the second: VENDOR vendor-of SOFTWARE."""

RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)
"""All of them."""
