"""A job's targets: hosts, addresses, URLs, and networks that become one target an address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from urllib.parse import urlsplit

from vedette.errors import RefusedError
from vedette.fetching.addresses import parse_address
from vedette.fetching.urls import PORTS, read_url

MAX_TARGETS = 4096
"""Targets of one job, networks expanded."""

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def expand(texts: Sequence[str]) -> tuple[str, ...]:
    """Return each target once, in order; a network such as `192.0.2.0/28` becomes its addresses.

    Raises:
        RefusedError: one is empty, begins like an option, holds a blank or control character, or they are too many.
    """
    found: dict[str, None] = {}
    for text in texts:
        for target in _expanded(text.strip()):
            found[target] = None
            if len(found) > MAX_TARGETS:
                raise RefusedError("targets", f"are more than {MAX_TARGETS}; ask for several jobs")
    if not found:
        raise RefusedError("targets", "are none; name at least one host, address, network or URL")
    return tuple(found)


def _expanded(text: str) -> Iterator[str]:
    if not text:
        raise RefusedError("targets", "one is empty")
    if text.startswith("-"):
        raise RefusedError("targets", f"{text[:60]!r} begins with '-', which a tool would take for an option")
    if _CONTROL.search(text) or not text.isprintable():
        raise RefusedError("targets", f"{text[:60]!r} holds a blank or a control character")
    if "/" not in text or "://" in text:
        yield text
        return
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise RefusedError("targets", f"{text[:60]!r} is neither a host, a URL nor a network") from error
    if network.num_addresses > MAX_TARGETS + 2:
        raise RefusedError("targets", f"{text[:60]} has more than {MAX_TARGETS} addresses")
    yield from map(str, network.hosts())


def host_of(target: str) -> str:
    """Return the host that a target names: of a URL or of `host:port`, else the target itself.

    Raises:
        RefusedError: it is a URL without a host, or with a user, or two programs could read the host differently.
    """
    if "://" in target:
        return _host_of_url(target)
    # One colon is a port, more of them are an IPv6 address.
    host = target.partition(":")[0] if target.count(":") == 1 else target
    _check_name(host)
    return host


def _host_of_url(target: str) -> str:
    try:
        if urlsplit(target).scheme in PORTS:
            # As the client reads it that will ask: any other reader may find another host in the same URL.
            return read_url(target).host
        parts = urlsplit(target)
        host = parts.hostname
    except ValueError as error:
        raise RefusedError("target", f"is not a URL: {error}") from error
    if not host or parts.username is not None or parts.password is not None or "\\" in target:
        raise RefusedError("target", "is a URL without a host, or with a user or password")
    _check_name(host)
    return host


def _check_name(host: str) -> None:
    """Refuse what stands for one host where it is judged and for another where it is probed."""
    if parse_address(host) is not None:
        return
    # 0177.0.0.1 is 127.0.0.1 to the system's resolver, and 177.0.0.1 to nmap.
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise RefusedError(
            "target", f"{host[:60]!r}: write the address as usual; programs read this form differently"
        )
    # Python translates the letters of a name by IDNA 2003, and what probes by IDNA 2008, or not at all.
    if not host.isascii():
        raise RefusedError("target", f"{host[:60]!r}: write the name in ASCII letters, such as xn--bcher-kva.example")
