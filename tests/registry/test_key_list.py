"""The list of API keys: in pages, newest first."""

from __future__ import annotations

import pytest

from registry.database import Database
from registry.key_list import KeyList
from registry.keys import Keys, Scope
from vedette.clock import ManualClock
from vedette.errors import RefusedError


async def test_the_list_goes_on_where_it_ended_newest_first_and_without_those_that_ended(
    database: Database, clock: ManualClock
) -> None:
    keys, listed = Keys(database=database, clock=clock), KeyList(database=database, clock=clock)
    # Two of each time: the order must tell them apart.
    for number in range(6):
        await keys.issue(name=str(number), scopes=[Scope.READ], lifetime=1 if number == 2 else None)
        clock.advance(number % 2)
    first = await listed.page(limit=4)
    assert [key.name[0] in "5432" for key in first.rows] == [True] * 4
    assert first.previous is None
    second = await listed.page(limit=4, cursor=first.next)
    assert {key.name for key in second.rows} == {"0", "1"}
    assert (await listed.page(limit=4, cursor=second.previous)).rows == first.rows
    await keys.revoke(first.rows[0].id)
    gone = {first.rows[0].name, "2"}
    assert await listed.count_ended() == 2
    assert {key.name for key in (await listed.page(ended=False, limit=9)).rows} == set("012345") - gone
    with pytest.raises(RefusedError, match="cursor"):
        await listed.page(limit=1, cursor="bm90aGluZw")
