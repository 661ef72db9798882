"""Set-up links: good once, for an hour, and the first one only as long as nobody is there."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.roles import UserRole
from registry.setup_links import LIFETIME, SetupLinks, SetupRefusedError
from registry.user_tables import setup_link
from registry.users import Users
from vedette.clock import ManualClock
from vedette.errors import RefusedError

BY = Actor(who="command line root", origin="command line")


@pytest.fixture
def links(database: Database, clock: ManualClock) -> SetupLinks:
    return SetupLinks(database=database, clock=clock)


@pytest.fixture
def users(database: Database, clock: ManualClock) -> Users:
    return Users(database=database, clock=clock)


async def use(links: SetupLinks, token: str, name: str = "anna") -> None:
    await links.use(token, name=name, password_hash="hash", origin="192.0.2.1")


async def refused(links: SetupLinks, token: str) -> None:
    with pytest.raises(SetupRefusedError, match="vedette users setup-link"):
        await links.check(token)
    with pytest.raises(SetupRefusedError, match="vedette users setup-link"):
        await use(links, token, "mallory")


async def test_a_link_makes_one_administrator_and_is_used_up(
    links: SetupLinks, users: Users, database: Database
) -> None:
    token = await links.make(by=BY, only_first=True)
    rows = await database.read(lambda connection: connection.execute(select(setup_link)).all())
    assert token not in repr(rows)
    await links.check(token)
    await use(links, token)
    await refused(links, token)
    assert [(user.name, user.role) for user in await users.all()] == [("anna", "admin")]


async def test_many_at_the_same_moment_make_one(links: SetupLinks, users: Users) -> None:
    token = await links.make(by=BY)
    results = await asyncio.gather(*(use(links, token, f"u{n}") for n in range(10)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, SetupRefusedError)] == [None]
    assert len(await users.all()) == 1


async def test_a_link_ends_after_an_hour_and_with_the_next_one(links: SetupLinks, clock: ManualClock) -> None:
    first = await links.make(by=BY)
    second = await links.make(by=BY)
    await refused(links, first)
    clock.advance(LIFETIME - 1)
    await links.check(second)
    clock.advance(1)
    await refused(links, second)


async def test_the_first_one_ends_as_soon_as_there_is_an_administrator(links: SetupLinks, users: Users) -> None:
    token = await links.make(by=BY, only_first=True)
    await users.add(name="viewer", role=UserRole.VIEWER, password_hash="hash", by=BY)
    await links.check(token)
    await users.add(name="boss", role=UserRole.ADMIN, password_hash="hash", by=BY)
    await refused(links, token)


async def test_a_later_one_gives_a_person_access_back(links: SetupLinks, users: Users) -> None:
    await users.add(name="boss", role=UserRole.ADMIN, password_hash="hash", by=BY)
    await users.add(name="anna", role=UserRole.VIEWER, password_hash="old", by=BY)
    await users.disable("anna", by=BY)
    await use(links, await links.make(by=BY))
    found = await users.find("anna")
    assert found is not None
    assert (found[0].role, found[0].disabled_at, found[1]) == ("admin", None, "hash")


async def test_a_name_that_cannot_be_used_leaves_the_link_good(links: SetupLinks) -> None:
    token = await links.make(by=BY)
    with pytest.raises(RefusedError, match="name"):
        await use(links, token, "not a name")
    await use(links, token)


async def test_another_token_is_refused(links: SetupLinks) -> None:
    await links.make(by=BY)
    for token in ("", "x", "\0", "\ud800", "A" * 43, "x" * 100_000):
        await refused(links, token)


async def test_making_and_using_one_is_in_the_audit_log(
    links: SetupLinks, database: Database, clock: ManualClock
) -> None:
    token = await links.make(by=BY)
    await use(links, token)
    entries = (await Audit(database=database, clock=clock).page()).entries
    assert [(entry.action, entry.who, entry.object, entry.origin) for entry in entries] == [
        ("user.setup", "set-up link", "user anna", "192.0.2.1"),
        ("setup-link.make", BY.who, "set-up link", "command line"),
    ]
    assert token not in repr(entries)


async def test_a_persons_link_sets_their_password_and_leaves_the_role(
    links: SetupLinks, users: Users, clock: ManualClock
) -> None:
    for name in ("anna", "berta"):
        await users.add(name=name, role=UserRole.VIEWER, password_hash="old", by=BY)
    token = await links.make_for(" Anna ", by=BY)
    with pytest.raises(RefusedError, match="somebody else's"):
        await use(links, token, "berta")
    await use(links, token, "anna")
    await refused(links, token)
    assert [(user.name, user.role) for user in await users.all()] == [("anna", "viewer"), ("berta", "viewer")]
    assert [found and found[1] for found in (await users.find("anna"), await users.find("berta"))] == ["hash", "old"]
    token = await links.make_for("anna", by=BY)
    clock.advance(LIFETIME)
    await refused(links, token)


async def test_a_persons_link_ends_when_they_are_disabled_or_get_a_password(links: SetupLinks, users: Users) -> None:
    await users.add(name="anna", role=UserRole.VIEWER, password_hash="old", by=BY)
    await users.add(name="root", role=UserRole.ADMIN, password_hash="old", by=BY)
    first = await links.make(by=BY)
    token = await links.make_for("anna", by=BY)
    await users.disable("anna", by=BY)
    await users.enable("anna", by=BY)
    await refused(links, token)
    token = await links.make_for("anna", by=BY)
    await users.set_role("anna", UserRole.OPERATOR, by=BY)
    await links.check(token)
    await users.set_password("anna", "new", by=BY)
    await refused(links, token)
    await links.check(first)
    for name in ("nobody", "a\0b"):
        with pytest.raises(RefusedError, match="nobody called"):
            await links.make_for(name, by=BY)
