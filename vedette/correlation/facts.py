"""What an item says about its target, as facts that can be compared: short texts by name.

A fact's name is its kind and what it is about, such as `port tcp/443` or `package dpkg/openssl`. What differs between
two honest looks (times, durations, days left, the address of one of many servers) is no fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vedette.canonical import canonical_json, parse_json
from vedette.errors import RefusedError
from vedette.tools.interface import ParseError
from vedette.tools.parsers.nmap import NmapParser

MAX_FACTS = 20_000
"""Facts of one item; of a larger one only its hash is compared."""

MAX_VALUE = 300
"""Characters of a value; a longer one is compared by its SHA-256."""

MAX_NAME = 200
"""Characters of a name."""

ERROR: Final = "error"
"""The fact that a look failed, with the reason."""

CONTENT: Final = "content"
"""Kind of the facts that are hashes of bytes nobody understands here."""

Pairs = Iterator[tuple[str, object]]
"""Names and values as a form has them."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one item says."""

    family: str
    """What kind of look it was, without its version, such as `tls-certificate`: only like is compared with like."""
    values: Mapping[str, str]
    """The facts by name; empty where the look failed."""
    error: str | None = None
    """Why the look failed; None where it did not."""


def facts_of(*, format: str, payload: bytes | None, payload_sha256: str) -> Facts:
    """Return what a payload says; one that is not known, not readable, or not here is compared by its hash.

    Args:
        format: the item's format.
        payload: its decoded bytes; None where they are too large or not here.
        payload_sha256: SHA-256 of them, hexadecimal.
    """
    family = family_of(format)
    unknown = Facts(family=family, values={f"{CONTENT} sha256": payload_sha256})
    if payload is None:
        return unknown
    try:
        form = _form(format, payload)
    except (RefusedError, ParseError):
        return unknown
    if form is None:
        return unknown
    name, value = form
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return Facts(family=family, values={}, error=clean(error)[:MAX_VALUE])
    try:
        reader = _READERS.get(name)
        values = _bounded(_flat(value) if reader is None else reader(value))
    except (AttributeError, KeyError, TypeError, ValueError, RefusedError):
        # A form of that name that is not shaped like it: somebody else's, or forged.
        return unknown
    return Facts(family=family, values=values) if values else unknown


def family_of(format: str) -> str:
    """Return a format without its version."""
    return clean(format.partition("/")[0])[:MAX_NAME] or "-"


def clean(text: str) -> str:
    """Return the text without what no database and no canonical JSON takes: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _form(format: str, payload: bytes) -> tuple[str, Any] | None:
    """Return the standard form's name and value, None where there is none."""
    if format == "nmap-xml":
        return "nmap", NmapParser().parse(payload).model_dump(mode="json")
    if payload[:1] not in (b"{", b"["):
        return None
    value = parse_json(payload)
    if isinstance(value, dict) and isinstance(value.get("parser"), str) and "result" in value:
        return family_of(value["parser"]), value["result"]
    return family_of(format), value


def _bounded(pairs: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if value is None:
            continue
        found[clean(name)[:MAX_NAME]] = _text(value)
        if len(found) > MAX_FACTS:
            raise ValueError("more facts than are compared")
    return found


def _text(value: object) -> str:
    text = clean(value) if isinstance(value, str) else canonical_json(value).decode()
    if len(text) <= MAX_VALUE:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def _certificates(form: dict[str, Any]) -> Pairs:
    yield "tls protocol", form.get("protocol")
    yield "tls cipher", form.get("cipher")
    yield "tls verified", form.get("verified")
    yield "tls verification", form.get("verification")
    for number, certificate in enumerate(form["chain"]):
        for key in ("sha256", "subject", "issuer", "serial_number", "names", "not_before", "not_after", "public_key"):
            yield f"certificate {number} {key}", certificate.get(key)


def _ports(form: dict[str, Any]) -> Pairs:
    for entry in form["ports"]:
        yield f"port tcp/{entry['port']}", entry["state"]
        yield f"banner tcp/{entry['port']}", entry.get("banner")


def _scan(form: dict[str, Any]) -> Pairs:
    hosts = form["hosts"]
    for host in hosts:
        # One host needs no name of its own: it is the target.
        where = "" if len(hosts) == 1 else f" on {_name_of(host)}"
        yield f"host state{where}", host.get("state")
        for entry in host["ports"]:
            port = f"{entry['protocol']}/{entry['port']}{where}"
            yield f"port {port}", entry["state"]
            service = [entry.get(key) for key in ("service", "product", "version", "extra")]
            yield f"service {port}", " ".join(word for word in service if word) or None


def _name_of(host: dict[str, Any]) -> str:
    names = [address["address"] for address in host["addresses"]] or list(host["hostnames"])
    return str(names[0]) if names else "-"


def _records(form: dict[str, Any]) -> Pairs:
    for answer in form["answers"]:
        yield f"answer {answer['type']}", answer.get("rcode") or answer.get("error")
        # The order of records is the server's whim, and their time to live counts down.
        data = sorted({f"{record['name']} {record['data']}" for record in answer["records"]})
        yield f"record {answer['type']}", "\n".join(data) or None


_VOLATILE_HEADERS: Final = frozenset({"date", "age", "expires", "set-cookie", "cf-ray", "x-request-id", "etag"})


def _headers(form: dict[str, Any]) -> Pairs:
    yield "status", form.get("status")
    yield "location", form.get("location")
    yield f"{CONTENT} sha256", form.get("body_sha256")
    yield f"{CONTENT} size", form.get("body_size")
    gathered: dict[str, list[str]] = {}
    for name, value in form["headers"]:
        gathered.setdefault(name.lower(), []).append(value)
    for name, values in gathered.items():
        if name not in _VOLATILE_HEADERS:
            yield f"header {name}", ", ".join(values)
    for key, value in (form.get("tls") or {}).items():
        yield f"tls {key}", value


def _packages(form: dict[str, Any]) -> Pairs:
    for source in ("dpkg", "rpm", "python"):
        for name, version in (form.get(source) or {}).items():
            yield f"package {source}/{name}", version


def _lines(form: dict[str, Any]) -> Pairs:
    text = "\n".join(form["lines"])
    yield f"{CONTENT} sha256", hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    yield f"{CONTENT} lines", len(form["lines"])


_VOLATILE_FIELDS: Final = frozenset({"form", "target", "ts", "time", "timestamp", "date", "duration"})


def _flat(value: Any, path: str = "", depth: int = 0) -> Pairs:
    """Yield the leaves of any JSON value by their dotted paths."""
    entries: list[tuple[str, Any]]
    match value:
        case dict():
            entries = [(key, inner) for key, inner in value.items() if key not in _VOLATILE_FIELDS]
        case list():
            entries = [(str(number), inner) for number, inner in enumerate(value)]
        case _:
            yield f"value {path}".rstrip(), value
            return
    for key, inner in entries:
        deeper = f"{path}.{key}" if path else key
        if depth >= _DEEPEST:
            yield f"value {deeper}", inner
        else:
            yield from _flat(inner, deeper, depth + 1)


_DEEPEST: Final = 6
"""Levels that are taken apart; what is below is compared as one."""

_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Pairs]]] = {
    "tls-certificate": _certificates,
    "tcp-connect": _ports,
    "nmap": _scan,
    "dns": _records,
    "http-headers": _headers,
    "packages": _packages,
    "lines": _lines,
}
