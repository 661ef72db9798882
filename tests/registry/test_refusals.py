"""Refusals: kept and counted, and cheap for those who are not refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from registry.database import Database
from registry.refusals import Refusal, Refusals
from vedette.errors import StoreError

T = TypeVar("T")


def refusal(number: int) -> Refusal:
    """A refusal that can be told from others."""
    return Refusal(at=number, sender="probe@localhost", uuid="", field="json", reason=f"number {number}")


class Counting(Database):
    """A database that counts its transactions, and fails when it is told to."""

    writes = 0
    fails = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Write, or fail."""
        if self.fails:
            raise StoreError("the disk is full")
        self.writes += 1
        return await super().write(work)


async def test_refusals_at_the_same_time_share_transactions(store_url: str) -> None:
    with Counting(store_url) as database:
        refusals = Refusals(database=database)
        await asyncio.gather(*(refusals.record([refusal(number)]) for number in range(100)))
        assert await refusals.count() == 100
        assert {one.at for one in await refusals.last()} == set(range(100))
        assert database.writes <= 3


async def test_refusals_that_could_not_be_stored_are_stored_with_the_next(store_url: str) -> None:
    with Counting(store_url) as database:
        refusals = Refusals(database=database)
        database.fails = True
        with pytest.raises(StoreError, match="full"):
            await refusals.record([refusal(1)])
        database.fails = False
        await refusals.record([refusal(2)])
        assert [one.at for one in await refusals.last()] == [2, 1]
        assert await refusals.count() == 2
