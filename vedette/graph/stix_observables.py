"""Observables of STIX 2.1, with the ids that STIX prescribes, so that they are the same everywhere.

Source: STIX Version 2.1, OASIS Standard; sections 2.9 (ids) and 6 (observables).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import uuid
from typing import Any, Final

import idna

from vedette.canonical import canonical_json
from vedette.errors import VedetteError
from vedette.extraction.addresses import AddressError, AddressRange
from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.graph.canonical import as_domain, plain_address

Stix = dict[str, Any]
"""An object as JSON has it."""

OBSERVABLE_IDS: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX's namespace of the ids of observables (section 2.9)."""

_LABEL: Final = "(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_LONGEST_DOMAIN: Final = 253
_WHOLE_LENGTH: Final = {4: "/32", 6: "/128"}
TRANSPORTS: Final = ("tcp", "udp", "sctp")
"""Protocols that have ports."""


class UnfitError(VedetteError):
    """A vertex does not hold what STIX asks of its type."""


def observable(type: str, contributing: Stix, **others: Any) -> Stix:
    """Return an observable; its id is made of what says which one it is."""
    digest = hashlib.sha1(OBSERVABLE_IDS.bytes, usedforsecurity=False)
    # What uuid.uuid5 does, without a copy of an artifact's megabytes as text.
    digest.update(canonical_json(contributing))
    id = uuid.UUID(bytes=digest.digest()[:16], version=5)
    return {"type": type, "spec_version": "2.1", "id": f"{type}--{id}", **contributing, **others}


def address_object(text: str) -> Stix:
    """Return an IP address.

    Raises:
        UnfitError: it is none.
    """
    try:
        found = plain_address(text)
    except AddressError as error:
        raise UnfitError(text) from error
    return observable(f"ipv{found.version}-addr", {"value": str(found)})


def domain_object(text: str) -> Stix:
    """Return a domain, as A-labels (section 6.4).

    Raises:
        UnfitError: it is none, or has no dot.
    """
    name = as_domain(text)
    if len(name) > _LONGEST_DOMAIN or not (_DOMAIN.fullmatch(name) or _is_international(name)):
        raise UnfitError(text)
    return observable("domain-name", {"value": name})


def _is_international(name: str) -> bool:
    """Tell whether a domain has A-labels, and these are right (RFC 5891, section 5.3)."""
    if "." not in name or "xn--" not in name:
        return False
    try:
        return idna.encode(name).decode() == name
    except UnicodeError:
        return False


def network_objects(text: str) -> list[Stix]:
    """Return the networks that a range of addresses is, in their order; a range seldom is a single one.

    Raises:
        UnfitError: it is no range.
    """
    try:
        found = AddressRange.parse(text)
    except AddressError as error:
        raise UnfitError(text) from error
    networks = ipaddress.summarize_address_range(found.start, found.end)
    # A network of one address is that address.
    return [
        observable(f"ipv{one.version}-addr", {"value": str(one).removesuffix(_WHOLE_LENGTH[one.version])})
        for one in networks
    ]


def traffic_to(socket: str, protocol: str = "") -> list[Stix]:
    """Return the traffic to a port, and who has it.

    Args:
        socket: `address:port`, an IPv6 address in brackets; a domain may stand for the address.
        protocol: `tcp`, `udp` or `sctp`; empty: not known.

    Raises:
        UnfitError: it is no such text.
    """
    into, port = _end(socket)
    contributing = {"dst_ref": into["id"], "dst_port": port, "protocols": _protocols(into, protocol)}
    return [observable("network-traffic", contributing), into]


def traffic_between(out: str, into: str, protocol: str = "") -> list[Stix]:
    """Return the traffic of a flow, and its ends.

    Args:
        out: where it comes from, as `traffic_to` has it.
        into: where it goes.
        protocol: as above.

    Raises:
        UnfitError: one of them is no such text.
    """
    (source, source_port), (target, port) = _end(out), _end(into)
    contributing = {
        "src_ref": source["id"],
        "dst_ref": target["id"],
        "src_port": source_port,
        "dst_port": port,
        "protocols": _protocols(source, protocol),
    }
    return [observable("network-traffic", contributing), source, target]


def _protocols(end: Stix, protocol: str) -> list[str]:
    """Return the protocols from the outer to the inner one (section 6.13)."""
    network = end["type"].removesuffix("-addr") if "addr" in end["type"] else ""
    return [name for name in (network, protocol if protocol in TRANSPORTS else "") if name] or ["tcp"]


def _end(text: str) -> tuple[Stix, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise UnfitError(text)
    try:
        return address_object(host), int(port)
    except UnfitError:
        return domain_object(host), int(port)


def software_object(text: str, version: str = "") -> Stix:
    """Return a product.

    Args:
        text: its name: a CPE name, Stucco's form of one, or any other.
        version: its version, where the name does not say it.
    """
    try:
        name = PlatformName.parse(text)
    except PlatformNameError:
        parts = text.split(":")
        product = parts[3] if len(parts) > 3 and parts[0] == "cpe" else text
        return observable("software", {"name": product or text, **({"version": version} if version else {})})
    contributing = {"name": name.plain("product") or text, "cpe": name.formatted}
    contributing |= {key: plain for key in ("vendor", "version") if (plain := name.plain(key))}
    return observable("software", contributing)


def artifact_object(data: bytes, media_type: str) -> Stix:
    """Return bytes as they are (section 6.1)."""
    digest = hashlib.sha256(data).hexdigest()
    contributing = {"hashes": {"SHA-256": digest}, "payload_bin": base64.b64encode(data).decode()}
    return observable("artifact", contributing, mime_type=media_type)
