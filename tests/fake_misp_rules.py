"""What a MISP server keeps of what it is sent, and in which form: the fake server's rules for values and templates.

Known from MISP's own source, by file (2.5 branch; facts only): values are brought to one form before they are checked
(app/Lib/Tools/AttributeValidationTool.php: hashes and domains in lower case, IPv6 compressed, `AS` cut off, blanks
trimmed), and an attribute that is not valid is dropped and logged while the request goes on (MispAttribute.php
`logDropped`). `vulnerability` takes `CVE-…` only; a range of addresses is CIDR with no host bits. PyMISP's copy of
`describeTypes.json` says which types and categories there are, and its copy of misp-objects which templates.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

# Found, not imported: that takes a second of each process that only collects the tests.
_PYMISP = importlib.util.find_spec("pymisp")
assert _PYMISP is not None
assert _PYMISP.origin is not None
DATA = Path(_PYMISP.origin).parent / "data"
HEX = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
MAX_VALUE = 65_535
DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
CVE = re.compile(r"CVE-\d{4}-\d{4,19}")


@cache
def described() -> dict[str, Any]:
    """Return the types and categories that a server knows."""
    result: dict[str, Any] = json.loads((DATA / "describeTypes.json").read_text())["result"]
    return result


@cache
def template(name: str) -> dict[str, Any] | None:
    """Return a template of objects; None: the server does not know it."""
    file = DATA / "misp-objects" / "objects" / name / "definition.json"
    if not re.fullmatch(r"[\w-]+", name) or not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def kept_form(kind: str, value: str) -> str:
    """Return the form in which a server keeps a value."""
    value = value.strip()
    if kind in HEX or kind in {"domain", "hostname"}:
        return value.lower()
    if kind == "AS":
        return value.upper().removeprefix("AS")
    if kind in {"ip-src", "ip-dst"}:
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            return value
        return str(network) if "/" in value else str(network.network_address)
    return value


def complaint(kind: str, category: str, value: str) -> str | None:
    """Return why a server does not keep an attribute; None: it does."""
    known = described()
    if kind not in known["types"]:
        return "Invalid type."
    if kind not in known["category_type_mappings"].get(category, ()):
        return "Invalid combination of type and category."
    if not value:
        return "Value not empty"
    if len(value.encode()) > MAX_VALUE:
        return "Value is too long."
    return _shape(kind, value)


def _shape(kind: str, value: str) -> str | None:
    if kind in HEX and not re.fullmatch(rf"[0-9a-f]{{{HEX[kind]}}}", value):
        return f"Checksum has an invalid length or format (expected: {HEX[kind]} hexadecimal characters)."
    if kind in {"domain", "hostname"} and not DOMAIN.fullmatch(value):
        return f"{kind} name has an invalid format."
    if kind in {"ip-src", "ip-dst"}:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            return "IP address has an invalid format."
    if kind == "vulnerability" and not CVE.fullmatch(value):
        return "Invalid format. Expected: CVE-xxxx-xxxx..."
    if kind == "port" and not (value.isdigit() and 1 <= int(value) <= 65_535):
        return "Port numbers have to be integers between 1 and 65535."
    return None


def template_complaint(item: dict[str, Any]) -> str | None:
    """Return why a server does not keep an object; None: it does."""
    found = template(str(item.get("name", "")))
    if found is None or found["uuid"] != item.get("template_uuid"):
        return "unknown template"
    if int(item.get("template_version") or 0) > int(found["version"]):
        return "unknown version of the template"
    return None
