"""API keys: shown once, kept as a hash, refused when revoked or expired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select

from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.key_tables import api_key
from registry.keys import FRESH, PREFIX, KeyRefusedError, Keys, Scope
from tests.timing import bound
from vedette.canonical import sha256_hex
from vedette.clock import ManualClock
from vedette.errors import RefusedError, StoreError

T = TypeVar("T")

AGENT = "probe@localhost"


@pytest.fixture
def keys(database: Database, clock: ManualClock) -> Keys:
    return Keys(database=database, clock=clock)


async def test_a_key_is_random_and_only_its_hash_is_stored(keys: Keys, database: Database) -> None:
    first = await keys.issue(name="a", scopes=[Scope.INGEST], agent=AGENT)
    second = await keys.issue(name="b", scopes=[Scope.READ, Scope.INGEST])
    assert first != second
    assert first.startswith(PREFIX)
    assert len(first) - len(PREFIX) >= 43
    rows = await database.read(lambda connection: connection.execute(select(api_key)).all())
    assert {row.sha256 for row in rows} == {sha256_hex(first.encode()), sha256_hex(second.encode())}
    assert first not in repr(rows)


async def test_a_good_key_says_who_and_what(keys: Keys, clock: ManualClock) -> None:
    key = await keys.issue(name="a", scopes=[Scope.INGEST], agent=AGENT)
    found = await keys.check(key)
    assert (found.agent, found.holder, found.scopes) == (AGENT, AGENT, frozenset({Scope.INGEST}))
    (listed,) = await keys.all()
    assert listed.last_used_day == clock.now() // 86_400_000_000


@pytest.mark.parametrize("change", ["x", "", None])
async def test_another_key_is_refused(keys: Keys, change: str | None) -> None:
    key = await keys.issue(name="a", scopes=[Scope.INGEST])
    wrong = "" if change is None else key[:-1] + change if change == "" else key + change
    with pytest.raises(KeyRefusedError):
        await keys.check(wrong)
    with pytest.raises(KeyRefusedError):
        await keys.check("\ud800" * 10_000)


async def test_an_expired_key_is_refused_from_that_moment(keys: Keys, clock: ManualClock) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ], lifetime=60)
    clock.advance(59)
    await keys.check(key)
    clock.advance(1)
    with pytest.raises(KeyRefusedError):
        await keys.check(key)


async def test_revoking_works_once_and_for_all_keys_of_an_agent(keys: Keys) -> None:
    one = await keys.issue(name="a", scopes=[Scope.INGEST], agent=AGENT)
    two = await keys.issue(name="b", scopes=[Scope.INGEST], agent=AGENT)
    other = await keys.issue(name="c", scopes=[Scope.INGEST])
    await keys.revoke((await keys.check(one)).id)
    assert await keys.revoke_agent(AGENT) == 1
    for key in (one, two):
        with pytest.raises(KeyRefusedError):
            await keys.check(key)
    found = await keys.check(other)
    await keys.revoke(found.id)
    with pytest.raises(RefusedError):
        await keys.revoke(found.id)


async def test_a_revocation_by_another_process_is_seen_within_a_second(
    keys: Keys, database: Database, clock: ManualClock
) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ])
    found = await keys.check(key)
    await Keys(database=database, clock=clock).revoke(found.id)
    assert await keys.check(key) == found
    assert FRESH <= 1.0
    clock.advance(FRESH)
    with pytest.raises(KeyRefusedError):
        await keys.check(key)


async def test_a_look_up_that_ran_while_a_key_was_revoked_is_not_kept(
    keys: Keys, database: Database, clock: ManualClock
) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ])
    id = (await keys.check(key)).id
    clock.advance(FRESH)
    revoked = asyncio.create_task(keys.revoke(id))
    await asyncio.gather(*(keys.check(key) for _ in range(20)), revoked, return_exceptions=True)
    with pytest.raises(KeyRefusedError):
        await keys.check(key)


async def test_a_key_expires_at_its_moment_even_while_its_look_up_is_fresh(keys: Keys, clock: ManualClock) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ], lifetime=FRESH / 2)
    await keys.check(key)
    clock.advance(FRESH / 2)
    with pytest.raises(KeyRefusedError):
        await keys.check(key)


async def test_a_check_costs_microseconds(keys: Keys) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ])
    await keys.check(key)
    started = time.thread_time()
    for _ in range(1000):
        await keys.check(key)
    # 100 microseconds each.
    assert time.thread_time() - started < bound(0.1)


class _FullDisk(Database):
    """A store that can be read only."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        raise StoreError("the disk is full")


async def test_a_store_that_cannot_be_written_keeps_no_reader_out(
    keys: Keys, store_url: str, clock: ManualClock
) -> None:
    key = await keys.issue(name="a", scopes=[Scope.READ])
    with _FullDisk(store_url) as full:
        assert (await Keys(database=full, clock=clock).check(key)).name == "a"


async def test_making_and_revoking_a_key_is_in_the_audit_log_without_the_key(
    keys: Keys, database: Database, clock: ManualClock
) -> None:
    by = Actor(who="user anna", origin="192.0.2.1")
    key = await keys.issue(name="feeds", scopes=[Scope.READ], by=by)
    id = (await keys.all())[0].id
    await keys.revoke(id, by=by)
    entries = (await Audit(database=database, clock=clock).page()).entries
    assert [(entry.action, entry.who, entry.origin, entry.object) for entry in entries] == [
        ("key.revoke", "user anna", "192.0.2.1", f"key {id}"),
        ("key.issue", "user anna", "192.0.2.1", f"key {id}"),
    ]
    assert key not in repr(entries)
    assert "feeds; scopes read" in entries[1].detail


async def test_a_name_that_cannot_be_read_in_a_list_is_refused(keys: Keys) -> None:
    for name in ("a\nb", "a\0b", "x" * 101, "\u202efeeds"):
        with pytest.raises(RefusedError, match="name"):
            await keys.issue(name=name, scopes=[Scope.READ])


async def test_a_key_that_allows_nothing_is_not_made(keys: Keys) -> None:
    with pytest.raises(RefusedError, match="scopes"):
        await keys.issue(name="a", scopes=[])
    with pytest.raises(RefusedError, match="name"):
        await keys.issue(name="", scopes=[Scope.READ])
