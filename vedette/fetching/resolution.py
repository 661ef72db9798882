"""Judging every address of a name before it is connected to, with one look-up for each connection."""

from __future__ import annotations

import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from vedette.fetching.addresses import parse_address
from vedette.fetching.names import MAX_ADDRESSES, NameResolver
from vedette.fetching.policy import FetchPolicy

_TRUSTED = 256


class AddressRefusedError(Exception):
    """No address of a host may be connected to; the message says why not."""


class GuardedResolver(AbstractResolver):
    """Gives aiohttp the addresses that may be connected to: what is judged is what is connected to.

    A name that stands for something else a moment later (rebinding) changes nothing: there is no second look.
    """

    def __init__(self, *, policy: FetchPolicy, names: NameResolver) -> None:
        self._policy = policy
        self._names = names
        self._trusted: dict[str, None] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name that may be connected to.

        Raises:
            OSError: it has none at all.
            AddressRefusedError: it has none that may be.
        """
        found = list(dict.fromkeys(await self._names.addresses(host, port)))[:MAX_ADDRESSES]
        refusals = {address: self._policy.refusal_of(host, port, address) for address in found}
        allowed = [address for address in found if refusals[address] is None]
        if not allowed:
            reasons = "; ".join(dict.fromkeys(reason for reason in refusals.values() if reason))
            raise AddressRefusedError(f"{host} may not be asked: {reasons}" if reasons else f"{host} has no address")
        for address in allowed:
            self.trust(address)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=_family(address), proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in allowed
        ]

    def open_socket(self, place: tuple[Any, ...]) -> socket.socket:
        """Return a socket for an address that aiohttp is about to connect to: the last judgement.

        Raises:
            PermissionError: it came past `resolve`, and may not be connected to.
        """
        family, kind, protocol, _, address = place
        reason = None if address[0] in self._trusted else self._policy.refusal_of_address(str(address[0]))
        if reason is not None:
            raise PermissionError(reason)
        return socket.socket(family, kind, protocol)

    def trust(self, address: str) -> None:
        """Let an address pass that the rules allow because of the host that it was found by."""
        if self._policy.refusal_of_address(address) is None:
            return
        self._trusted[address] = None
        while len(self._trusted) > _TRUSTED:
            del self._trusted[next(iter(self._trusted))]

    async def close(self) -> None:
        """Release nothing."""


def _family(address: str) -> socket.AddressFamily:
    found = parse_address(address)
    return socket.AF_INET6 if found is not None and found.version == 6 else socket.AF_INET
