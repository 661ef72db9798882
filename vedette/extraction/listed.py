"""What lists of threats name: addresses, ranges, sockets, URLs, hosts, hashes, e-mail addresses; and whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from vedette.extraction.addresses import AddressError, address
from vedette.extraction.building import OBSERVABLE, USES_IP, Building, port_name
from vedette.extraction.drafting import Given
from vedette.extraction.subgraph import MAX_NAME, WHOLE, Position
from vedette.extraction.urls import place_host, place_url, refang

HASHES = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
"""Algorithms by the hexadecimal digits of what they give."""

_HEX = re.compile(r"[0-9A-Fa-f]{32,128}")
_EMAIL = re.compile(r"[^\s@/]{1,64}@[\w.-]{1,253}")
_SOCKET = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]{2,60}\]|[0-9.]{7,15}):(?P<port>\d{1,5})")


def accuse(
    building: Building,
    malware: str,
    text: str,
    position: Position = WHOLE,
    *,
    properties: Mapping[str, Given] | None = None,
    relation: Mapping[str, Given] | None = None,
) -> str:
    """Make what a list names and relate a malware to it; returns its id, empty where the text names nothing.

    Args:
        building: what is stated so far.
        malware: id of the malware that it belongs to; empty: it is related to none.
        text: an IP address, a range of them, `address:port`, a URL, a host's name, a file's hash, or an e-mail
            address; defanged or not.
        position: where it stands.
        properties: what is said of it.
        relation: what is said of its being the malware's.
    """
    said = dict(properties or {})
    plain = refang(text[: 2 * MAX_NAME])
    made, addressed = _placed(building, plain, position, said)
    building.edge(malware, made, USES_IP if made == addressed else OBSERVABLE, position, **(relation or {}))
    if addressed != made:
        building.edge(malware, addressed, USES_IP, position, **(relation or {}))
    return made


def names_one(text: str) -> bool:
    """Tell whether a text is something that lists of threats name."""
    return bool(_kind(refang(text[: 2 * MAX_NAME])))


def place_file(building: Building, digest: str, position: Position = WHOLE, **properties: Given) -> str:
    """Return the id of the file of which a hash is known, named by it; empty where it is no hash."""
    plain = digest.strip().lower()
    algorithm = HASHES.get(len(plain)) if _HEX.fullmatch(plain) else None
    if algorithm is None:
        if plain:
            building.skip(position, f"{digest[:60]!r} is no MD5, SHA-1 or SHA-2 in hexadecimal")
        return ""
    return building.file(plain, position, **{algorithm: plain, **properties})


def _placed(building: Building, text: str, position: Position, said: dict[str, Given]) -> tuple[str, str]:
    """Return the id of what a text names, and that of the IP address in it; empty where there is none."""
    made = addressed = ""
    match _kind(text):
        case "socket":
            host, _, port = text.rpartition(":")
            made, addressed = building.socket(host, port, position, **said), building.ip(host, position)
        case "address":
            made = addressed = building.ip(text, position, **said)
        case "hash":
            made = place_file(building, text, position, **said)
        case "url":
            placed = place_url(building, text, position, **said)
            made, addressed = placed.uri, placed.host if placed.is_address else ""
        case "range":
            made = building.address_range(text, position=position, **said)
        case "email":
            made = building.email(text, position, **said)
        case "host":
            made = place_host(building, text, position)
            building.say(made, **said)
        case _:
            building.skip(position, f"{text[:60]!r} is no address, host, URL or hash")
    return made, addressed


@lru_cache(maxsize=16)
def _kind(text: str) -> str:
    # Whoever lists a thing asks first whether it is one.
    for kind, is_one in _KINDS:
        if is_one(text):
            return kind
    return ""


def _is_socket(text: str) -> bool:
    found = _SOCKET.fullmatch(text)
    return found is not None and bool(port_name(found["port"])) and _is_address(found["host"])


def _is_address(text: str) -> bool:
    try:
        address(text)
    except AddressError:
        return False
    return True


def _is_range(text: str) -> bool:
    first, _, rest = text.replace("-", "/").partition("/")
    return bool(rest) and _is_address(first)


_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("socket", _is_socket),
    ("address", _is_address),
    ("hash", lambda text: len(text) in HASHES and _HEX.fullmatch(text) is not None),
    ("url", lambda text: "://" in text),
    ("range", _is_range),
    ("email", lambda text: _EMAIL.fullmatch(text) is not None),
    # A single word is nobody's name in particular: any other document is full of them.
    ("host", lambda text: "." in text),
)
"""What a text may be, in the order in which it is asked."""
