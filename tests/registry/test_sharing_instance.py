"""The fleet's instance: one for ever, however many ask for the first time at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

from registry.database import Database
from registry.sharing_instance import instance_of


async def test_it_is_made_once_and_stays(store_url: str) -> None:
    with Database(store_url) as one, Database(store_url) as other:
        found = await asyncio.gather(*(instance_of(each) for each in (one, other, one, other)))
    with Database(store_url) as again:
        later = await instance_of(again)

    assert set(found) == {later}
    assert later.version == 4


async def test_what_is_configured_counts(database: Database) -> None:
    configured = UUID("4f1d1c1e-6a0b-4f7e-9d53-0b3a5c2d7e11")

    assert await instance_of(database, configured=configured) == configured
    assert await instance_of(database) != configured
