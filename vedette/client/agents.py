"""Agents: who is there, since when and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model, parsed


class _Known(Model):
    """What the list and the detail have in common."""

    jid: str
    """Bare JID."""
    role: str
    """The role that it was enrolled in."""
    show: str
    """Presence: available, away, dnd, gone or unknown; unknown is not gone."""
    status: str
    """Why."""
    since: int | None
    """Microseconds since 1970: since when the presence is what it is."""
    last_seen_at: int | None
    """Microseconds since 1970: when anything of it was last heard."""
    enrolled_at: int
    """Microseconds since 1970."""
    revoked_at: int | None
    """Microseconds since 1970; None while it is enrolled."""
    registered_at: int | None
    """Microseconds since 1970: when its last card came."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key."""


class Agent(_Known):
    """A line of the list."""

    version: str | None
    """Version of its software, as its card says."""
    place: str | None
    """Where it runs, as its card says."""
    started_at: int | None
    """Microseconds since 1970: when its process started, as its card says."""
    waiting: int | None
    """Items in its outbox that were not confirmed when it last reported; None where it has none, or never did."""
    waiting_since: int | None
    """Microseconds since 1970: since when the oldest of them waits; None where none does."""
    dead_letters: int | None
    """Items that it has given up and that wait for a person."""
    reported_at: int | None
    """Microseconds since 1970: when it said so."""


class AgentDetail(_Known):
    """An agent with its card."""

    card: dict[str, Any] | None
    """What it says of itself; None before it registered."""
    state: dict[str, Any] | None
    """What its page shows, where it runs in the hub's process."""


class PresenceChange(Model):
    """One change of an agent's presence."""

    id: int
    """Its number."""
    at: int
    """Microseconds since 1970."""
    show: str
    """What it became."""
    status: str
    """Why."""
    cause: str
    """What told: presence, heartbeat, silence, restart."""


class Agents:
    """The agents of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, role: str | None = None, show: str | None = None, revoked: bool = False, limit: int | None = None
    ) -> AsyncIterator[Agent]:
        """Iterate over agents, by JID; `revoked`: also those that were revoked."""
        query = {"role": role, "show": show, "revoked": revoked}
        return rows(self._connection, "/v1/agents", Agent, query=query, limit=limit)

    async def get(self, jid: str) -> AgentDetail:
        """Return an agent with its card.

        Raises:
            ApiError: 404, nobody of this name was ever enrolled.
        """
        return parsed(AgentDetail, await self._connection.get(path_of("v1", "agents", jid)))

    def presence(self, jid: str, *, limit: int | None = None) -> AsyncIterator[PresenceChange]:
        """Iterate over the changes of an agent's presence, newest first."""
        return rows(self._connection, path_of("v1", "agents", jid, "presence"), PresenceChange, limit=limit)
