"""What the correlation found, and what it remembers of each check."""

from __future__ import annotations

from collections.abc import AsyncIterator

from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model


class Change(Model):
    """One fact that differs."""

    fact: str
    """Its name, such as `port tcp/22`."""
    before: str | None
    """What it was, or what the first witness saw; None where there was nothing."""
    after: str | None
    """What it is, or what the other witness saw; None where there is nothing."""


class Witness(Model):
    """An item that shows a finding."""

    agent: str
    """Bare JID of who observed."""
    item: str
    """The item's uuid."""
    at: int
    """When it was observed, microseconds since 1970."""


class Finding(Model):
    """One thing that was found."""

    id: int
    """Names it; later ones have higher numbers."""
    kind: str
    """What kind."""
    severity: str
    """How much it matters: info, notice, warning or critical."""
    rule: str
    """Name of the rule that said so, empty where none did."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look showed it."""
    at: int
    """When it was observed first, microseconds since 1970."""
    found_at: int
    """When it was found."""
    text: str
    """More about it, in words."""
    changes: tuple[Change, ...]
    """What exactly."""
    more: int
    """Changes that are not listed."""
    witnesses: tuple[Witness, ...]
    """The items that show it, by time."""


class Check(Model):
    """What is remembered of a check."""

    check: str
    """Its name."""
    agent: str
    """Bare JID of who looks."""
    subject: str
    """What it is about."""
    family: str
    """What kind of look it is."""
    first_seen: int
    """When it was first observed, microseconds since 1970."""
    last_seen: int
    """When it was last observed."""
    runs: int
    """Looks so far."""
    unchanged: int
    """Looks since the last change."""
    steady_since: int
    """Since when the facts are what they are."""
    interval: int | None
    """Usual time between two looks, microseconds."""
    verdict: str | None
    """The last verdict."""
    error: str | None
    """Why the last look failed."""
    flapping: bool
    """Whether it flaps."""
    missing: bool
    """Whether nothing came for too long."""
    item: str
    """Its newest item's uuid."""
    facts: int
    """How many facts it saw last."""


class Findings:
    """What a hub's correlation found."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        item: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Finding]:
        """Iterate over findings, newest first; `item` is the uuid of one that shows them."""
        query = {"kind": kind, "subject": subject, "item": item}
        return rows(self._connection, "/v1/findings", Finding, query=query, limit=limit)


class Checks:
    """The checks that a hub's correlation remembers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, subject: str | None = None, limit: int | None = None) -> AsyncIterator[Check]:
        """Iterate over checks, those that looked last first."""
        return rows(self._connection, "/v1/checks", Check, query={"subject": subject}, limit=limit)
