"""What an administrator looks into: the audit log, API keys and people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model, parsed


class AuditRecord(Model):
    """Something that somebody did."""

    id: int
    """Its number."""
    uuid: str
    """Its uuid: the statement names it."""
    at: int
    """Microseconds since 1970."""
    who: str
    """Who did it, such as `user anna`."""
    action: str
    """What was done."""
    object: str
    """What it was done to."""
    origin: str
    """Where from."""
    detail: str
    """Why, or what changed."""
    engine: str | None
    """Bare JID of the engine that logged it; None for about a second, or while no engine runs."""
    epoch: str | None
    """Epoch of that engine's log."""
    log_index: int | None
    """Its place in that log."""
    state: str
    """How far proved."""


class Key(Model):
    """An API key; the key itself nobody has but its holder."""

    id: str
    """Names it in lists and logs."""
    name: str
    """What it is for."""
    agent: str | None
    """Bare JID of its agent; None for other programs."""
    scopes: str
    """What it allows, words with a space between."""
    created_at: int
    """Microseconds since 1970."""
    expires_at: int | None
    """Microseconds since 1970; None: never."""
    revoked_at: int | None
    """Microseconds since 1970; None while it is good."""
    last_used_day: int | None
    """Days since 1970."""


class IssuedKey(Model):
    """A new key; its text is not in its `repr`."""

    id: str
    """Names it in lists and logs."""
    name: str
    """What it is for."""
    scopes: str
    """What it allows, words with a space between."""
    expires_at: int | None
    """Microseconds since 1970; None: never."""
    key: str
    """The key, this once."""

    def __repr__(self) -> str:
        return f"IssuedKey(id={self.id!r})"

    __str__ = __repr__


class Person(Model):
    """Who may log in, or might once."""

    id: str
    """Random; stays when everything else changes."""
    name: str
    """What the person types."""
    role: str
    """What the person may do."""
    created_at: int
    """Microseconds since 1970."""
    password_changed_at: int
    """Microseconds since 1970."""
    disabled_at: int | None
    """Microseconds since 1970; None: may log in."""
    last_login_at: int | None
    """Microseconds since 1970."""


class _Link(Model):
    path: str


class Audit:
    """The audit log of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        who: str | None = None,
        action: str | None = None,
        object: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[AuditRecord]:
        """Iterate over what was done, newest first; an action with a dot at its end means all that begin so."""
        query = {"who": who, "action": action, "object": object, "since": since, "until": until}
        return rows(self._connection, "/v1/audit", AuditRecord, query=query, limit=limit)


class Keys:
    """The API keys of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> AsyncIterator[Key]:
        """Iterate over every key that was ever made, oldest first."""
        return rows(self._connection, "/v1/keys", Key)

    async def issue(self, *, name: str, scopes: Collection[str], seconds: int | None) -> IssuedKey:
        """Make a key that expires after so many seconds; None: never.

        Raises:
            ApiError: 422, the name or a scope cannot be used.
        """
        body = {"name": name, "scopes": sorted(scopes), "seconds": seconds}
        return parsed(IssuedKey, await self._connection.send("POST", "/v1/keys", body))

    async def revoke(self, id: str) -> None:
        """Refuse a key from now on.

        Raises:
            ApiError: 404, there is none of this id that is in use.
        """
        await self._connection.send("DELETE", path_of("v1", "keys", id))


class Users:
    """The people of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> AsyncIterator[Person]:
        """Iterate over everybody, by name."""
        return rows(self._connection, "/v1/users", Person)

    async def add(self, name: str, *, role: str) -> Person:
        """Make an account without a password; `setup_link` lets the person choose one.

        Raises:
            ApiError: 409 the name is taken, 422 it cannot be one.
        """
        return parsed(Person, await self._connection.send("POST", "/v1/users", {"name": name, "role": role}))

    async def set_role(self, name: str, role: str) -> Person:
        """Change what a person may do. Their sessions end.

        Raises:
            ApiError: 404 there is nobody of this name, 409 no administrator would be left.
        """
        path = path_of("v1", "users", name, "role")
        return parsed(Person, await self._connection.send("POST", path, {"role": role}))

    async def disable(self, name: str) -> Person:
        """Keep a person out from now on. Their sessions end.

        Raises:
            ApiError: 404 there is nobody of this name, 409 no administrator would be left.
        """
        return await self._decide(name, "disable")

    async def enable(self, name: str) -> Person:
        """Let a person who was disabled log in again.

        Raises:
            ApiError: 404, there is nobody of this name.
        """
        return await self._decide(name, "enable")

    async def setup_link(self, name: str) -> str:
        """Return a link with which a person chooses a password, good once, for an hour; give it to nobody else.

        Raises:
            ApiError: 404 there is nobody of this name, 409 they are disabled.
        """
        answer = await self._connection.send("POST", path_of("v1", "users", name, "setup-link"))
        return f"{self._connection.url}{parsed(_Link, answer).path}"

    async def _decide(self, name: str, what: str) -> Person:
        return parsed(Person, await self._connection.send("POST", path_of("v1", "users", name, what)))
