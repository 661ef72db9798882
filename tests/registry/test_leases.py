"""What one process does at a time is taken over when it dies, and only then."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from behaviours.stand_in import GRACE, StandIn
from registry.database import Database
from registry.duties import Duties, Duty
from registry.intake import Intake
from registry.lease_tables import lease
from registry.leases import Leases, live_engines
from tests.registry.conftest import Sender
from tests.registry.pool import DatabasePool
from vedette.clock import ManualClock
from vedette.errors import StoreError

ONE, TWO, THREE = "one@localhost", "two@localhost", "three@localhost"
LONG = 3600.0


@pytest.fixture
def shared_url(postgres_stores: DatabasePool) -> Iterator[str]:
    """The URL of a store that several processes may write to."""
    with postgres_stores.lend() as url:
        yield url


@pytest.fixture
def shared(shared_url: str) -> Iterator[Database]:
    """That store, open."""
    with Database(shared_url) as database:
        yield database


async def begin(database: Database, *engines: str) -> None:
    """Give engines a chain with an item each."""
    for engine in engines:
        intake = Intake(database=database, engine=engine, clock=ManualClock(now=1))
        await intake.open()
        await intake.commit([Sender().deliver(count=1)])


def leases(database: Database, engine: str, *, life: str = "a", seconds: float = LONG) -> Leases:
    return Leases(database=database, engine=engine, life=life, duties=tuple(Duty), seconds=seconds)


async def end(database: Database, holder: str) -> None:
    """Let what somebody holds end, as time does."""
    ended = update(lease).where(lease.c.holder.startswith(holder)).values(until=1)
    await database.write(lambda connection: connection.execute(ended) and None)


async def test_a_live_engine_is_left_alone_and_a_dead_one_is_adopted_until_it_is_back(shared: Database) -> None:
    await begin(shared, ONE, TWO)
    one, two = leases(shared, ONE), leases(shared, TWO)
    await two.renew()
    assert (await one.renew()).engines == (ONE,)

    await end(shared, TWO)
    assert (await one.renew()).engines == (ONE, TWO)
    assert await shared.read(live_engines) == {ONE}

    assert (await two.renew()).engines == (TWO,)
    assert (await one.renew()).engines == (ONE,)
    assert await shared.read(live_engines) == {ONE, TWO}


async def test_an_engine_without_a_log_is_not_adopted(shared: Database) -> None:
    await Intake(database=shared, engine=TWO, clock=ManualClock(now=1)).open()
    assert (await leases(shared, ONE).renew()).engines == (ONE,)


async def test_an_engine_that_never_held_anything_is_adopted_by_one_only(shared: Database) -> None:
    await begin(shared, ONE, TWO, THREE)
    one, two = leases(shared, ONE), leases(shared, TWO)
    first, second = await asyncio.gather(one.renew(), two.renew())
    assert sorted([*first.engines, *second.engines]).count(THREE) == 1


async def test_a_duty_is_one_engines_until_it_gives_it_back(shared: Database) -> None:
    await begin(shared, ONE, TWO)
    one, two = leases(shared, ONE), leases(shared, TWO)
    assert (await one.renew()).duties == set(Duty)
    assert (await two.renew()).duties == set()
    assert (await one.renew()).duties == set(Duty)
    await one.give_back()
    held = await two.renew()
    assert held.duties == set(Duty)
    assert held.engines == (TWO, ONE)


async def test_an_engine_that_starts_again_has_at_once_what_it_had(shared: Database) -> None:
    await begin(shared, ONE, TWO)
    await leases(shared, ONE, life="a").renew()
    again = await leases(shared, ONE, life="b").renew()
    assert again.duties == set(Duty)
    assert not again.usurped


async def test_two_processes_of_one_name_are_told(shared: Database) -> None:
    await begin(shared, ONE)
    first, second = leases(shared, ONE, life="a"), leases(shared, ONE, life="b")
    await first.renew()
    assert not (await second.renew()).usurped
    assert (await first.renew()).usurped


async def test_a_name_that_begins_like_another_one_is_another_engine(shared: Database) -> None:
    await begin(shared, "e_1@localhost", "ex1@localhost")
    await leases(shared, "ex1@localhost").renew()
    held = await leases(shared, "e_1@localhost").renew()
    assert held.engines == ("e_1@localhost",)
    assert held.duties == set()


async def test_a_database_clock_that_was_put_back_does_not_keep_a_lease_for_ever(shared: Database) -> None:
    await begin(shared, ONE, TWO)
    await leases(shared, TWO).renew()
    far = update(lease).values(until=2**62)
    await shared.write(lambda connection: connection.execute(far) and None)
    assert (await leases(shared, ONE).renew()).engines == (ONE, TWO)


async def test_many_engines_that_renew_at_once_never_do_the_same(shared_url: str, shared: Database) -> None:
    engines = [f"engine-{number}@localhost" for number in range(4)]
    await begin(shared, *engines, "gone@localhost")
    opened = [Database(shared_url) for _ in engines]
    for one in opened:
        one.open()
    try:
        mine = [leases(one, engine) for one, engine in zip(opened, engines, strict=True)]
        await asyncio.gather(*(one.renew() for one in mine))
        for _ in range(5):
            held = await asyncio.gather(*(one.renew() for one in mine))
            assert sum("gone@localhost" in one.engines for one in held) == 1
            assert sum(len(one.duties) for one in held) == len(Duty)
            assert [one.engines[0] for one in held] == engines
    finally:
        for one in opened:
            one.close()


async def test_sqlite_has_one_process_which_does_everything(migrated_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_file, path)
    with Database(f"sqlite:///{path}") as database:
        await begin(database, ONE, TWO)
        held = await leases(database, ONE).renew()
        assert (held.engines, held.duties) == ((ONE,), set(Duty))
        count = select(func.count()).select_from(lease)
        assert await database.read(lambda connection: connection.execute(count).scalar_one()) == 0


async def test_who_cannot_renew_does_nothing_for_others(shared_url: str) -> None:
    clock, duties = ManualClock(now=1), Duties(ONE, leased=True)
    database = Database(shared_url)
    with database:
        await begin(database, ONE, TWO)
        standing = StandIn(clock=clock, leases=leases(database, ONE), duties=duties)
        assert not duties.has(Duty.RENEWAL)
        await standing.renew()
        # The other one may be about to start.
        assert (duties.adopted, duties.has(Duty.RENEWAL)) == ((), True)
        clock.advance(GRACE)
        await standing.renew()
        assert (duties.adopted, duties.has(Duty.RENEWAL)) == ((TWO,), True)
        assert "Stands in for two@localhost" in standing.notes()[0]
    with pytest.raises(StoreError):
        await standing.renew()
    assert (duties.engines, duties.has(Duty.RENEWAL)) == ((ONE,), False)
