"""A job's targets: hosts, addresses, URLs, and networks that become one target an address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from urllib.parse import urlsplit

from vedette.errors import RefusedError

MAX_TARGETS = 4096
"""Targets of one job, networks expanded."""

_CONTROL = re.compile(r"[\x00-\x20\x7f]")


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
        RefusedError: it is a URL without a host, or with a user.
    """
    if "://" in target:
        try:
            parts = urlsplit(target)
            host = parts.hostname
        except ValueError as error:
            raise RefusedError("target", f"is not a URL: {error}") from error
        if not host or parts.username is not None or parts.password is not None or "\\" in target:
            raise RefusedError("target", "is a URL without a host, or with a user or password")
        return host
    # One colon is a port, more of them are an IPv6 address.
    return target.partition(":")[0] if target.count(":") == 1 else target
