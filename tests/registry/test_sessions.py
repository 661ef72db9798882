"""Sessions: kept as a hash, ended by time, logout and rotation, never begun on an old password."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, func, select, update

from registry.audit import Audit
from registry.callers import Actor, CallerKind, Scope
from registry.database import Database
from registry.roles import UserRole
from registry.sessions import MOST, SessionRefusedError, Sessions, SessionTimes
from registry.user_tables import user_account, user_session
from registry.users import User, Users
from vedette.canonical import sha256_hex
from vedette.clock import ManualClock
from vedette.errors import StoreError

T = TypeVar("T")

BY = Actor(who="command line root", origin="command line")
TIMES = SessionTimes(idle=600, lifetime=3600)


@pytest.fixture
def sessions(database: Database, clock: ManualClock) -> Sessions:
    return Sessions(database=database, clock=clock, times=TIMES)


@pytest.fixture
def users(database: Database, clock: ManualClock) -> Users:
    return Users(database=database, clock=clock)


@pytest.fixture
async def anna(users: Users) -> User:
    return await users.add(name="anna", role=UserRole.OPERATOR, password_hash="hash", by=BY)


async def start(sessions: Sessions, user: User, **more: str) -> str:
    return await sessions.start(user, **{"verified": "hash", "origin": "192.0.2.1", **more})


async def count(database: Database) -> int:
    query = select(func.count()).select_from(user_session)
    return await database.read(lambda connection: int(connection.execute(query).scalar_one()))


async def test_a_session_says_who_and_what(sessions: Sessions, anna: User, database: Database) -> None:
    token = await start(sessions, anna)
    caller = await sessions.check(token)
    assert (caller.kind, caller.id, caller.holder) == (CallerKind.USER, anna.id, "user anna")
    assert caller.scopes == {Scope.READ, Scope.OPERATE}
    rows = await database.read(lambda connection: connection.execute(select(user_session)).all())
    assert [(row.sha256, row.id) for row in rows] == [(sha256_hex(token.encode()), caller.session)]
    assert token not in repr(rows)


async def test_an_unknown_one_is_refused(sessions: Sessions, anna: User) -> None:
    await start(sessions, anna)
    for token in ("", "x", "\0", "\ud800", "A" * 43, "x" * 100_000):
        with pytest.raises(SessionRefusedError):
            await sessions.check(token)


async def test_it_ends_when_nobody_uses_it(sessions: Sessions, anna: User, clock: ManualClock) -> None:
    token = await start(sessions, anna)
    for _ in range(4):
        clock.advance(TIMES.idle - 1)
        await sessions.check(token)
    clock.advance(TIMES.idle)
    with pytest.raises(SessionRefusedError, match="ended"):
        await sessions.check(token)


async def test_it_ends_in_any_case(sessions: Sessions, anna: User, clock: ManualClock) -> None:
    token = await start(sessions, anna)
    for _ in range(int(TIMES.lifetime) // 300 - 1):
        clock.advance(300)
        await sessions.check(token)
    clock.advance(300)
    with pytest.raises(SessionRefusedError, match="ended"):
        await sessions.check(token)


async def test_a_login_ends_the_session_that_the_browser_was_in(sessions: Sessions, anna: User) -> None:
    first = await start(sessions, anna)
    other = await start(sessions, anna)
    second = await start(sessions, anna, instead_of=first)
    assert first != second
    with pytest.raises(SessionRefusedError):
        await sessions.check(first)
    assert (await sessions.check(second)).name == (await sessions.check(other)).name == "anna"


async def test_a_logout_ends_it_and_may_be_repeated(sessions: Sessions, anna: User) -> None:
    token = await start(sessions, anna)
    for _ in range(2):
        await sessions.end(token, origin="192.0.2.1")
        with pytest.raises(SessionRefusedError):
            await sessions.check(token)


async def test_login_and_logout_are_in_the_audit_log(
    sessions: Sessions, anna: User, database: Database, clock: ManualClock
) -> None:
    token = await start(sessions, anna)
    session = (await sessions.check(token)).session
    await sessions.end(token, origin="192.0.2.9")
    entries = (await Audit(database=database, clock=clock).page(limit=2)).entries
    assert [(entry.action, entry.who, entry.origin, entry.object) for entry in entries] == [
        ("logout", "user anna", "192.0.2.9", f"session {session}"),
        ("login", "user anna", "192.0.2.1", f"session {session}"),
    ]
    assert token not in repr(entries)


async def test_none_begins_on_a_password_that_was_changed_meanwhile(
    sessions: Sessions, users: Users, anna: User, database: Database
) -> None:
    await users.set_password("anna", "newer", by=BY)
    with pytest.raises(SessionRefusedError, match="changed"):
        await start(sessions, anna)
    await start(sessions, anna, verified="newer")
    assert await count(database) == 1


async def test_none_begins_for_who_was_disabled_meanwhile(
    sessions: Sessions, users: Users, anna: User, database: Database
) -> None:
    await users.disable("anna", by=BY)
    with pytest.raises(SessionRefusedError):
        await start(sessions, anna)
    assert await count(database) == 0


async def test_one_that_a_disabled_person_still_had_is_refused(
    sessions: Sessions, anna: User, database: Database, clock: ManualClock
) -> None:
    token = await start(sessions, anna)
    # As a backup that was restored may have it.
    disabled = update(user_account).values(disabled_at=clock.now())
    await database.write(lambda connection: connection.execute(disabled))
    with pytest.raises(SessionRefusedError):
        await sessions.check(token)


class _FullDisk(Database):
    """A store that can be read only."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        raise StoreError("the disk is full")


async def test_a_store_that_cannot_be_written_throws_nobody_out(
    sessions: Sessions, anna: User, store_url: str, clock: ManualClock
) -> None:
    token = await start(sessions, anna)
    clock.advance(120)
    with _FullDisk(store_url) as full:
        assert (await Sessions(database=full, clock=clock, times=TIMES).check(token)).name == "anna"


async def test_a_login_may_raise_the_hash(sessions: Sessions, users: Users, anna: User) -> None:
    await start(sessions, anna, rehashed="stronger")
    found = await users.find("anna")
    assert found is not None
    assert found[1] == "stronger"
    assert found[0].last_login_at is not None
    assert found[0].password_changed_at == anna.password_changed_at


async def test_sessions_of_one_person_are_bounded_and_old_ones_go(
    sessions: Sessions, anna: User, database: Database, clock: ManualClock
) -> None:
    tokens = []
    for _ in range(MOST + 3):
        tokens.append(await start(sessions, anna))
        clock.advance(1)
    assert await count(database) == MOST
    with pytest.raises(SessionRefusedError):
        await sessions.check(tokens[2])
    assert (await sessions.check(tokens[3])).name == "anna"
    clock.advance(TIMES.idle)
    await start(sessions, anna)
    assert await count(database) == 1
