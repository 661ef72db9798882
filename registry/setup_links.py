"""The way in for who has no password yet, or no more: a link that is good once, for an hour."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor
from registry.database import Database
from registry.roles import UserRole
from registry.user_tables import setup_link, user_account
from registry.users import end_sessions, has_admin, insert_user, user_entry
from vedette.access.rules import check_name, normal_name
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import RefusedError, VedetteError

LIFETIME = 3600
"""Seconds that a link is good."""

_BYTES = 32
_MAX_TOKEN = 128


class SetupRefusedError(VedetteError):
    """A set-up link is unknown, used, expired, or not needed any more; make another on the hub's machine."""


class SetupLinks:
    """The set-up links of a store: at most one that makes an administrator, and one for each person."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def make(self, *, by: Actor, only_first: bool = False) -> str:
        """Return the token of a new link that makes an administrator; the older one ends.

        Args:
            by: who makes it.
            only_first: whether it ends when there is an administrator.

        Raises:
            StoreError: the database failed.
        """
        return await self._make(None, by=by, only_first=only_first)

    async def make_for(self, name: str, *, by: Actor) -> str:
        """Return the token of a new link with which a person chooses a password; the person's older one ends.

        The role stays as it is, and so does the present password until the link is used.

        Raises:
            RefusedError: there is no such person, or they are disabled.
            StoreError: the database failed.
        """
        return await self._make(normal_name(name), by=by, only_first=False)

    async def _make(self, name: str | None, *, by: Actor, only_first: bool) -> str:
        token, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        row = {
            "sha256": _digest(token),
            "created_at": now,
            "expires_at": now + LIFETIME * MICROSECONDS,
            "only_first": only_first,
        }

        def work(connection: Connection) -> None:
            user_id = None if name is None else _person(connection, name)
            connection.execute(delete(setup_link).where(setup_link.c.user_id.is_not_distinct_from(user_id)))
            connection.execute(insert(setup_link).values(row | {"user_id": user_id}))
            target = "set-up link" if name is None else f"user {name}"
            entry = AuditEntry(who=by.who, action="setup-link.make", object=target, origin=by.origin)
            record_audit(connection, entry, now=now)

        await self._database.write(work)
        return token

    async def check(self, token: str) -> None:
        """Check that a link is good; it stays so.

        Raises:
            SetupRefusedError: it is not.
            StoreError: the database failed.
        """
        now = self._clock.now()
        if await self._database.read(lambda connection: _good(connection, token, now)) is None:
            raise _refused()

    async def use(self, token: str, *, name: str, password_hash: str, origin: str) -> None:
        """Do what the link is for: a new password for its person, or an administrator; the link is used up.

        Raises:
            SetupRefusedError: the link is not good, or somebody used it at this moment.
            RefusedError: the name cannot be used, or is not that of the link's person.
            StoreError: the database failed.
        """
        checked, now = check_name(name), self._clock.now()

        def work(connection: Connection) -> bool:
            link = _good(connection, token, now)
            if link is None:
                return False
            if link["user_id"] is not None and link["name"] != checked:
                raise RefusedError("name", "this link is somebody else's; type the name that came with it")
            used = delete(setup_link).where(setup_link.c.sha256 == _digest(token))
            if not connection.execute(used).rowcount:
                return False
            if link["user_id"] is not None:
                _write(connection, checked, {"password_hash": password_hash, "password_changed_at": now})
                detail = "a new password"
            else:
                again = _make_admin(connection, checked, password_hash, now)
                detail = "a new password and the role admin for somebody known" if again else "a new administrator"
            by = Actor(who="set-up link", origin=origin)
            record_audit(connection, user_entry(by, "user.setup", checked, detail), now=now)
            return True

        if not await self._database.write(work):
            raise _refused()


def _make_admin(connection: Connection, name: str, password_hash: str, now: int) -> bool:
    """Write an administrator; returns whether the name was known."""
    values = {
        "role": UserRole.ADMIN.value,
        "password_hash": password_hash,
        "password_changed_at": now,
        "disabled_at": None,
    }
    again = _write(connection, name, values)
    if not again:
        insert_user(connection, name=name, role=UserRole.ADMIN, password_hash=password_hash, now=now)
    return again


def _write(connection: Connection, name: str, values: Mapping[str, object]) -> bool:
    """Change a person and end their sessions; returns whether there is one."""
    change = update(user_account).where(user_account.c.name == name).values(**values)
    found = connection.execute(change).rowcount > 0
    if found:
        end_sessions(connection, name)
    return found


def _person(connection: Connection, name: str) -> str:
    # PostgreSQL refuses a NUL even in a question.
    query = select(user_account.c.id, user_account.c.disabled_at).where(user_account.c.name == name)
    row = connection.execute(query).one_or_none() if name.isprintable() else None
    if row is None:
        raise RefusedError("name", f"there is nobody called {name[:64]}; see: vedette users list")
    if row.disabled_at is not None:
        raise RefusedError("name", f"{name} may not log in; run: vedette users enable {name}")
    return str(row.id)


def _good(connection: Connection, token: str, now: int) -> RowMapping | None:
    """Return a link that is good, with its person's name; None where it is not."""
    columns = (setup_link.c.expires_at, setup_link.c.only_first, setup_link.c.user_id)
    query = select(*columns, user_account.c.name, user_account.c.disabled_at)
    joined = query.select_from(setup_link.outerjoin(user_account)).where(setup_link.c.sha256 == _digest(token))
    row: RowMapping | None = connection.execute(joined).mappings().one_or_none()
    if row is None or now >= row["expires_at"] or row["disabled_at"] is not None:
        return None
    return None if row["only_first"] and has_admin(connection) else row


def _digest(token: str) -> str:
    return sha256_hex(token[: _MAX_TOKEN + 1].encode("utf-8", "replace"))


def _refused() -> SetupRefusedError:
    return SetupRefusedError("the set-up link is not good any more; make another: vedette users setup-link")
