"""Sessions of people: 256 random bits in a cookie, kept as SHA-256, ended by time, logout or any change."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Update, delete, insert, or_, select, update

from registry.audit import AuditEntry, record_audit
from registry.callers import Caller, CallerKind
from registry.database import Database
from registry.roles import scopes_of
from registry.user_tables import user_account, user_session
from registry.users import User
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS, Clock
from vedette.errors import StoreError, VedetteError
from vedette.log import logger

MOST = 50
"""Sessions of one person; a new one ends the oldest."""

_BYTES = 32
_MAX_TOKEN = 128
_NOTE_EVERY = 60 * MICROSECONDS


class SessionRefusedError(VedetteError):
    """A session is unknown, has ended, or its person may not be here: log in again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionTimes:
    """How long people stay logged in."""

    idle: float = 3600.0
    """Seconds without a request."""
    lifetime: float = 86_400.0
    """Seconds since the login, whatever happens."""


class Sessions:
    """The sessions of a store."""

    def __init__(self, *, database: Database, clock: Clock, times: SessionTimes | None = None) -> None:
        self._database = database
        self._clock = clock
        self._log = logger("sessions")
        times = times or SessionTimes()
        self._idle = int(times.idle * MICROSECONDS)
        self._lifetime = int(times.lifetime * MICROSECONDS)

    async def start(
        self, user: User, *, verified: str, origin: str, instead_of: str | None = None, rehashed: str | None = None
    ) -> str:
        """Return the token of a new session; the one that the browser had before ends (RFC 6265bis, 8.4).

        Args:
            user: who logged in.
            verified: the stored hash that the password was checked against.
            origin: address of the browser.
            instead_of: the token of the session that it had.
            rehashed: the password's hash with today's parameters, where it had others.

        Raises:
            SessionRefusedError: the password was changed or the person disabled at this moment.
            StoreError: the database failed.
        """
        token, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        account = {"last_login_at": now, "password_hash": rehashed or verified}
        row = {
            "sha256": _digest(token),
            "id": secrets.token_hex(8),
            "user_id": user.id,
            "origin": origin,
            "created_at": now,
            "seen_at": now,
        }

        def work(connection: Connection) -> None:
            if not connection.execute(_unchanged(user.id, verified).values(**account)).rowcount:
                raise SessionRefusedError("the password was changed at this moment; log in again")
            self._tidy(connection, now)
            if instead_of is not None:
                connection.execute(delete(user_session).where(user_session.c.sha256 == _digest(instead_of)))
            _make_room(connection, user.id)
            connection.execute(insert(user_session).values(row))
            record_audit(connection, _entry(user.holder, "login", str(row["id"]), origin), now=now)

        await self._database.write(work)
        return token

    async def check(self, token: str) -> Caller:
        """Return whose session it is.

        Raises:
            SessionRefusedError: it is unknown, has ended, or the person was disabled.
            StoreError: the database failed.
        """
        row = await self._database.read(lambda connection: _find(connection, _digest(token)))
        now = self._clock.now()
        if row is None or row["disabled_at"] is not None:
            raise SessionRefusedError("the session is not known; log in again")
        if now >= row["created_at"] + self._lifetime or now >= row["seen_at"] + self._idle:
            raise SessionRefusedError("the session has ended; log in again")
        if now - row["seen_at"] >= _NOTE_EVERY:
            await self._note_use(row, now)
        return _caller(row)

    async def _note_use(self, row: RowMapping, now: int) -> None:
        work = update(user_session).where(user_session.c.sha256 == row["sha256"]).values(seen_at=now)
        try:
            await self._database.write(lambda connection: connection.execute(work))
        except StoreError as error:
            # Who looks why the disk is full must not be kept out by it.
            self._log.warning("the use of a session was not noted", id=row["id"], reason=str(error))

    async def end(self, token: str, *, origin: str) -> None:
        """End a session; harmless when it has ended.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> None:
            row = _find(connection, _digest(token))
            if row is not None:
                connection.execute(delete(user_session).where(user_session.c.sha256 == row["sha256"]))
                caller = _caller(row)
                record_audit(connection, _entry(caller.holder, "logout", str(row["id"]), origin), now=now)

        await self._database.write(work)

    def _tidy(self, connection: Connection, now: int) -> None:
        ended = or_(user_session.c.created_at <= now - self._lifetime, user_session.c.seen_at <= now - self._idle)
        connection.execute(delete(user_session).where(ended))


def _unchanged(user: str, verified: str) -> Update:
    same = user_account.c.id == user, user_account.c.password_hash == verified, user_account.c.disabled_at.is_(None)
    return update(user_account).where(*same)


def _make_room(connection: Connection, user: str) -> None:
    newest_first = user_session.c.created_at.desc(), user_session.c.id
    others = select(user_session.c.sha256).where(user_session.c.user_id == user).order_by(*newest_first)
    too_many = connection.execute(others.offset(MOST - 1)).scalars().all()
    if too_many:
        connection.execute(delete(user_session).where(user_session.c.sha256.in_(too_many)))


def _digest(token: str) -> str:
    return sha256_hex(token[: _MAX_TOKEN + 1].encode("utf-8", "replace"))


def _find(connection: Connection, digest: str) -> RowMapping | None:
    own = ("sha256", "id", "user_id", "created_at", "seen_at")
    columns = [
        *(user_session.c[name] for name in own),
        *(user_account.c[name] for name in ("name", "role", "disabled_at")),
    ]
    query = select(*columns).join(user_account, user_account.c.id == user_session.c.user_id)
    return connection.execute(query.where(user_session.c.sha256 == digest)).mappings().one_or_none()


def _caller(row: RowMapping) -> Caller:
    return Caller(
        kind=CallerKind.USER,
        id=row["user_id"],
        name=row["name"],
        holder=f"user {row['name']}",
        scopes=scopes_of(row["role"]),
        session=row["id"],
    )


def _entry(who: str, action: str, session: str, origin: str) -> AuditEntry:
    return AuditEntry(who=who, action=action, object=f"session {session}", origin=origin)
