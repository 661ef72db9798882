"""What labels are in the graph: types of vertices, and which names say by themselves which thing is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vedette.extraction.drafting import Given


@dataclass(frozen=True, slots=True)
class Kind:
    """What a label is."""

    type: str
    """`vertexType`."""
    observable: str = ""
    """`observableType`."""
    properties: Mapping[str, Given] = field(default_factory=dict)
    """What is said of every one."""


KINDS: Final[Mapping[str, Kind]] = {
    "ATTACK_PATTERN": Kind("TTP"),
    "BITCOIN": Kind("Observable", "Cryptocurrency Address"),
    "CAMPAIGN": Kind("Campaign"),
    "FILE": Kind("Observable", "File"),
    "LOC": Kind("Location"),
    "MALWARE": Kind("Malware"),
    "ORG": Kind("Identity", properties={"identityClass": "organization"}),
    "PATH": Kind("Observable", "File"),
    "REGISTRY_KEY": Kind("Observable", "Windows Registry Key"),
    "SECTOR": Kind("Identity", properties={"identityClass": "class"}),
    "TECHNIQUE_ID": Kind("TTP"),
    "THREAT_ACTOR": Kind("Threat_Actor"),
    "TOOL": Kind("Tool"),
    "VENDOR": Kind("Identity", properties={"identityClass": "organization"}),
    "VULN_ID": Kind("Vulnerability"),
    "WEAKNESS_ID": Kind("Weakness"),
}
"""By label; products, vulnerabilities without an id, hashes and addresses have their own ways."""

HASHES: Final = frozenset({"MD5", "SHA1", "SHA256", "SHA512"})

LISTED: Final = frozenset({"IPV4", "IPV6", "CIDR", "DOMAIN", "URL", "EMAIL"})
"""What lists of threats name as well (`vedette.extraction.listed`)."""

PRODUCTS: Final = frozenset({"SOFTWARE", "OS"})

TELLING: Final = (
    HASHES
    | LISTED
    | {
        "ASN",
        "BITCOIN",
        "CAMPAIGN",
        "MALWARE",
        "REGISTRY_KEY",
        "TECHNIQUE_ID",
        "THREAT_ACTOR",
        "TOOL",
        "VULN_ID",
        "WEAKNESS_ID",
    }
)
"""Labels of names that are a vertex where they are only mentioned."""

ALIASED: Final = frozenset({"CAMPAIGN", "MALWARE", "THREAT_ACTOR", "TOOL", "VULN_ID"})
"""Labels of what may have several names."""

SUBJECTS: Final = frozenset({"CAMPAIGN", "MALWARE", "THREAT_ACTOR"})
"""Labels of who uses a technique."""

_GENERIC: Final = frozenset({"dos", "ddos", "rce", "xss", "sqli", "lfi", "rfi", "xxe", "ssrf", "csrf", "uaf", "oob"})
_OWN_NAME = re.compile(r"[A-Z][a-z]{1,30}(?:[A-Z0-9][A-Za-z0-9]{0,30}){0,4}(?: [0-9]{1,3})?")


def is_own_name(name: str) -> bool:
    """Tell whether a vulnerability is called so and no other is: `Log4Shell`, and not `buffer overflow` or `XSS`."""
    return len(name) > 4 and name.lower() not in _GENERIC and _OWN_NAME.fullmatch(name) is not None
