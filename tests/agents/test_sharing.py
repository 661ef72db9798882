"""Two engines on one PostgreSQL: they share the items, and one takes over what the other leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from ejabberd.embedded import EmbeddedServer
from registry import tables
from tests.agents.station import Station, Until, make_item
from tests.registry.postgresql import postgres_sql, postgres_url
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role


@pytest.fixture
async def shared(xmpp: EmbeddedServer, tmp_path: Path, postgres_folder: Path) -> AsyncIterator[Station]:
    """A station whose store is a PostgreSQL database."""
    name = f"t{uuid4().hex}"
    postgres_sql(postgres_folder, f"CREATE DATABASE {name}")
    station = Station(server=xmpp, folder=tmp_path, store_url=postgres_url(postgres_folder, name))
    station.database.migrate()
    station.database.open()
    yield station
    await station.close()
    postgres_sql(postgres_folder, f"DROP DATABASE {name} WITH (FORCE)")


async def _stored_by_chain(station: Station) -> dict[int, int]:
    query = select(tables.item.c.chain_id, func.count()).group_by(tables.item.c.chain_id)
    rows = await station.database.read(lambda connection: connection.execute(query).all())
    return {chain: count for chain, count in rows}


async def test_items_are_shared_and_a_dead_engines_share_moves_to_the_other(
    shared: Station, until: Until, authority: LocalAuthority
) -> None:
    await shared.start_hub(authority)
    second = await shared.start_engine("second", authority)

    async def both_live() -> bool:
        return len(await shared.directory.live(Role.AGGREGATION)) == 2

    await until(both_live)
    sender = await shared.sender()
    checks = [f"check-{number}" for number in range(40)]
    await sender.observe(*[make_item(check=check) for check in checks for _ in range(5)])
    await until(lambda: sender.delivering.counters["confirmed"] == 200)
    before = await _stored_by_chain(shared)
    assert len(before) == 2
    assert min(before.values()) >= 40

    await second.stop()
    await sender.observe(*[make_item(check=check) for check in checks for _ in range(5)])
    await until(lambda: sender.delivering.counters["confirmed"] == 400)
    after = await _stored_by_chain(shared)
    assert sum(after.values()) == 400
    assert sorted(after[chain] - before[chain] for chain in after) == [0, 200]
    assert (await sender.outbox.status()).items == 0
