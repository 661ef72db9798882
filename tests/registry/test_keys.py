"""API keys: shown once, kept as a hash, refused when revoked or expired."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry.database import Database
from registry.key_tables import api_key
from registry.keys import PREFIX, KeyRefusedError, Keys, Scope
from vedette.canonical import sha256_hex
from vedette.clock import ManualClock
from vedette.errors import RefusedError

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


async def test_a_key_that_allows_nothing_is_not_made(keys: Keys) -> None:
    with pytest.raises(RefusedError, match="scopes"):
        await keys.issue(name="a", scopes=[])
    with pytest.raises(RefusedError, match="name"):
        await keys.issue(name="", scopes=[Scope.READ])
