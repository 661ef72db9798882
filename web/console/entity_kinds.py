"""How entities of a text look: a few groups, each with a tint and a name, so that colour alone tells nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vedette.extraction.prose.labels import LABELS, Label


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Labels that look alike, and are shown or hidden together."""

    name: str
    """What the style sheet calls it."""
    title: str
    """What the legend calls it."""
    labels: tuple[Label, ...]
    """Which are in it."""


GROUPS: Final = (
    Group(name="actor", title="Actors", labels=("THREAT_ACTOR", "CAMPAIGN")),
    Group(name="malware", title="Malware and methods", labels=("MALWARE", "TOOL", "ATTACK_PATTERN", "TECHNIQUE_ID")),
    Group(name="weakness", title="Weaknesses", labels=("VULNERABILITY", "VULN_ID", "WEAKNESS_ID")),
    Group(
        name="product",
        title="Products",
        labels=("VENDOR", "SOFTWARE", "OS", "VERSION", "UPDATE", "FUNCTION", "PARAMETER"),
    ),
    Group(name="victim", title="Organisations and places", labels=("ORG", "SECTOR", "LOC")),
    Group(
        name="network",
        title="Addresses",
        labels=("IPV4", "IPV6", "CIDR", "ASN", "DOMAIN", "URL", "EMAIL", "BITCOIN"),
    ),
    Group(
        name="file",
        title="Files and hashes",
        labels=("FILE", "PATH", "REGISTRY_KEY", "MD5", "SHA1", "SHA256", "SHA512"),
    ),
)
"""All of them, in the order of the legend."""

_SPOKEN: Final[Mapping[str, str]] = {
    "ASN": "AS number",
    "CIDR": "network",
    "EMAIL": "e-mail",
    "IPV4": "IPv4",
    "IPV6": "IPv6",
    "LOC": "place",
    "MD5": "MD5",
    "ORG": "organisation",
    "OS": "operating system",
    "SHA1": "SHA-1",
    "SHA256": "SHA-256",
    "SHA512": "SHA-512",
    "TECHNIQUE_ID": "technique id",
    "URL": "URL",
    "VULN_ID": "vulnerability id",
    "WEAKNESS_ID": "weakness id",
}

_GROUP_OF: Final[Mapping[str, Group]] = {label: group for group in GROUPS for label in group.labels}

LABEL_WORDS: Final[Mapping[str, str]] = {
    label: _SPOKEN.get(label, label.replace("_", " ").lower()) for label in LABELS
}
"""What a label is called on a page."""

RELATION_WORDS: Final[Mapping[str, str]] = {
    "vendor-of": "makes",
    "version-of": "is a version of",
    "not-version": "is no affected version of",
    "vulnerability-of": "is a weakness of",
    "cve-of": "is the id of a weakness of",
    "exploits": "exploits",
    "uses": "uses",
    "targets": "targets",
    "attributed-to": "is attributed to",
    "communicates-with": "talks to",
    "drops": "drops",
    "located-at": "is located at",
    "same-as": "is the same as",
}
"""What a relation is called on a page, between its two ends."""

ORIGIN_WORDS: Final[Mapping[str, str]] = {
    "model": "by the model",
    "indicator": "by its form",
    "rule": "by a rule",
    "person": "by a person",
}
"""Who says so, on a page."""


def group_of(label: str) -> Group:
    """Return the group of a label."""
    return _GROUP_OF[label]
