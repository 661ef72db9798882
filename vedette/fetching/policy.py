"""Whom we ask: the rules, as one value that decides and does nothing.

1. `http` and `https` on the usual ports, no credentials in the URL.
2. Only the public internet: every address that a name stands for is judged, when it is connected to.
3. What an operator allows (`fetching.allow`) is exempt: a network by its addresses, a host by its name and port.
4. A redirect is a new URL under the same rules, and never leads from `https` to `http`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from vedette.fetching.addresses import IpNetwork, parse_address, special_use
from vedette.fetching.urls import PORTS, FetchUrl, read_url

LOCAL_NAME = "localhost"
"""The one name that says itself where it lies (RFC 6761 section 6.3)."""

ADVICE = "allow it under fetching.allow in vedette.yml if that is meant"


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """Whom we ask."""

    networks: tuple[IpNetwork, ...] = ()
    """Networks that may be asked although they are not public."""
    hosts: frozenset[tuple[str, int | None]] = frozenset()
    """Hosts that may be asked wherever they lie, with the port; None: any."""
    ports: frozenset[int] = frozenset(PORTS.values())
    """Ports that may be asked of any host."""
    only: frozenset[str] | None = None
    """The only hosts that are asked at all; None: any."""

    @classmethod
    def allowing(cls, entries: Iterable[str], *, ports: Iterable[int] = ()) -> Self:
        """Return the rules with what an operator allows: networks, addresses, hosts, each host with `:port` or not.

        Raises:
            ValueError: an entry is none of these; says which.
        """
        networks: list[IpNetwork] = []
        hosts: set[tuple[str, int | None]] = set()
        for entry in entries:
            found = _network(entry)
            if found is not None:
                networks.append(found)
            else:
                hosts.add(_host(entry))
        return cls(networks=tuple(networks), hosts=frozenset(hosts), ports=frozenset({*PORTS.values(), *ports}))

    def for_endpoint(self, target: FetchUrl) -> FetchPolicy:
        """Return the rules for one address that the operator wrote down: that host and port, and nobody else.

        Whoever writes an address of our own network means it. A name says nothing of where it lies, and may move:
        it must be public, or allowed.
        """
        explicit = target.address is not None or target.host == LOCAL_NAME
        hosts = self.hosts | {(target.host, target.port)} if explicit else self.hosts
        return replace(self, hosts=hosts, ports=frozenset({target.port}), only=frozenset({target.host}))

    def refusal_of_url(self, target: FetchUrl) -> str | None:
        """Return why a URL is not asked, judged by its text; None: it may be, by this."""
        if self.only is not None and target.host not in self.only:
            return f"{target.host} is not among the hosts that may be asked"
        if self._trusts(target.host, target.port):
            return None
        if target.port not in self.ports:
            return f"port {target.port} is not asked; {ADVICE}"
        return self.refusal_of_address(str(target.address)) if target.address is not None else None

    def refusal_of(self, host: str, port: int, address: str) -> str | None:
        """Return why an address that a host stands for is not connected to; None: it may be."""
        return None if self._trusts(host, port) else self.refusal_of_address(address)

    def refusal_of_address(self, address: str) -> str | None:
        """Return why an address is not connected to, whoever stands for it; None: it may be."""
        found = parse_address(address)
        if found is None or "%" in address:
            return f"{address} is not an address that can be judged"
        if any(found.version == network.version and found in network for network in self.networks):
            return None
        use = special_use(found)
        return None if use is None else f"{address} is {use}; {ADVICE}"

    def refusal_of_redirect(self, source: FetchUrl, target: FetchUrl) -> str | None:
        """Return why a redirect is not followed; None: it may be."""
        if source.scheme == "https" and target.scheme == "http":
            return f"redirects from https to {target.shown}, which anybody on the way could answer"
        reason = self.refusal_of_url(target)
        return None if reason is None else f"redirects to {target.shown}, which is refused: {reason}"

    def _trusts(self, host: str, port: int) -> bool:
        return not self.hosts.isdisjoint({(host, port), (host, None)})


def _network(entry: str) -> IpNetwork | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        if "/" in entry:
            raise ValueError(f"{entry!r} is not a network: write it as 10.1.0.0/16, without host bits") from None
        return None


def _host(entry: str) -> tuple[str, int | None]:
    """Return host and port of an entry such as `tsa.example:8080`."""
    try:
        target = read_url(f"http://{entry}/")
    except ValueError as error:
        raise ValueError(f"{entry!r} is no network, address or host: {error}") from error
    if str(target.url.path) != "/" or target.url.query_string:
        raise ValueError(f"{entry!r} is no network, address or host: write neither scheme nor path")
    return target.host, target.url.explicit_port
