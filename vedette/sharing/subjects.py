"""What a fact names that a list can hold: addresses, a host, a URL, hashes, an e-mail address. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from vedette.extraction.addresses import AddressError, AddressRange
from vedette.extraction.listed import HASHES
from vedette.extraction.urls import refang
from vedette.graph.canonical import as_domain, as_text, as_url, plain_address
from vedette.graph.port import VertexView

_HEX: Final = re.compile(r"[0-9a-f]{32,128}")
_NO_ADDRESS: Final = re.compile(r"[G-Z_g-z]")
"""In no address but for its zone: to try all names of hosts as addresses would take longer than all else."""

_PORT: Final = re.compile(r"\[?([^\[\]]{1,300}?)\]?:[0-9a-z_-]{1,40}", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Za-z0-9_.:/-]{4,300}")
_WITHIN: Final = re.compile(r"[/:]")
_ADDRESSES: Final = ("IP", "AddressRange")
_HASHED: Final = (
    "Archive File",
    "File",
    "File Hash",
    "Image File",
    "PDF File",
    "Unix File",
    "Windows Executable File",
    "Windows File",
    "X509 Certificate",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a fact names; what does not apply is empty."""

    kind: str = ""
    """`address`, `host`, `url`, `hash` or `email`; empty: none of these."""
    addresses: AddressRange | None = None
    """One address, or a range: itself, of its socket, or the host of its URL."""
    host: str = ""
    """Host name in canonical form: itself, of its socket, URL or e-mail address."""
    values: tuple[str, ...] = ()
    """Texts that a list may hold as they are: a URL, an e-mail address, hashes."""


_NOTHING: Final = Subject()


def may_name(vertex: VertexView) -> bool:
    """Tell whether a vertex is of a type that names such a thing; whether it does, only its name tells."""
    return vertex.type in _ADDRESSES or (vertex.type == "Observable" and vertex.observable_type in _READERS)


def subject_of(vertex: VertexView) -> Subject:
    """Return what a vertex names."""
    if vertex.type in _ADDRESSES:
        return _address(vertex.name)
    if vertex.type != "Observable":
        return _NOTHING
    return _READERS.get(vertex.observable_type, _none)(vertex)


def subjects_of(vertex: VertexView) -> tuple[Subject, ...]:
    """Return what a vertex names; a rule for sensors names whatever stands in its pattern."""
    if vertex.type != "Indicator":
        return (subject_of(vertex),)
    words = {word for text in vertex.texts("pattern") for word in words_of(text) if "." in word or ":" in word}
    return tuple(of_target(word) for word in sorted(words))


def words_of(text: str) -> set[str]:
    """Return all in a text that may be an address, a network or a name, also where it is a part of a URL."""
    words = set(_WORDS.findall(text))
    return words.union(*(_WITHIN.split(word) for word in words))


@lru_cache(maxsize=50_000)
def of_host(text: str) -> Subject:
    """Return what a host's name, or its address, names."""
    found = _address(text)
    return found if found.addresses is not None else Subject(kind="host", host=as_domain(text))


def of_target(text: str) -> Subject:
    """Return what a tool looked at: an address, a network, a host, `host:port` or a URL."""
    if "://" in text:
        return _url(text)
    found = of_host(text.strip())
    if found.addresses is not None or not (socket := _PORT.fullmatch(text.strip())):
        return found
    return of_host(socket[1])


def parents_of(host: str) -> Iterator[str]:
    """Yield a name and all that it is below, the longest first: `a.b.c`, `b.c`, `c`."""
    while host:
        yield host
        host = host.partition(".")[2]


def _address(text: str) -> Subject:
    plain = refang(text)
    if plain.isascii() and "%" not in plain and _NO_ADDRESS.search(plain) is not None:
        return _NOTHING
    try:
        one = plain_address(plain)
        return Subject(kind="address", addresses=AddressRange(start=one, end=one))
    except AddressError:
        pass
    try:
        return Subject(kind="address", addresses=AddressRange.parse(as_text(text)))
    except AddressError:
        return _NOTHING


def _url(text: str) -> Subject:
    plain = as_url(text)
    try:
        host = urlsplit(plain).hostname or ""
    except ValueError:
        host = ""
    found = of_host(host) if host else _NOTHING
    return Subject(kind="url", addresses=found.addresses, host=found.host, values=(plain,))


def _hashes(vertex: VertexView) -> Iterator[str]:
    for algorithm in HASHES.values():
        for text in vertex.texts(algorithm):
            digest = text.strip().lower()
            if _HEX.fullmatch(digest):
                yield digest
    name = vertex.name.strip().lower().replace(":", "")
    if len(name) in HASHES and _HEX.fullmatch(name):
        yield name


def _none(_vertex: VertexView) -> Subject:
    return _NOTHING


def _host(vertex: VertexView) -> Subject:
    return of_host(vertex.name)


def _socket(vertex: VertexView) -> Subject:
    found = _PORT.fullmatch(vertex.name.strip())
    return of_host(found[1]) if found else _NOTHING


def _email(vertex: VertexView) -> Subject:
    name = refang(vertex.name).strip().lower()
    return Subject(kind="email", host=as_domain(name.rpartition("@")[2]), values=(name,))


def _hashed(vertex: VertexView) -> Subject:
    hashes = tuple(dict.fromkeys(_hashes(vertex)))
    return Subject(kind="hash", values=hashes) if hashes else _NOTHING


_READERS: Final[Mapping[str, Callable[[VertexView], Subject]]] = {
    **dict.fromkeys(_HASHED, _hashed),
    "Domain Name": _host,
    "Email Address": _email,
    "Hostname": _host,
    "Socket Address": _socket,
    "URI": lambda vertex: _url(vertex.name),
}
"""By type of observable."""
