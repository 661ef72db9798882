"""Vertices as observables of STIX 2.1, with the ids that STIX prescribes, so that they are the same everywhere.

Source: STIX Version 2.1, OASIS Standard; sections 2.9 (ids) and 6 (observables).
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.canonical import canonical_json
from vedette.errors import VedetteError
from vedette.extraction.addresses import AddressError, AddressRange, address
from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.graph.port import VertexView

Stix = dict[str, Any]
"""An object as JSON has it."""

OBSERVABLE_IDS: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX's namespace of the ids of observables (section 2.9)."""

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,255}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.){1,40}[A-Za-z0-9_-]{1,63}\.?")
URL_FORM = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[\x21-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]{1,2000}")
_HASHES: Final = {"md5": ("MD5", 32), "sha1": ("SHA-1", 40), "sha256": ("SHA-256", 64), "sha512": ("SHA-512", 128)}
_HIVES: Final = {
    "HKCC": "HKEY_CURRENT_CONFIG",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKCU": "HKEY_CURRENT_USER",
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
}
_SHORT_HIVE = re.compile("|".join(_HIVES), re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]{32,128}")


class UnfitError(VedetteError):
    """A vertex does not hold what STIX asks of its type."""


def _observable(type: str, contributing: Stix, **others: Any) -> Stix:
    """Return an observable; its id is made of what says which one it is."""
    id = uuid.uuid5(OBSERVABLE_IDS, canonical_json(contributing).decode())
    return {"type": type, "spec_version": "2.1", "id": f"{type}--{id}", **contributing, **others}


def _address(text: str) -> Stix:
    try:
        found = address(text)
    except AddressError as error:
        raise UnfitError(text) from error
    return _observable(f"ipv{found.version}-addr", {"value": str(found)})


def _addresses(vertex: VertexView) -> list[Stix]:
    if vertex.type != "AddressRange":
        return [_address(vertex.name)]
    try:
        found = AddressRange.parse(vertex.name)
    except AddressError as error:
        raise UnfitError(vertex.name) from error
    bits = found.start.max_prefixlen - (int(found.end) - int(found.start)).bit_length()
    network = ipaddress.ip_network(f"{found.start}/{bits}", strict=False)
    if network[0] != found.start or network[-1] != found.end:
        raise UnfitError("a range that is no network")
    return [_observable(f"ipv{network.version}-addr", {"value": str(network)})]


def _valued(type: str, form: re.Pattern[str], *, lower: bool = False) -> Callable[[VertexView], list[Stix]]:
    def make(vertex: VertexView) -> list[Stix]:
        value = vertex.name.lower() if lower else vertex.name
        if not form.fullmatch(value):
            raise UnfitError(value)
        return [_observable(type, {"value": value})]

    return make


def _named(type: str, field: str) -> Callable[[VertexView], list[Stix]]:
    return lambda vertex: [_observable(type, {field: vertex.name})]


def _autonomous_system(vertex: VertexView) -> list[Stix]:
    number = vertex.name.upper().removeprefix("AS")
    if not number.isascii() or not number.isdigit() or len(number) > 10:
        raise UnfitError(number)
    name = next(iter(texts(vertex, "asName")), "")
    return [_observable("autonomous-system", {"number": int(number)}, **({"name": name} if name else {}))]


def _file(vertex: VertexView) -> list[Stix]:
    given = {name: text for name in _HASHES for text in texts(vertex, name)}
    if _HEX.fullmatch(vertex.name):
        given |= {name: vertex.name for name, (_, length) in _HASHES.items() if len(vertex.name) == length}
    hashes = {
        called: given[name].lower()
        for name, (called, length) in _HASHES.items()
        if name in given and _HEX.fullmatch(given[name]) and len(given[name]) == length
    }
    # Of several hashes only the first counts for the id (section 2.9).
    chosen = dict(list(hashes.items())[:1])
    named = {} if vertex.name in given.values() else {"name": vertex.name}
    made = _observable("file", ({"hashes": chosen} if chosen else {}) | named)
    return [made | ({"hashes": hashes} if hashes else {})]


def _flow(vertex: VertexView) -> list[Stix]:
    ends = [_end(text) for text in vertex.name.split("_through_")]
    if len(ends) != 2:
        raise UnfitError("no flow with two ends")
    (out, out_port), (into, into_port) = ends
    contributing = {
        "src_ref": out["id"],
        "dst_ref": into["id"],
        "src_port": out_port,
        "dst_port": into_port,
        "protocols": [out["type"].removesuffix("-addr")],
    }
    return [_observable("network-traffic", contributing), out, into]


def _end(text: str) -> tuple[Stix, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise UnfitError(text)
    return _address(host), int(port)


def _registry_key(vertex: VertexView) -> list[Stix]:
    """Return a key with its hive, which must not be abbreviated (section 6.17)."""
    hive, slash, rest = vertex.name.partition("\\")
    if hive.upper() in _HIVES:
        key = f"{_HIVES[hive.upper()]}{slash}{rest}"
    else:
        given = next(iter(texts(vertex, "hive")), "")
        key = f"{given}\\{vertex.name}" if given and not hive.upper().startswith("HKEY_") else vertex.name
    if _SHORT_HIVE.search(key):
        raise UnfitError(key)
    return [_observable("windows-registry-key", {"key": key})]


def _email_message(vertex: VertexView) -> list[Stix]:
    subject = next(iter(texts(vertex, "subject")), vertex.name)
    return [_observable("email-message", {"subject": subject}, is_multipart=False)]


def _software(vertex: VertexView) -> list[Stix]:
    try:
        name = PlatformName.parse(vertex.name)
    except PlatformNameError:
        parts = vertex.name.split(":")
        product = parts[3] if len(parts) > 3 and parts[0] == "cpe" else vertex.name
        return [_observable("software", {"name": product or vertex.name})]
    contributing = {"name": name.plain("product") or vertex.name, "cpe": name.formatted}
    contributing |= {key: text for key in ("vendor", "version") if (text := name.plain(key))}
    return [_observable("software", contributing)]


OBSERVABLES: Final[Mapping[str, Callable[[VertexView], list[Stix]]]] = {
    "autonomous-system": _autonomous_system,
    "directory": _named("directory", "path"),
    "domain-name": _valued("domain-name", _DOMAIN),
    "email-addr": _valued("email-addr", _EMAIL),
    "email-message": _email_message,
    "file": _file,
    "ipv4-addr": _addresses,
    "ipv6-addr": _addresses,
    "mac-addr": _valued("mac-addr", _MAC, lower=True),
    "mutex": _named("mutex", "name"),
    "network-traffic": _flow,
    "software": _software,
    "url": _valued("url", URL_FORM),
    "user-account": _named("user-account", "account_login"),
    "windows-registry-key": _registry_key,
    "x509-certificate": _named("x509-certificate", "serial_number"),
}
"""By STIX's type: the observable that a vertex becomes, then those that it refers to; UnfitError where it cannot.

Processes are not among them: their ids must be random (section 2.9), and the same part must give the same bytes.
"""


def texts(vertex: VertexView, property: str) -> list[str]:
    """Return the values of a property as texts."""
    value = vertex.properties.get(property)
    if value is None:
        return []
    return [str(one) for one in (value if isinstance(value, tuple) else (value,)) if str(one).strip()]
