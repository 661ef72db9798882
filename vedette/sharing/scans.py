"""What a tool put out, as it is shared: what it is called as a file, and the services that it found. Pure.

Services are read of nmap (its XML, or our standard form with the XML beside it), `tcp-connect` and `tls-certificate`;
the outputs of other tools are shared as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from vedette.canonical import parse_json
from vedette.errors import RefusedError
from vedette.graph.canonical import as_ip
from vedette.sharing.investigation import Service
from vedette.tools.interface import ParseError
from vedette.tools.parsers.nmap import Host, NmapForm, NmapParser, ScannedPort

MAX_SERVICES: Final = 20_000
"""Services of one scan that are shared; the rest is in its output."""

_SUFFIXES: Final[Mapping[str, str]] = {
    "application/json": ".json",
    "application/xml": ".xml",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
}
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")
_PORT: Final = range(1, 65_536)


def is_of_tool(meta: Mapping[str, Any]) -> bool:
    """Tell whether an item is what a tool of a probe or job put out."""
    return isinstance(meta.get("command"), list) and "collector" not in meta


def tool_of(meta: Mapping[str, Any]) -> str:
    """Return the name of the tool: the first word of the command, without its folder."""
    words = meta.get("command")
    first = str(words[0]) if isinstance(words, list) and words else ""
    return first.rpartition("/")[2][:100] or "unknown"


def file_name(tool: str, item: str, content_type: str) -> str:
    """Return what an output is called as a file."""
    suffix = _SUFFIXES.get(content_type.partition(";")[0].strip().lower(), ".bin")
    return f"{_PLAIN.sub('-', tool).strip('-') or 'output'}-{item}{suffix}"


def services_of(payload: bytes, form: str) -> Sequence[Service]:
    """Return the open ports that an output tells of, by address and port; none where the tool is another.

    Args:
        payload: the item's bytes.
        form: its `format`, such as `nmap-xml` or `tcp-connect/1`.

    Raises:
        RefusedError: it is an output of such a tool that cannot be read.
    """
    name = form.partition("/")[0]
    if not payload:
        # The tool is not installed, or ended before it said a word: the item says why.
        return ()
    try:
        found = list(_of_xml(payload, name) if payload.lstrip()[:1] == b"<" else _of_json(payload, name))
    except (ParseError, RefusedError, ValidationError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise RefusedError("payload", f"services cannot be read: {' '.join(str(error).split())[:200]}") from error
    unique = {(one.address, one.port, one.protocol): one for one in found}
    return [unique[key] for key in sorted(unique, key=lambda key: (key[0], key[2], key[1]))][:MAX_SERVICES]


def _of_xml(payload: bytes, name: str) -> Iterable[Service]:
    return _of_nmap(NmapParser().parse(payload)) if name.startswith("nmap") else ()


def _of_json(payload: bytes, name: str) -> Iterable[Service]:
    readers = {"tcp-connect": _of_connections, "tls-certificate": _of_handshake}
    if name not in readers and not name.startswith("nmap"):
        return ()
    value = parse_json(payload)
    if not isinstance(value, dict):
        raise TypeError("no object")
    if isinstance(value.get("result"), dict) and "parser" in value:
        value = value["result"]
    return readers[name](value) if name in readers else _of_nmap(NmapForm.model_validate(value))


def _of_nmap(form: NmapForm) -> Iterator[Service]:
    for host in form.hosts:
        addresses = [one.address for one in host.addresses if one.type in ("ipv4", "ipv6")]
        if host.state == "up" and addresses:
            yield from (_scanned(port, addresses[0], host) for port in host.ports if _is_open(port))


def _is_open(port: ScannedPort) -> bool:
    return port.state == "open" and port.port in _PORT and port.protocol in ("tcp", "udp", "sctp")


def _scanned(port: ScannedPort, address: str, host: Host) -> Service:
    return Service(
        address=as_ip(address),
        port=port.port,
        protocol=port.protocol,
        state=port.state,
        name=port.service or "",
        product=port.product or "",
        version=port.version or "",
        cpe=next((name for name in port.cpe if name.startswith(("cpe:/a:", "cpe:2.3:a:"))), ""),
        hostname=next((name for name in host.hostnames if name), ""),
    )


def _of_connections(form: Mapping[str, Any]) -> Iterator[Service]:
    for one in form.get("ports") or ():
        if one.get("state") == "open" and one.get("address"):
            yield _connected(form, str(one["address"]), int(one["port"]))


def _of_handshake(form: Mapping[str, Any]) -> Iterator[Service]:
    if form.get("address") and form.get("chain"):
        yield _connected(form, str(form["address"]), int(form["port"]))


def _connected(form: Mapping[str, Any], address: str, port: int) -> Service:
    if port not in _PORT:
        raise ValueError(f"{port} is no port")
    target, found = str(form.get("target") or ""), as_ip(address)
    return Service(address=found, port=port, hostname=target if target and as_ip(target) != found else "")
