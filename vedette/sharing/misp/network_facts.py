"""Addresses, names, flows and what else is of networks, as MISP has them. Pure.

Each function adds what a fact becomes, and returns the id of the thing that references to the fact point at; an empty
one where nothing is left of it.
"""

from __future__ import annotations

import re
from typing import Final

from vedette.clock import MICROSECONDS
from vedette.graph.port import VertexView
from vedette.sharing.investigation import Fact
from vedette.sharing.misp.composing import Composing, Part, Said
from vedette.sharing.misp.values import UnfitValueError, canonical_value, moment, networks

RESOLVED: Final = "_resolved_to_"
"""Between the two ends in the name of a DNS record."""

_THROUGH: Final = "_through_"
_HOST_AT: Final = "host_at_"
"""What the graph calls a host without a name: `host_at_192.0.2.7`."""

_END = re.compile(r"(?:\[([^\[\]]{2,60})\]|([^:\[\]]{1,60})):([0-9]{1,6})")
_PATH = re.compile(r"[^\s:/]{0,253}(?::[0-9]{1,5})?/[^\s]{1,2000}")
_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_ALL_DIGITS = re.compile(r"[0-9]{1,15}")


def first(vertex: VertexView, *properties: str) -> str:
    """Return the first value of the first property that has one; empty where none has."""
    return next((text for property in properties for text in vertex.texts(property)), "")


def time_of(vertex: VertexView, *properties: str) -> str:
    """Return a time that is in milliseconds, as MISP has times; empty where there is none."""
    text = first(vertex, *properties)
    try:
        return moment(int(text) * (MICROSECONDS // 1000)) if _ALL_DIGITS.fullmatch(text) else ""
    except UnfitValueError:
        return ""


def whole(text: str) -> str:
    """Return a whole number without the point that a float has; empty where it is none."""
    plain = text.removesuffix(".0")
    return plain if _ALL_DIGITS.fullmatch(plain) else ""


def add_address(to: Composing, fact: Fact, said: Said) -> str:
    """Add an IP address."""
    return to.attribute("ip-dst", fact.vertex.name, said)


def add_range(to: Composing, fact: Fact, said: Said) -> str:
    """Add a range of addresses: as many networks as it takes; references point at the first."""
    try:
        blocks = networks(fact.vertex.name)
    except UnfitValueError as error:
        to.withhold(said.what, str(error), said.vertex)
        return ""
    made = [to.attribute("ip-dst", block, said) for block in blocks]
    return made[0]


def add_domain(to: Composing, fact: Fact, said: Said) -> str:
    """Add a domain name."""
    return to.attribute("domain", fact.vertex.name, said)


def add_hostname(to: Composing, fact: Fact, said: Said) -> str:
    """Add a host's name; of one that is known by its address only, that."""
    if fact.vertex.name.startswith(_HOST_AT):
        return to.attribute("ip-dst", fact.vertex.name.removeprefix(_HOST_AT), said)
    return to.attribute("hostname", fact.vertex.name, said)


def add_url(to: Composing, fact: Fact, said: Said) -> str:
    """Add a URL; one without a scheme, as some lists have them, or a path alone as a URI."""
    name = fact.vertex.name.strip()
    return to.attribute("uri" if _PATH.fullmatch(name) else "url", name, said)


def add_email(to: Composing, fact: Fact, said: Said) -> str:
    """Add an e-mail address."""
    return to.attribute("email", fact.vertex.name, said)


def add_hardware(to: Composing, fact: Fact, said: Said) -> str:
    """Add the address of a network card."""
    return to.attribute("mac-address", fact.vertex.name, said, comment=first(fact.vertex, "vendor"))


def add_port(to: Composing, fact: Fact, said: Said) -> str:
    """Add a port that is no host's."""
    return to.attribute("port", fact.vertex.name, said)


def add_owner(to: Composing, fact: Fact, said: Said) -> str:
    """Add an organisation as registries know it."""
    return to.attribute("whois-registrant-org", fact.vertex.name, said)


def add_autonomous_system(to: Composing, fact: Fact, said: Said) -> str:
    """Add an autonomous system."""
    vertex = fact.vertex
    try:
        number = canonical_value("AS", vertex.name)
    except UnfitValueError as error:
        to.withhold(said.what, str(error), said.vertex)
        return ""
    parts = [
        Part("asn", number),
        Part("description", first(vertex, "asName")),
        Part("country", first(vertex, "countryCode", "country")),
    ]
    return to.object("asn", number, parts, said)


def add_socket(to: Composing, fact: Fact, said: Said) -> str:
    """Add an address and a port."""
    vertex = fact.vertex
    found = _end(vertex.name)
    if found is None:
        to.withhold(said.what, "it is no address and port", said.vertex)
        return ""
    states = [(name, state) for name in _PROTOCOLS for state in vertex.texts(f"{name}State")]
    text = " ".join(word for word in (first(vertex, "service"), *(f"({state})" for _, state in states[:1])) if word)
    return add_service(to, *found, states[0][0] if states else "", said, text=text)


def add_service(
    to: Composing, address: str, port: str, protocol: str, said: Said, *, text: str = "", hostname: str = ""
) -> str:
    """Add a service: an address, a port and a protocol; of the same one there is one object."""
    try:
        known = canonical_value("ip-dst", address), canonical_value("port", port)
    except UnfitValueError as error:
        to.withhold(said.what, str(error), said.vertex)
        return ""
    parts = [
        Part("ip", known[0], alarm=True),
        Part("dst-port", known[1]),
        Part("protocol", protocol.upper()),
        Part("hostname", hostname),
        Part("text", text, yields=True),
    ]
    return to.object("ip-port", f"{known[0]}\n{known[1]}\n{protocol.lower()}", parts, said)


def add_record(to: Composing, fact: Fact, said: Said) -> str:
    """Add what a name resolved to: of each name there is one object, with all its addresses."""
    one, found, other = fact.vertex.name.partition(RESOLVED)
    if not found:
        # What a DNS record says otherwise is text.
        return to.attribute("text", fact.vertex.name, said, comment="DNS record")
    name, address = (one, other) if _is_address(other) or not _is_address(one) else (other, one)
    try:
        domain = canonical_value("domain", name)
    except UnfitValueError as error:
        to.withhold(said.what, str(error), said.vertex)
        return ""
    parts = [Part("domain", domain)] + ([Part("ip", address)] if _is_address(address) else [])
    return to.object("domain-ip", domain, parts, said)


def add_flow(to: Composing, fact: Fact, said: Said) -> str:
    """Add a connection; a flow without two ports sums up several, and is a netflow."""
    vertex = fact.vertex
    out, found, into = vertex.name.partition(_THROUGH)
    here, there = _end(out), _end(into)
    if not found or here is None or there is None:
        to.withhold(said.what, "it is no flow between two addresses with ports", said.vertex)
        return ""
    (source, from_port), (target, to_port) = here, there
    single = "0" not in (from_port, to_port)
    protocol = first(vertex, "proto", "protocol").upper()
    parts = [
        Part("ip-src", source),
        Part("src-port", "" if from_port == "0" else from_port),
        Part("ip-dst", target),
        Part("dst-port", "" if to_port == "0" else to_port),
        Part("first-packet-seen", time_of(vertex, "startTime")),
        Part("last-packet-seen", time_of(vertex, "lastTime")),
    ]
    sent = whole(first(vertex, "totalPkts")), whole(first(vertex, "totalBytes"))
    if single:
        parts += [Part("layer3-protocol", "IP"), Part("layer4-protocol", protocol)]
        totals = ", ".join(
            f"{number} {unit}" for number, unit in zip(sent, ("packets", "bytes"), strict=True) if number
        )
        return to.object("network-connection", vertex.name, parts, said, comment=totals)
    parts += [Part("protocol", protocol), Part("packet-count", sent[0]), Part("byte-count", sent[1])]
    return to.object("netflow", vertex.name, parts, said)


def add_request(to: Composing, fact: Fact, said: Said) -> str:
    """Add a request over HTTP."""
    vertex = fact.vertex
    parts = [
        Part("uri", vertex.name),
        Part("method", first(vertex, "method").upper()),
        Part("user-agent", first(vertex, "userAgent")),
    ]
    return to.object("http-request", vertex.name, parts, said)


def add_certificate(to: Composing, fact: Fact, said: Said) -> str:
    """Add a certificate."""
    vertex = fact.vertex
    digest = first(vertex, "sha256") or (vertex.name if len(vertex.name.replace(":", "")) == 64 else "")
    parts = [
        Part("x509-fingerprint-sha256", digest, alarm=True),
        Part("x509-fingerprint-sha1", first(vertex, "sha1"), alarm=True),
        Part("subject", first(vertex, "subject")),
        Part("issuer", first(vertex, "issuer")),
        Part("serial-number", first(vertex, "serialNumber") or ("" if digest else vertex.name)),
        Part("validity-not-before", time_of(vertex, "notBefore")),
        Part("validity-not-after", time_of(vertex, "notAfter")),
        Part("signature_algorithm", first(vertex, "signatureAlgorithm")),
    ]
    return to.object("x509", vertex.name, parts, said)


def add_location(to: Composing, fact: Fact, said: Said) -> str:
    """Add a place."""
    vertex = fact.vertex
    code = first(vertex, "countryCode", "country") or (vertex.name if len(vertex.name) == 2 else "")
    parts = [
        Part("countrycode", code),
        Part("country", first(vertex, "countryName") or ("" if code else vertex.name)),
        Part("city", first(vertex, "city")),
        Part("region", first(vertex, "region")),
        Part("latitude", first(vertex, "latitude")),
        Part("longitude", first(vertex, "longitude")),
    ]
    return to.object("geolocation", vertex.name, parts, said)


def _end(text: str) -> tuple[str, str] | None:
    """Return the address and the port of one end; None: it is none."""
    found = _END.fullmatch(text)
    return None if found is None else (found[1] or found[2], str(int(found[3])))


def _is_address(text: str) -> bool:
    try:
        canonical_value("ip-dst", text)
    except UnfitValueError:
        return False
    return "/" not in text
