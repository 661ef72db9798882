"""The port to where revocation lists are published, and its client over HTTP.

The addresses stand in certificates that somebody else made. So the client asks no machine of our own network
unless an operator named it, follows no redirect, and reads no more and waits no longer than its limits.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from vedette.errors import VedetteError

MAX_LIST = 8 * 1024 * 1024
"""Bytes of a list that is read; those of public authorities have up to some MiB."""

_TIME_LIMIT = 15.0
_PORTS = {"http": 80, "https": 443}
_RESOLVED = 16
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class FetchError(VedetteError):
    """A revocation list could not be fetched; the message names the address and the cause."""


class RevocationSource(ABC):
    """Port: whoever has revocation lists."""

    @abstractmethod
    async def fetch(self, url: str) -> bytes:
        """Return the bytes that are published at a distribution point.

        Raises:
            FetchError: there are none, they are too many or too slow, or the address may not be asked.
        """

    async def aclose(self) -> None:
        """Release what is held; nothing by default."""
        return

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()


class HttpRevocationSource(RevocationSource):
    """Lists over HTTP: they are signed, so authorities publish them without TLS."""

    def __init__(
        self,
        *,
        own_hosts: Collection[str] = (),
        only_hosts: Collection[str] | None = None,
        time_limit: float = _TIME_LIMIT,
        max_bytes: int = MAX_LIST,
    ) -> None:
        """Make a client; it connects when it is first used.

        Args:
            own_hosts: names or addresses that may lie in our own network and use any port, as a local authority's.
            only_hosts: the only names that are asked besides; None: any that is public.
            time_limit: seconds for one list, from looking up the name to the last byte.
            max_bytes: largest list.
        """
        self._own = frozenset(host.lower() for host in own_hosts)
        self._only = None if only_hosts is None else frozenset(host.lower() for host in only_hosts)
        self._time_limit = time_limit
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: str) -> bytes:
        """Return the bytes at a distribution point.

        Raises:
            FetchError: refused, unreachable, late, too large, or not there.
        """
        try:
            target = URL(url)
            self._check(target)
            async with asyncio.timeout(self._time_limit):
                return await self._get(target)
        except TimeoutError as error:
            raise FetchError(f"{url}: did not arrive within {self._time_limit:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(f"{url}: cannot be fetched: {str(error) or type(error).__name__}") from error

    def _check(self, url: URL) -> None:
        """Refuse an address by its text; what its name stands for is judged when it is looked up."""
        host = (url.host or "").lower()
        if url.scheme not in _PORTS or not host or url.user is not None:
            raise FetchError(f"{url}: is not a plain http or https address")
        if host in self._own:
            return
        if self._only is not None and host not in self._only:
            raise FetchError(f"{url}: {host} is not among the hosts that may be asked")
        if url.port != _PORTS[url.scheme]:
            raise FetchError(f"{url}: only the usual ports are asked")
        if _is_address(host) and not _is_public(host):
            raise FetchError(f"{url}: lies in our own network")

    async def _get(self, url: URL) -> bytes:
        async with self._open_session().get(url, allow_redirects=False) as response:
            if 300 <= response.status < 400:
                raise FetchError(f"{url}: redirects elsewhere, which is refused")
            if response.status != 200:
                raise FetchError(f"{url}: answers HTTP status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._max_bytes:
                    response.close()
                    raise FetchError(f"{url}: has more than {self._max_bytes} bytes")
        return bytes(body)

    def _open_session(self) -> aiohttp.ClientSession:
        """Return the session, opened on first use: it belongs to the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_GuardedResolver(self._own), use_dns_cache=False, limit=4),
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
            )
        return self._session

    async def aclose(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _GuardedResolver(AbstractResolver):
    """Looks names up and leaves out addresses of our own network: what is checked is what is connected to."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name.

        Raises:
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [(kind, str(place[0])) for kind, _, _, _, place in found[:_RESOLVED]]
        allowed = [pair for pair in addresses if host.lower() in self._own or _is_public(pair[1])]
        if not allowed:
            raise OSError(f"{host} lies in our own network")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in allowed
        ]

    async def close(self) -> None:
        """Release nothing."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    """Tell whether an address is of the public internet, also in its IPv6 disguises."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return False
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return _is_public(str(inner))
    return found.is_global and not found.is_multicast
