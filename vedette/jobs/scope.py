"""Which targets and tools jobs may use: judged where a job is requested, and again where a run is about to start.

1. An address must be in a network of `allow`.
2. A name that stands in `allow` itself (`host.example`, `self`) may have any address but a special one.
3. A name that only a pattern covers (`*.example`) must have public addresses, or ones of allowed networks.
4. Any other name must have addresses of allowed networks only.

Special: metadata services, link-local, multicast, unspecified and reserved addresses; only a network names them.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, field_validator

from vedette.errors import RefusedError
from vedette.fetching.addresses import IpAddress, IpNetwork, parse_address, special_use
from vedette.fetching.names import MAX_ADDRESSES, NameResolver, SystemResolver

SELF = "self"
"""Entry of `allow` that means the own name of the machine where it is judged."""

TARGET = "{target}"
"""What stands for the target in a command."""

RESOLVE_WITHIN = 10.0
"""Seconds that looking a name up may take."""

_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\Z")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_PRIVATE = frozenset({"a private network", "a carrier's shared network", "loopback"})

Entry = Annotated[StrictStr, Field(min_length=1, max_length=253)]
Words = Annotated[list[Annotated[StrictStr, Field(max_length=1024)]], Field(min_length=1, max_length=64)]


class OutOfScopeError(RefusedError):
    """A job asks for a tool or a target that the scope policy does not allow."""


class TargetsOutOfScopeError(OutOfScopeError):
    """Some of a job's targets may not be probed."""

    def __init__(self, refusals: Mapping[str, str]) -> None:
        self.refusals = dict(refusals)
        """Why each of them may not, by target."""
        first = next(iter(self.refusals.values()))
        more = f" (and {len(self.refusals) - 1} more targets are refused)" if len(self.refusals) > 1 else ""
        super().__init__("target", f"{first}{more}")


class ScopePolicy(BaseModel):
    """Which targets may be probed, and with what: nothing but this machine unless it says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: Annotated[list[Entry], Field(max_length=1024)] = ["127.0.0.0/8", "::1", "localhost", SELF]
    """Networks (`192.0.2.0/24`), addresses, names (`www.example`) and patterns (`*.example`) that may be probed;
    `self` is the machine's own name."""
    tools: Annotated[list[Annotated[StrictStr, Field(max_length=64)]], Field(max_length=256)] = [
        "dns",
        "http-headers",
        "nmap",
        "tcp-connect",
        "tls-certificate",
    ]
    """Tools that jobs may use."""
    nmap_scripts: Annotated[list[Annotated[StrictStr, Field(max_length=64)]], Field(max_length=256)] = []
    """nmap's scripts that jobs may name: some ask third parties, or look for targets of their own."""
    commands: Annotated[dict[Annotated[StrictStr, Field(max_length=64)], Words], Field(max_length=256)] = {}
    """Commands that jobs may run by name, word by word; `{target}` is the target, best behind a `--`."""

    @field_validator("allow")
    @classmethod
    def _is_understood(cls, value: list[str]) -> list[str]:
        for entry in value:
            if _network(entry) is None and not _NAME.match(entry):
                raise ValueError(f"{entry[:60]!r} is no network, address, name or pattern such as *.example")
        return value

    @field_validator("commands")
    @classmethod
    def _can_be_run(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for name, words in value.items():
            if not _WORD.match(name):
                raise ValueError(f"{name[:60]!r}: a name has small letters, digits and . _ -")
            if not words[0].strip() or TARGET in words[0]:
                raise ValueError(f"{name}: the first word must name a program, and not the target")
            if any("\0" in word for word in words):
                raise ValueError(f"{name}: a word holds a NUL character")
        return value

    def check_tool(self, name: str) -> None:
        """Check that jobs may use a tool or a command of this name.

        Raises:
            OutOfScopeError: they may not.
        """
        if name not in self.tools and name not in self.commands:
            known = ", ".join(sorted({*self.tools, *self.commands})) or "none"
            raise OutOfScopeError("tool", f"{name[:64]!r} is not allowed for jobs; allowed are: {known}")


@dataclass(frozen=True, kw_only=True)
class ScopeJudge:
    """A policy, ready to be asked on the machine where it is."""

    policy: ScopePolicy
    """The policy."""
    own_name: str
    """This machine's name."""
    names: NameResolver
    """Knows the addresses of names."""

    @classmethod
    def here(cls, policy: ScopePolicy) -> ScopeJudge:
        """Return the judge of this machine."""
        return cls(policy=policy, own_name=socket.gethostname(), names=SystemResolver())

    def refusal_of(self, host: str, addresses: Sequence[str]) -> str | None:
        """Return why a host with these addresses may not be probed; None where it may."""
        address = parse_address(host)
        if address is not None:
            return None if self._in_network(address) else f"{host} is in no allowed network"
        named, covered = self._named(host)
        for text in addresses:
            found = parse_address(text)
            if found is None:
                return f"{host} has the address {text[:60]}, which cannot be read"
            if not self._in_network(found) and (reason := _objection(found, named=named, covered=covered)):
                return f"{host} has the address {found}, {reason}"
        return None if addresses or named or covered else f"{host} is not allowed, and has no address that is"

    async def check(self, host: str, *, address_needed: bool = True) -> None:
        """Check that a host may be probed, each of its addresses included.

        Args:
            host: a name or an address.
            address_needed: whether a name without any address is refused.

        Raises:
            OutOfScopeError: it may not; the message says what would allow it.
        """
        addresses = [] if parse_address(host) is not None else await self._addresses(host)
        reason = self.refusal_of(host, addresses)
        if reason is None and address_needed and not addresses and parse_address(host) is None:
            reason = f"{host} has no address, so nothing says that it is in scope"
        if reason is not None:
            raise OutOfScopeError("target", f"{reason}; what may be probed is in the scope's 'allow'")

    async def _addresses(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(RESOLVE_WITHIN):
                found = await self.names.addresses(host, 0)
        except (OSError, UnicodeError):
            # TimeoutError is an OSError: a name that nobody answers for has no address.
            return []
        unique = list(dict.fromkeys(found))
        if len(unique) > MAX_ADDRESSES:
            raise OutOfScopeError("target", f"{host} has more than {MAX_ADDRESSES} addresses; name one of them")
        return unique

    def _in_network(self, address: IpAddress) -> bool:
        networks = [network for entry in self.policy.allow if (network := _network(entry)) is not None]
        return any(address.version == network.version and address in network for network in networks)

    def _named(self, host: str) -> tuple[bool, bool]:
        """Return whether a name stands in the policy, and whether a pattern of it covers the name."""
        name = host.rstrip(".").lower()
        entries = [self.own_name if entry == SELF else entry for entry in self.policy.allow]
        lowered = [entry.rstrip(".").lower() for entry in entries]
        patterns = [entry[1:] for entry in lowered if entry.startswith("*.")]
        return name in lowered, any(name.endswith(pattern) and len(name) > len(pattern) for pattern in patterns)


def _network(entry: str) -> IpNetwork | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _objection(address: IpAddress, *, named: bool, covered: bool) -> str | None:
    use = special_use(address)
    if named:
        return None if use is None or use in _PRIVATE else f"which is {use}; only a network can allow that"
    if covered:
        return None if use is None else f"which is {use}; a pattern alone does not allow that"
    return "which is in no allowed network"
