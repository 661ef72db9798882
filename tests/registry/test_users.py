"""People: added, changed, disabled; never without an administrator; every change recorded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, select, update

from registry.audit import Audit
from registry.callers import Actor, Scope
from registry.database import Database
from registry.roles import SCOPES, UserRole, scopes_of
from registry.sessions import SessionRefusedError, Sessions
from registry.user_tables import user_account, user_session
from registry.users import Users
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.errors import RefusedError

BY = Actor(who="command line root", origin="command line")


@pytest.fixture
def users(database: Database, clock: ManualClock) -> Users:
    return Users(database=database, clock=clock)


@pytest.fixture
def sessions(database: Database, clock: ManualClock) -> Sessions:
    return Sessions(database=database, clock=clock)


async def add(users: Users, name: str = "anna", role: UserRole = UserRole.ADMIN) -> None:
    await users.add(name=name, role=role, password_hash="hash", by=BY)


def test_each_role_may_do_what_its_name_says() -> None:
    assert scopes_of("viewer") == {Scope.READ}
    assert scopes_of("operator") == {Scope.READ, Scope.OPERATE}
    assert scopes_of("ingest") == {Scope.INGEST}
    assert scopes_of("admin") == set(Scope)
    assert scopes_of("emperor") == frozenset()
    assert set(SCOPES) == set(UserRole)


async def test_a_person_is_found_by_name_however_it_is_typed(users: Users) -> None:
    await add(users, "Anna")
    found = await users.find(" ANNA ")
    assert found is not None
    user, stored = found
    assert (user.name, user.holder, user.scopes, stored) == ("anna", "user anna", frozenset(Scope), "hash")
    assert stored not in repr(user)


async def test_nobody_else_is(users: Users) -> None:
    await add(users)
    for name in ("bert", "", "\0", "anna\0", "\ud800", "a" * 10_000, "' OR 1=1 --"):
        assert await users.find(name) is None


async def test_a_name_is_given_once(users: Users) -> None:
    await add(users)
    with pytest.raises(RefusedError, match="taken"):
        await add(users, "ANNA")
    results = await asyncio.gather(*(add(users, "bert") for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["RefusedError"] * 4


@pytest.mark.parametrize("change", ["role", "password", "disable", "enable"])
async def test_every_change_ends_the_sessions_and_is_recorded(
    users: Users, sessions: Sessions, database: Database, clock: ManualClock, change: str
) -> None:
    await add(users, "boss")
    await add(users, "anna", UserRole.OPERATOR)
    await add(users, "bert")
    tokens = {}
    for name in ("anna", "bert"):
        found = await users.find(name)
        assert found is not None
        tokens[name] = await sessions.start(found[0], verified="hash", origin="192.0.2.1")
    changes: dict[str, Callable[[], Awaitable[None]]] = {
        "role": lambda: users.set_role("anna", UserRole.VIEWER, by=BY),
        "password": lambda: users.set_password("anna", "other", by=BY),
        "disable": lambda: users.disable("anna", by=BY),
        "enable": lambda: users.enable("anna", by=BY),
    }
    await changes[change]()
    with pytest.raises(SessionRefusedError):
        await sessions.check(tokens["anna"])
    assert (await sessions.check(tokens["bert"])).name == "bert"
    (entry, *_) = (await Audit(database=database, clock=clock).page()).entries
    assert (entry.who, entry.action, entry.object) == (BY.who, f"user.{change}", "user anna")
    assert "other" not in repr(entry)


async def test_the_only_administrator_stays_one(users: Users, sessions: Sessions) -> None:
    await add(users)
    await add(users, "bert", UserRole.VIEWER)
    with pytest.raises(RefusedError, match="only administrator"):
        await users.disable("anna", by=BY)
    with pytest.raises(RefusedError, match="only administrator"):
        await users.set_role("anna", UserRole.VIEWER, by=BY)
    found = await users.find("anna")
    assert found is not None
    assert found[0].role == "admin"
    await users.set_role("bert", UserRole.ADMIN, by=BY)
    await users.disable("anna", by=BY)
    assert await users.has_admin()


async def test_two_processes_do_not_take_each_others_last_administrator(
    users: Users, database: Database, store_url: str
) -> None:
    await add(users)
    await add(users, "bert")
    begun, done = threading.Event(), threading.Event()

    def disable_bert(connection: Connection) -> None:
        connection.execute(update(user_account).where(user_account.c.name == "bert").values(disabled_at=1))
        begun.set()
        done.wait(PATIENCE)

    with Database(store_url) as other:
        theirs = asyncio.create_task(other.write(disable_bert))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        ours = asyncio.create_task(users.disable("anna", by=BY))
        # It has to wait for the other one; where it does not, it is done by then.
        await asyncio.wait({ours}, timeout=0.5)
        done.set()
        await theirs
        with pytest.raises(RefusedError, match="only administrator"):
            await ours
    assert await users.has_admin()


async def test_a_refused_change_ends_no_session(users: Users, sessions: Sessions) -> None:
    await add(users)
    found = await users.find("anna")
    assert found is not None
    token = await sessions.start(found[0], verified="hash", origin="")
    with pytest.raises(RefusedError):
        await users.disable("anna", by=BY)
    assert (await sessions.check(token)).name == "anna"


async def test_who_is_not_there_cannot_be_changed(users: Users) -> None:
    with pytest.raises(RefusedError, match="nobody called"):
        await users.disable("anna", by=BY)


async def test_a_disabled_person_may_do_nothing_until_enabled(users: Users) -> None:
    await add(users, "boss")
    await add(users)
    await users.disable("anna", by=BY)
    found = await users.find("anna")
    assert found is not None
    assert found[0].scopes == frozenset()
    await users.enable("anna", by=BY)
    assert [user.scopes for user in await users.all()] == [frozenset(Scope)] * 2


async def test_sessions_of_nobody_are_left(users: Users, sessions: Sessions, database: Database) -> None:
    await add(users)
    found = await users.find("anna")
    assert found is not None
    await sessions.start(found[0], verified="hash", origin="")
    await users.set_password("anna", "other", by=BY)
    assert await database.read(lambda connection: connection.execute(select(user_session)).all()) == []


async def test_people_are_listed_by_name_a_page_at_a_time(users: Users) -> None:
    for name in ("cleo", "anna", "bob"):
        await add(users, name)
    first = await users.page(limit=2)
    assert [user.name for user in first.rows] == ["anna", "bob"]
    last = await users.page(limit=2, cursor=first.next)
    assert ([user.name for user in last.rows], last.next) == (["cleo"], None)
    with pytest.raises(RefusedError, match="cursor"):
        await users.page(limit=1, cursor="bm90aGluZw")
