"""API keys of machines: 256 random bits, shown once, kept as SHA-256.

A random key needs no slow hash: guessing 2^256 is out of reach, and each request would cost 0.2 s of argon2.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF, Actor, Caller, CallerKind, Scope
from registry.database import Database
from registry.fresh import Fresh
from registry.key_tables import api_key
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import RefusedError, StoreError, VedetteError
from vedette.log import logger

__all__ = ["FRESH", "MAX_KEY", "PREFIX", "ApiKey", "KeyRefusedError", "Keys", "Scope"]

PREFIX = "vdt_"
"""What every key begins with, so that secret scanners know it."""

MAX_KEY = 256
"""Characters of what is looked at as a key."""

MAX_NAME = 100
"""Characters of a key's name."""

FRESH = 1.0
"""Seconds that a look-up may be old: how long a key that another process revoked still works."""

_BYTES = 32
_DAY = 86_400 * MICROSECONDS


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

    @property
    def caller(self) -> Caller:
        """Who asks with it."""
        return Caller(kind=CallerKind.KEY, id=self.id, name=self.name, holder=self.holder, scopes=self.scopes)

    def is_good(self, now: int) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Keys:
    """The keys of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: Fresh[ApiKey] = Fresh(seconds=FRESH, clock=clock)
        self._log = logger("keys")

    async def issue(
        self,
        *,
        name: str,
        scopes: Collection[Scope],
        agent: str | None = None,
        lifetime: float | None = None,
        by: Actor = ITSELF,
    ) -> str:
        """Store a new key and return it, the only time that anybody sees it.

        Args:
            name: what it is for.
            scopes: what it allows.
            agent: bare JID of the agent that gets it.
            lifetime: seconds until it expires; None: it does not.
            by: who issues it.

        Raises:
            RefusedError: a key that allows nothing, or whose name is empty, too long or cannot be read.
            StoreError: the database failed.
        """
        key, _ = await self.make(name=name, scopes=scopes, agent=agent, lifetime=lifetime, by=by)
        return key

    async def make(
        self,
        *,
        name: str,
        scopes: Collection[Scope],
        agent: str | None = None,
        lifetime: float | None = None,
        by: Actor = ITSELF,
    ) -> tuple[str, ApiKey]:
        """Do what `issue` does, and return what is known of the key beside it.

        Raises:
            RefusedError: a key that allows nothing, or whose name is empty, too long or cannot be read.
            StoreError: the database failed.
        """
        _check_wish(name, scopes)
        key = PREFIX + secrets.token_urlsafe(_BYTES)
        now = self._clock.now()
        row = {
            "sha256": sha256_hex(key.encode()),
            "id": secrets.token_hex(8),
            "name": name,
            "agent": agent,
            "scopes": " ".join(sorted(scopes)),
            "created_at": now,
            "expires_at": None if lifetime is None else now + int(lifetime * MICROSECONDS),
        }
        detail = f"{name}; scopes {row['scopes']}" + ("" if agent is None else f"; for {agent}")

        def work(connection: Connection) -> None:
            connection.execute(insert(api_key).values(row))
            record_audit(connection, _entry(by, "key.issue", str(row["id"]), detail), now=now)

        await self._database.write(work)
        return key, key_of({**row, "revoked_at": None, "last_used_day": None})

    async def check(self, key: str) -> ApiKey:
        """Return what a key allows; a look-up serves for up to `FRESH` seconds.

        Raises:
            KeyRefusedError: it is unknown, expired or revoked.
            StoreError: the database failed.
        """
        digest = sha256_hex(key[: MAX_KEY + 1].encode("utf-8", "replace"))
        found = self._known.get(digest) or await self._look_up(digest)
        if not found.is_good(self._clock.now()):
            raise KeyRefusedError("the API key is revoked or expired")
        return found

    async def _look_up(self, digest: str) -> ApiKey:
        asked_at = self._clock.monotonic()
        row = await self._database.read(lambda connection: _find(connection, digest))
        # The index compares digests, which tell an attacker nothing about the key; this compares in constant time.
        if row is None or not hmac.compare_digest(row["sha256"], digest):
            raise KeyRefusedError("the API key is not known")
        found = key_of(row)
        now = self._clock.now()
        if found.is_good(now):
            found = await self._note_use(digest, found, now // _DAY)
            self._known.put(digest, found, since=asked_at)
        return found

    async def _note_use(self, digest: str, key: ApiKey, day: int) -> ApiKey:
        if key.last_used_day == day:
            return key
        work = update(api_key).where(api_key.c.sha256 == digest).values(last_used_day=day)
        try:
            await self._database.write(lambda connection: connection.execute(work))
        except StoreError as error:
            # A full disk must not keep those out who only read.
            self._log.warning("the last use of a key was not noted", id=key.id, reason=str(error))
        return replace(key, last_used_day=day)

    async def revoke(self, id: str, *, by: Actor = ITSELF) -> None:
        """Refuse a key from now on; other processes do so within `FRESH` seconds.

        Raises:
            RefusedError: there is no such key that is still good.
            StoreError: the database failed.
        """
        now = self._clock.now()
        done = update(api_key).where(api_key.c.id == id, api_key.c.revoked_at.is_(None)).values(revoked_at=now)

        def work(connection: Connection) -> bool:
            found = connection.execute(done).rowcount > 0
            if found:
                record_audit(connection, _entry(by, "key.revoke", id), now=now)
            return found

        known = await self._database.write(work)
        self._known.clear()
        if not known:
            raise RefusedError("id", f"{id[:64]} is not the id of a key that is in use")

    async def revoke_agent(self, agent: str, *, by: Actor = ITSELF) -> int:
        """Refuse all keys of an agent from now on; returns how many there were.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()
        theirs = update(api_key).where(api_key.c.agent == agent, api_key.c.revoked_at.is_(None))
        done = theirs.values(revoked_at=now).returning(api_key.c.id)

        def work(connection: Connection) -> int:
            ids = connection.execute(done).scalars().all()
            for id in sorted(ids):
                record_audit(connection, _entry(by, "key.revoke", id, f"all keys of {agent}"), now=now)
            return len(ids)

        count = await self._database.write(work)
        self._known.clear()
        return count

    async def all(self) -> list[ApiKey]:
        """Return every key that was ever issued, oldest first.

        Raises:
            StoreError: the database failed.
        """
        query = _columns().order_by(api_key.c.created_at, api_key.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [key_of(row) for row in rows]


def _check_wish(name: str, scopes: Collection[Scope]) -> None:
    if not scopes or not name:
        raise RefusedError("scopes" if name else "name", "must not be empty")
    if len(name) > MAX_NAME or not name.isprintable():
        raise RefusedError("name", f"must be at most {MAX_NAME} characters that can be read")


def _entry(by: Actor, action: str, id: str, detail: str = "") -> AuditEntry:
    return AuditEntry(who=by.who, action=action, object=f"key {id}", origin=by.origin, detail=detail)


def _columns() -> Select[tuple[object, ...]]:
    return select(*api_key.c)


def _find(connection: Connection, digest: str) -> RowMapping | None:
    return connection.execute(_columns().where(api_key.c.sha256 == digest)).mappings().one_or_none()


def key_of(row: Mapping[Any, Any]) -> ApiKey:
    """Return what a row of the table says of a key."""
    names = ("id", "name", "agent", "created_at", "expires_at", "revoked_at", "last_used_day")
    # A scope of a later release allows nothing here.
    scopes = frozenset(scope for scope in Scope if scope.value in row["scopes"].split())
    return ApiKey(scopes=scopes, **{name: row[name] for name in names})
