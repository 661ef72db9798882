"""Canonical names: the many spellings of one thing become one text.

Nothing is refused: a name without the form that its type asks for is compared as text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import idna

from vedette.extraction.addresses import Address, AddressError, AddressRange, address, plain_v4
from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.extraction.urls import refang

MAX_CANONICAL: Final = 400
"""Characters of a canonical name; of a longer one the beginning and a digest are kept: index rows are bounded."""

_KEPT: Final = 200
_ID = re.compile(r"(?:\S{0,300}[^0-9a-z\s])?[0-9a-f]{8}(?:-[0-9a-f]{4}){2}(?:-[0-9a-z]{1,40}){1,5}")
_CVE = re.compile(r"(CVE|CAN)-(\d{4})-(\d{1,12})", re.IGNORECASE)
_ASN = re.compile(r"(?:asn?)?[ :]?(?:(\d{1,5})\.)?(\d{1,10})", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-fA-F:]{32,260}")
_SOCKET = re.compile(r"\[([^\[\]]{2,60})\]:(\d{1,5})|([^:\[\]]{1,300}):(\d{1,5})")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ftp": 21}


def short(text: str, limit: int = MAX_CANONICAL) -> str:
    """Return a text of at most `limit` characters: a longer one is its beginning and the digest of it all."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: min(_KEPT, limit - 65)]}#{digest}"


def as_text(name: str) -> str:
    """Return a name without regard to case, width (NFKC) and white space."""
    if name.isascii():
        return " ".join(name.lower().split())
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def as_exact(name: str) -> str:
    """Return a name as it is, without white space around it."""
    return name.strip()


def as_ip(name: str) -> str:
    """Return an address in its shortest form (RFC 5952); an IPv4-mapped one as IPv4."""
    if plain_v4(name) is not None:
        return name
    try:
        return str(plain_address(refang(name)))
    except AddressError:
        return as_text(name)


def plain_address(text: str) -> Address:
    """Return an address, an IPv4-mapped one (RFC 4291, section 2.5.5.2) as IPv4.

    Raises:
        AddressError: it is none.
    """
    found = address(text)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def as_range(name: str) -> str:
    """Return a range of addresses as `start-end`, whether it was said so or as CIDR."""
    try:
        found = AddressRange.parse(refang(name))
    except AddressError:
        return as_text(name)
    return f"{found.start}-{found.end}"


def as_domain(name: str) -> str:
    """Return a domain in lower case, as A-labels (RFC 5891), without the root's dot."""
    text = refang(name).rstrip(".").lower()
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return as_text(text)


def as_digest(name: str) -> str:
    """Return a hash as lower-case hex digits without colons."""
    text = name.strip()
    return text.replace(":", "").lower() if _DIGEST.fullmatch(text) else as_text(name)


def as_cve(name: str) -> str:
    """Return a CVE's number as `CVE-2026-0001`: capitals, and at least four digits."""
    found = _CVE.fullmatch(name.strip())
    return as_text(name) if found is None else f"CVE-{found[2]}-{int(found[3]):04d}"


def as_cpe(name: str) -> str:
    """Return a product's CPE as CPE 2.3 writes it; it may be a 2.2 URI, with or without its `/`."""
    text = name.strip()
    if text[:4].lower() == "cpe:" and text[4:5] != "/" and not text.lower().startswith("cpe:2.3:"):
        text = f"cpe:/{text[4:]}"
    try:
        return PlatformName.parse(text).formatted
    except PlatformNameError:
        return as_text(name)


def as_url(name: str) -> str:
    """Return a URL with scheme and host in lower case and without the scheme's usual port (RFC 3986, section 6.2)."""
    text = refang(name)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return as_exact(text)
    if not parts.scheme or not parts.hostname:
        return as_exact(text)
    host = as_domain(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    place = host if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f"{host}:{port}"
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(
        (parts.scheme, f"{user}@{place}" if user else place, parts.path or "/", parts.query, parts.fragment)
    )


def as_email(name: str) -> str:
    """Return an e-mail address without regard to case, its domain as A-labels."""
    local, at, domain = refang(name).rpartition("@")
    return f"{local.casefold()}@{as_domain(domain)}" if at else as_text(name)


def as_asn(name: str) -> str:
    """Return an autonomous system's number as `AS64500`, also of its form with a dot (RFC 5396)."""
    found = _ASN.fullmatch(name.strip())
    return as_text(name) if found is None else f"AS{int(found[1] or 0) * 65_536 + int(found[2])}"


def as_number(name: str) -> str:
    """Return a whole number, such as a port, without leading zeros."""
    text = name.strip()
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) <= 18 else as_text(name)


def as_socket(name: str) -> str:
    """Return `address:port`, an IPv6 address in brackets; the address may be a domain."""
    found = _SOCKET.fullmatch(refang(name))
    if found is None:
        return as_text(name)
    address = as_ip(found[1] or found[3])
    return f"[{address}]:{int(found[2])}" if ":" in address else f"{as_domain(address)}:{int(found[4] or found[2])}"


def is_id(name: str) -> bool:
    """Tell whether a canonical name is an id, such as STIX 1's `stucco:campaign-…`: it ends in a UUID, or nearly."""
    return _ID.fullmatch(name) is not None


def is_telling(form: str, name: str) -> bool:
    """Tell whether a canonical name is one that a vertex with several should show."""
    return not is_id(name) and (form != "cve" or name.startswith("CVE-"))


FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "text": as_text,
    "exact": as_exact,
    "ip": as_ip,
    "range": as_range,
    "domain": as_domain,
    "hash": as_digest,
    "cve": as_cve,
    "cpe": as_cpe,
    "url": as_url,
    "email": as_email,
    "asn": as_asn,
    "number": as_number,
    "socket": as_socket,
}
"""By the name that the ontology uses."""


@lru_cache(maxsize=50_000)
def canonical(form: str, name: str) -> str:
    """Return a name's canonical form, bounded.

    Args:
        form: a key of FORMS.
        name: as a document has it.
    """
    return short(FORMS[form](name)) or short(name)
