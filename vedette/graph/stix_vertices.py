"""Vertices as observables of STIX 2.1.

Source: STIX Version 2.1, OASIS Standard; section 6 (observables).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from vedette.graph.canonical import as_asn
from vedette.graph.port import VertexView
from vedette.graph.stix_observables import (
    TRANSPORTS,
    Stix,
    UnfitError,
    address_object,
    domain_object,
    network_objects,
    observable,
    software_object,
    traffic_between,
    traffic_to,
)

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,255}")
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
_WHOLE = re.compile(r"[0-9]{1,15}")
_SOCKET: Final = "Socket Address"
_THROUGH: Final = "_through_"
URL_FORM = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[\x21-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]{1,2000}")


def _addresses(vertex: VertexView) -> list[Stix]:
    if vertex.type != "AddressRange":
        return [address_object(vertex.name)]
    networks = network_objects(vertex.name)
    if len(networks) > 1:
        raise UnfitError("a range that is no network")
    return networks


def _valued(type: str, form: re.Pattern[str], *, lower: bool = False) -> Callable[[VertexView], list[Stix]]:
    def make(vertex: VertexView) -> list[Stix]:
        value = vertex.name.lower() if lower else vertex.name
        if not form.fullmatch(value):
            raise UnfitError(value)
        return [observable(type, {"value": value})]

    return make


def _named(type: str, field: str) -> Callable[[VertexView], list[Stix]]:
    return lambda vertex: [observable(type, {field: vertex.name})]


def _autonomous_system(vertex: VertexView) -> list[Stix]:
    number = as_asn(vertex.name).removeprefix("AS")
    if not _WHOLE.fullmatch(number):
        raise UnfitError(number)
    name = next(iter(vertex.texts("asName")), "")
    return [observable("autonomous-system", {"number": int(number)}, **({"name": name} if name else {}))]


def _file(vertex: VertexView) -> list[Stix]:
    given = {name: text for name in _HASHES for text in vertex.texts(name)}
    if _HEX.fullmatch(vertex.name):
        given |= {name: vertex.name for name, (_, length) in _HASHES.items() if len(vertex.name) == length}
    hashes = {
        called: given[name].lower()
        for name, (called, length) in _HASHES.items()
        if name in given and _is_digest(given[name], length)
    }
    # Of several hashes only the first counts for the id (section 2.9).
    chosen = dict(list(hashes.items())[:1])
    named = {} if vertex.name in given.values() else {"name": vertex.name}
    size = next((int(text) for text in vertex.texts("size") if _WHOLE.fullmatch(text)), None)
    made = observable("file", ({"hashes": chosen} if chosen else {}) | named)
    return [made | ({"hashes": hashes} if hashes else {}) | ({} if size is None else {"size": size})]


def _traffic(vertex: VertexView) -> list[Stix]:
    if vertex.observable_type == _SOCKET:
        protocol = next((name for name in TRANSPORTS if vertex.texts(f"{name}State")), "")
        return traffic_to(vertex.name, protocol)
    out, _, into = vertex.name.partition(_THROUGH)
    return traffic_between(out, into, next(iter(vertex.texts("proto")), "").lower())


def _registry_key(vertex: VertexView) -> list[Stix]:
    """Return a key with its hive, which must not be abbreviated (section 6.17)."""
    hive, slash, rest = vertex.name.partition("\\")
    if hive.upper() in _HIVES:
        key = f"{_HIVES[hive.upper()]}{slash}{rest}"
    else:
        given = next(iter(vertex.texts("hive")), "")
        key = f"{given}\\{vertex.name}" if given and not hive.upper().startswith("HKEY_") else vertex.name
    if _SHORT_HIVE.search(key):
        raise UnfitError(key)
    return [observable("windows-registry-key", {"key": key})]


def _email_message(vertex: VertexView) -> list[Stix]:
    subject = next(iter(vertex.texts("subject")), vertex.name)
    return [observable("email-message", {"subject": subject}, is_multipart=False)]


def _certificate(vertex: VertexView) -> list[Stix]:
    """Return a certificate by its digest, where that is known: a serial number is its issuer's only (RFC 5280)."""
    digest = next((text.lower() for text in (*vertex.texts("sha256"), vertex.name) if _is_digest(text, 64)), "")
    serial = next(iter(vertex.texts("serialNumber")), "" if digest else vertex.name)
    if not digest and not serial:
        raise UnfitError("a certificate without digest and number")
    contributing = {"hashes": {"SHA-256": digest}} if digest else {}
    others = {name: text for name in ("subject", "issuer") for text in vertex.texts(name)[:1]}
    return [observable("x509-certificate", contributing | ({"serial_number": serial} if serial else {}), **others)]


def _is_digest(text: str, length: int) -> bool:
    return len(text) == length and _HEX.fullmatch(text) is not None


OBSERVABLES: Final[Mapping[str, Callable[[VertexView], list[Stix]]]] = {
    "autonomous-system": _autonomous_system,
    "directory": _named("directory", "path"),
    "domain-name": lambda vertex: [domain_object(vertex.name)],
    "email-addr": _valued("email-addr", _EMAIL),
    "email-message": _email_message,
    "file": _file,
    "ipv4-addr": _addresses,
    "ipv6-addr": _addresses,
    "mac-addr": _valued("mac-addr", _MAC, lower=True),
    "mutex": _named("mutex", "name"),
    "network-traffic": _traffic,
    "software": lambda vertex: [software_object(vertex.name)],
    "url": _valued("url", URL_FORM),
    "user-account": _named("user-account", "account_login"),
    "windows-registry-key": _registry_key,
    "x509-certificate": _certificate,
}
"""By STIX's type: the observable that a vertex becomes, then those that it refers to; UnfitError where it cannot.

Processes are not among them: their ids must be random (section 2.9), and the same part must give the same bytes.
"""
