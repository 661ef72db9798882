"""Logging in: throttled, the same time for unknown names, every success and a bounded number of failures recorded."""

from __future__ import annotations

import hmac
import math
from collections import deque
from dataclasses import dataclass

from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from registry.sessions import SessionRefusedError, Sessions
from registry.setup_links import SetupLinks, SetupRefusedError
from registry.users import User, Users
from vedette.access.password_hash import device_mark
from vedette.access.rules import MAX_PASSWORD, check_name, check_password, normal_name, normal_password
from vedette.access.throttle import LoginThrottle, Place
from vedette.clock import Clock
from vedette.errors import VedetteError
from vedette.log import logger
from web.api.hashing import Hashing
from web.api.origins import throttled_network
from web.api.problems import ProblemError

LISTED_FAILURES = 10
"""Failed logins that the audit log lists within a minute; it says how many more there were."""

_MINUTE = 60.0


class LoginRefusedError(VedetteError):
    """A name and password are not those of somebody who may log in. Which of it is wrong is nobody's business."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """Somebody who wants to log in."""

    name: str
    """What they typed."""
    password: str
    """What they typed."""
    origin: str
    """Address of the browser."""
    device: str | None = None
    """What the browser kept from an earlier login."""
    session: str | None = None
    """Token of the session that the browser is in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedIn:
    """Somebody who logged in."""

    session: str
    """Token of the new session."""
    device: str
    """What the browser keeps, to be known again."""


class Logins:
    """Lets people log in, and change their passwords."""

    def __init__(self, *, users: Users, sessions: Sessions, audit: Audit, hashing: Hashing, clock: Clock) -> None:
        self._users = users
        self._sessions = sessions
        self._hashing = hashing
        self._throttle = LoginThrottle(clock=clock)
        self._failures = _Failures(audit=audit, clock=clock)

    async def log_in(self, attempt: Attempt) -> LoggedIn:
        """Return the new session of who gave the right name and password.

        Raises:
            LoginRefusedError: the name or password is wrong, or the person was disabled.
            ProblemError: 429 too many attempts failed, 503 too many are made at this moment.
            StoreError: the database failed.
        """
        user, stored = await self._check(attempt)
        rehashed = await self._rehashed(stored, attempt.password)
        return await self._enter(user, stored, attempt, rehashed=rehashed)

    async def change_password(self, attempt: Attempt, new: str) -> LoggedIn:
        """Change the password of who knows the old one; every session of theirs ends but a new one.

        Raises:
            RefusedError: the new password is not a good one.
            LoginRefusedError: the old password is wrong.
            ProblemError: 429 too many attempts failed, 503 too many are made at this moment.
            StoreError: the database failed.
        """
        checked = check_password(new, name=attempt.name)
        user, _ = await self._check(attempt)
        stored = await self._hashing.hash(checked)
        await self._users.set_password(user.name, stored, by=Actor(who=user.holder, origin=attempt.origin))
        return await self._enter(user, stored, attempt)

    async def set_up(self, attempt: Attempt, *, link: str, links: SetupLinks) -> LoggedIn:
        """Make an administrator by a set-up link, and log them in.

        Raises:
            SetupRefusedError: the link is not good.
            RefusedError: the name or the password cannot be used.
            ProblemError: 503 too many wait for a hash at this moment.
            StoreError: the database failed.
        """
        name = check_name(attempt.name)
        password = check_password(attempt.password, name=name)
        # Before the hash, which is dear: strangers have no good link.
        await links.check(link)
        stored = await self._hashing.hash(password)
        await links.use(link, name=name, password_hash=stored, origin=attempt.origin)
        found = await self._users.find(name)
        if found is None:
            raise SetupRefusedError("the account was changed at this moment; make another link")
        return await self._enter(found[0], stored, attempt)

    async def _enter(self, user: User, stored: str, attempt: Attempt, *, rehashed: str | None = None) -> LoggedIn:
        try:
            session = await self._sessions.start(
                user, verified=stored, origin=attempt.origin, instead_of=attempt.session, rehashed=rehashed
            )
        except SessionRefusedError as error:
            raise LoginRefusedError(str(error)) from error
        return LoggedIn(session=session, device=device_mark(rehashed or stored, user=user.id))

    async def _check(self, attempt: Attempt) -> tuple[User, str]:
        name = normal_name(attempt.name)
        found = await self._users.find(name)
        known = found is not None and _is_device(attempt.device, *found)
        places = _places(attempt, name, known=known)
        wait = self._throttle.begin(places)
        if wait > 0:
            seconds = math.ceil(wait)
            detail = f"too many attempts failed; wait {seconds} s and try again"
            raise ProblemError(429, detail, headers={"Retry-After": str(seconds)})
        # Too long a password is none; it is not hashed, but takes as long to refuse.
        long = len(attempt.password) > MAX_PASSWORD
        password = "" if long else normal_password(attempt.password)
        refused = found is None or found[0].disabled_at is not None or long
        stored = None if refused or found is None else found[1]
        try:
            right = await self._hashing.verify(stored, password, known=known)
        except ProblemError:
            # It was not looked at, so it did not fail.
            self._throttle.succeeded(places)
            raise
        if found is None or not right:
            await self._failures.note(None if found is None else found[0].name, attempt.origin)
            raise LoginRefusedError("the name or the password is wrong")
        self._throttle.succeeded(places)
        return found

    async def _rehashed(self, stored: str, password: str) -> str | None:
        if not self._hashing.is_outdated(stored):
            return None
        return await self._hashing.hash(normal_password(password))


def _is_device(device: str | None, user: User, stored: str) -> bool:
    mark = device_mark(stored, user=user.id)
    return device is not None and hmac.compare_digest(device.encode("utf-8", "replace"), mark.encode())


def _places(attempt: Attempt, name: str, *, known: bool) -> list[tuple[Place, str]]:
    if known:
        return [(Place.DEVICE, name)]
    return [(Place.ADDRESS, throttled_network(attempt.origin)), (Place.ACCOUNT, name)]


class _Failures:
    """Records failed logins: some in the audit log, all as a number, so that a guesser cannot fill the store."""

    def __init__(self, *, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._listed: deque[float] = deque(maxlen=LISTED_FAILURES)
        self._more = 0
        self._log = logger("login")

    async def note(self, name: str | None, origin: str) -> None:
        now = self._clock.monotonic()
        if len(self._listed) == LISTED_FAILURES and now - self._listed[0] < _MINUTE:
            self._more += 1
            return
        more, self._more = self._more, 0
        self._listed.append(now)
        # People type their password where the name belongs, so unknown names are not kept.
        who = "an unknown name" if name is None else f"user {name}"
        detail = f"{more} further failed logins were not listed before this one" if more else ""
        self._log.warning("a login failed", who=who, origin=origin, unlisted=more)
        entry = AuditEntry(who="somebody", action="login.failed", object=who, origin=origin, detail=detail)
        await self._audit.record(entry)
