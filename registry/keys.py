"""API keys of machines: 256 random bits, shown once, kept as SHA-256.

A random key needs no slow hash: guessing 2^256 is out of reach, and each request would cost 0.2 s of argon2.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from registry.database import Database
from registry.key_tables import api_key
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import RefusedError, VedetteError

PREFIX = "vdt_"
"""What every key begins with, so that secret scanners know it."""

MAX_KEY = 256
"""Characters of what is looked at as a key."""

_BYTES = 32
_DAY = 86_400 * MICROSECONDS


class Scope(StrEnum):
    """What a key allows."""

    INGEST = "ingest"
    """Handing in items and documents."""
    READ = "read"
    """Reading everything that is stored."""
    ADMIN = "admin"
    """Deleting documents, and whatever else changes what others see."""


class KeyRefusedError(VedetteError):
    """A key is unknown, expired or revoked: the caller is nobody. Which of them is not for the caller to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """What is known of a key; the key itself only its holder knows."""

    id: str
    """Names it in lists and logs."""
    name: str
    """What it is for."""
    agent: str | None
    """Bare JID of its agent."""
    scopes: frozenset[Scope]
    """What it allows."""
    created_at: int
    """Microseconds since 1970."""
    expires_at: int | None
    """Microseconds since 1970; None: never."""
    revoked_at: int | None
    """Microseconds since 1970."""
    last_used_day: int | None
    """Days since 1970."""

    @property
    def holder(self) -> str:
        """Who acts with it, for records: the agent, or the key's name."""
        return self.agent or f"key {self.name}"


class Keys:
    """The keys of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def issue(
        self, *, name: str, scopes: Collection[Scope], agent: str | None = None, lifetime: float | None = None
    ) -> str:
        """Store a new key and return it, the only time that anybody sees it.

        Args:
            name: what it is for.
            scopes: what it allows.
            agent: bare JID of the agent that gets it.
            lifetime: seconds until it expires; None: it does not.

        Raises:
            RefusedError: a key that allows nothing, or without a name.
            StoreError: the database failed.
        """
        if not scopes or not name:
            raise RefusedError("scopes" if name else "name", "must not be empty")
        key = PREFIX + secrets.token_urlsafe(_BYTES)
        now = self._clock.now()
        row = {
            "sha256": sha256_hex(key.encode()),
            "id": secrets.token_hex(8),
            "name": name[:200],
            "agent": agent,
            "scopes": " ".join(sorted(scopes)),
            "created_at": now,
            "expires_at": None if lifetime is None else now + int(lifetime * MICROSECONDS),
        }
        await self._database.write(lambda connection: connection.execute(insert(api_key).values(row)))
        return key

    async def check(self, key: str) -> ApiKey:
        """Return what a key allows.

        Raises:
            KeyRefusedError: it is unknown, expired or revoked.
            StoreError: the database failed.
        """
        digest = sha256_hex(key[: MAX_KEY + 1].encode("utf-8", "replace"))
        row = await self._database.read(lambda connection: _find(connection, digest))
        # The index compares digests, which tell an attacker nothing about the key; this compares in constant time.
        if row is None or not hmac.compare_digest(row["sha256"], digest):
            raise KeyRefusedError("the API key is not known")
        found = _key_of(row)
        now = self._clock.now()
        if found.revoked_at is not None or (found.expires_at is not None and found.expires_at <= now):
            raise KeyRefusedError("the API key is revoked or expired")
        await self._note_use(digest, found, now // _DAY)
        return found

    async def _note_use(self, digest: str, key: ApiKey, day: int) -> None:
        if key.last_used_day == day:
            return
        work = update(api_key).where(api_key.c.sha256 == digest).values(last_used_day=day)
        await self._database.write(lambda connection: connection.execute(work))

    async def revoke(self, id: str) -> None:
        """Refuse a key from now on.

        Raises:
            RefusedError: there is no such key that is still good.
            StoreError: the database failed.
        """
        done = update(api_key).where(api_key.c.id == id, api_key.c.revoked_at.is_(None))
        values = done.values(revoked_at=self._clock.now())
        if not await self._database.write(lambda connection: connection.execute(values).rowcount):
            raise RefusedError("id", f"{id[:64]} is not the id of a key that is in use")

    async def revoke_agent(self, agent: str) -> int:
        """Refuse all keys of an agent from now on; returns how many there were.

        Raises:
            StoreError: the database failed.
        """
        theirs = update(api_key).where(api_key.c.agent == agent, api_key.c.revoked_at.is_(None))
        values = theirs.values(revoked_at=self._clock.now())
        return await self._database.write(lambda connection: connection.execute(values).rowcount)

    async def all(self) -> list[ApiKey]:
        """Return every key that was ever issued, oldest first.

        Raises:
            StoreError: the database failed.
        """
        query = _columns().order_by(api_key.c.created_at, api_key.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_key_of(row) for row in rows]


def _columns() -> Select[tuple[object, ...]]:
    return select(*api_key.c)


def _find(connection: Connection, digest: str) -> RowMapping | None:
    return connection.execute(_columns().where(api_key.c.sha256 == digest)).mappings().one_or_none()


def _key_of(row: RowMapping) -> ApiKey:
    names = ("id", "name", "agent", "created_at", "expires_at", "revoked_at", "last_used_day")
    # A scope of a later release allows nothing here.
    scopes = frozenset(scope for scope in Scope if scope.value in row["scopes"].split())
    return ApiKey(scopes=scopes, **{name: row[name] for name in names})
