"""People who may log in: names, roles, hashes of passwords; every change in the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, ScalarSelect, delete, func, insert, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Actor, Scope
from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.listing import Order, Page, read_page
from registry.roles import UserRole, scopes_of
from registry.user_tables import setup_link, user_account, user_session
from vedette.access.rules import check_name, normal_name
from vedette.clock import Clock
from vedette.errors import RefusedError

USERS: Final = Order(name="users", columns=(user_account.c.name,), kinds=(str,), descending=False)
"""By name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """What is known of a person who may log in."""

    id: str
    """Random; stays when everything else changes."""
    name: str
    """What the person types."""
    role: str
    """A `UserRole`, or one of a later release, which allows nothing here."""
    created_at: int
    """Microseconds since 1970."""
    password_changed_at: int
    """Microseconds since 1970."""
    disabled_at: int | None
    """Microseconds since 1970; None: may log in."""
    last_login_at: int | None
    """Microseconds since 1970."""

    @property
    def holder(self) -> str:
        """Who it is, for records."""
        return f"user {self.name}"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the person may do."""
        return scopes_of(self.role) if self.disabled_at is None else frozenset()


class Users:
    """The people of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, *, name: str, role: UserRole, password_hash: str, by: Actor) -> User:
        """Let a person log in.

        Raises:
            RefusedError: the name cannot be used, or is taken.
            StoreError: the database failed.
        """
        checked, now = check_name(name), self._clock.now()

        def work(connection: Connection) -> User:
            if _row(connection, checked) is not None:
                raise RefusedError("name", f"{checked} is taken; choose another, or set a new password for it")
            user = insert_user(connection, name=checked, role=role, password_hash=password_hash, now=now)
            record_audit(connection, user_entry(by, "user.add", user.name, f"role {role}"), now=now)
            return user

        try:
            return await self._database.write(work)
        except ConcurrentWriteError as error:
            raise RefusedError("name", f"{checked} was taken at this moment; choose another") from error

    async def set_role(self, name: str, role: UserRole, *, by: Actor) -> None:
        """Change what a person may do; who is logged in must log in again.

        Raises:
            RefusedError: there is no such person, or no administrator would be left.
            StoreError: the database failed.
        """
        await self._change(name, {"role": role.value}, action="user.role", detail=f"role {role}", by=by)

    async def set_password(self, name: str, password_hash: str, *, by: Actor) -> None:
        """Change a person's password and end every session of theirs.

        Raises:
            RefusedError: there is no such person.
            StoreError: the database failed.
        """
        values = {"password_hash": password_hash, "password_changed_at": self._clock.now()}
        await self._change(name, values, action="user.password", by=by, end_link=True)

    async def disable(self, name: str, *, by: Actor) -> None:
        """Keep a person out from now on; what they did stays theirs.

        Raises:
            RefusedError: there is no such person, or no administrator would be left.
            StoreError: the database failed.
        """
        values = {"disabled_at": self._clock.now()}
        await self._change(name, values, action="user.disable", by=by, end_link=True)

    async def enable(self, name: str, *, by: Actor) -> None:
        """Let a person log in again.

        Raises:
            RefusedError: there is no such person.
            StoreError: the database failed.
        """
        await self._change(name, {"disabled_at": None}, action="user.enable", by=by)

    async def end_sessions(self, name: str, *, by: Actor) -> None:
        """Log a person out everywhere; their password stays.

        Raises:
            RefusedError: there is no such person.
            StoreError: the database failed.
        """
        # Every change of an account ends its sessions; this one changes nothing else.
        await self._change(name, {"name": normal_name(name)}, action="user.end-sessions", by=by)

    async def find(self, name: str) -> tuple[User, str] | None:
        """Return a person and the hash of their password, None where there is nobody of this name.

        Raises:
            StoreError: the database failed.
        """
        row = await self._database.read(lambda connection: _row(connection, normal_name(name)))
        return None if row is None else (_user(row), str(row["password_hash"]))

    async def all(self) -> list[User]:
        """Return everybody, by name.

        Raises:
            StoreError: the database failed.
        """
        query = select(*user_account.c).order_by(user_account.c.name)
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [_user(row) for row in rows]

    async def page(self, *, limit: int, cursor: str | None = None) -> Page[User]:
        """Return people by name, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = select(*user_account.c)
        return await self._database.read(
            lambda connection: read_page(connection, query, order=USERS, limit=limit, cursor=cursor, row=_user)
        )

    async def has_admin(self) -> bool:
        """Tell whether somebody can manage the fleet.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(has_admin)

    async def _change(
        self,
        name: str,
        values: Mapping[str, object],
        *,
        action: str,
        by: Actor,
        detail: str = "",
        end_link: bool = False,
    ) -> None:
        now, wanted = self._clock.now(), normal_name(name)

        def work(connection: Connection) -> None:
            had_admin = _lock_admins(connection)
            change = update(user_account).where(user_account.c.name == wanted).values(**values)
            if not connection.execute(change).rowcount:
                raise RefusedError("name", f"there is nobody called {wanted[:64]}; see: vedette users list")
            if had_admin and not has_admin(connection):
                raise RefusedError("name", f"{wanted} is the only administrator; make another one first")
            end_sessions(connection, wanted)
            if end_link:
                connection.execute(delete(setup_link).where(setup_link.c.user_id == _id_of(wanted)))
            record_audit(connection, user_entry(by, action, wanted, detail), now=now)

        await self._database.write(work)


def insert_user(connection: Connection, *, name: str, role: UserRole, password_hash: str, now: int) -> User:
    """Write a new person, within a transaction."""
    values: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "name": name,
        "role": role.value,
        "created_at": now,
        "password_changed_at": now,
        "disabled_at": None,
        "last_login_at": None,
    }
    connection.execute(insert(user_account).values(password_hash=password_hash, **values))
    return User(**values)


def end_sessions(connection: Connection, name: str) -> None:
    """End every session of a person, within a transaction."""
    connection.execute(delete(user_session).where(user_session.c.user_id == _id_of(name)))


def has_admin(connection: Connection) -> bool:
    """Tell whether an administrator can log in, within a transaction."""
    query = select(func.count()).where(
        user_account.c.role == UserRole.ADMIN.value, user_account.c.disabled_at.is_(None)
    )
    return bool(connection.execute(query).scalar_one())


def _lock_admins(connection: Connection) -> bool:
    """Tell the same, and keep other processes from changing them: each could take the other's last administrator."""
    query = select(user_account.c.disabled_at).where(user_account.c.role == UserRole.ADMIN.value)
    rows = connection.execute(query.order_by(user_account.c.id).with_for_update()).scalars().all()
    return any(disabled_at is None for disabled_at in rows)


def user_entry(by: Actor, action: str, name: str, detail: str = "") -> AuditEntry:
    """Return the entry for what is done to a person."""
    return AuditEntry(who=by.who, action=action, object=f"user {name}", origin=by.origin, detail=detail)


def _id_of(name: str) -> ScalarSelect[str]:
    return select(user_account.c.id).where(user_account.c.name == name).scalar_subquery()


def _row(connection: Connection, name: str) -> RowMapping | None:
    # PostgreSQL refuses a NUL even in a question.
    if "\0" in name or not name.isprintable():
        return None
    return connection.execute(select(*user_account.c).where(user_account.c.name == name)).mappings().one_or_none()


def _user(row: RowMapping) -> User:
    return User(**{name: row[name] for name in User.__dataclass_fields__})
