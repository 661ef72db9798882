"""XMPP addresses (RFC 7622), compared exactly and never as a pattern."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vedette.errors import RefusedError

MAX_PART = 1023
"""Longest part of an address in bytes (RFC 7622 section 3)."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A JID: `user@domain/resource`, where user and resource may be empty."""

    user: str
    """Local part, lower case; empty for a server or service."""
    domain: str
    """Domain, lower case."""
    resource: str = ""
    """Which of the account's connections; empty for the bare address."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that the text means (RFC 7622 section 3.1).

        Raises:
            RefusedError: it is not an address.
        """
        bare, _, resource = text.partition("/")
        user, at, domain = bare.rpartition("@")
        parts = (user, domain, resource)
        if not domain or (at and not user) or any(len(part.encode()) > MAX_PART for part in parts):
            raise RefusedError("jid", f"{text[:80]!r} is not an XMPP address")
        if any(character in user for character in "\"&'/:<>@ "):
            raise RefusedError("jid", f"{text[:80]!r} has a character that an XMPP user name cannot have")
        return cls(user=user.lower(), domain=domain.lower(), resource=resource)

    @property
    def bare(self) -> Address:
        """The address without its resource."""
        return replace(self, resource="") if self.resource else self

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.domain}" + (f"/{self.resource}" if self.resource else "")
