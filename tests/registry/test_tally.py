"""Counting at intake: the tallies are what counting all items would say, whatever is sent, refused or rolled back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from registry import tables
from registry import tally as counting
from registry.database import Database
from registry.intake import Intake
from registry.tally import ALL, DAY, EVER, HOUR, KINDS
from registry.tally_tables import item_tally
from vedette.clock import ManualClock
from vedette.errors import StoreError

MORNING = 1_795_305_600_000_000


def counted(connection: Connection) -> dict[tuple[Any, ...], int]:
    """What the tallies say."""
    return {tuple(row)[:-1]: row.number for row in connection.execute(select(item_tally))}


def count(connection: Connection) -> dict[tuple[Any, ...], int]:
    """What counting all items says."""
    numbers: Counter[tuple[Any, ...]] = Counter()
    for row in connection.execute(select(tables.item)).mappings():
        values = [(ALL, ""), *((kind, row[kind]) for kind in KINDS if row[kind] is not None)]
        for kind, value in values:
            for step in (HOUR, DAY, EVER):
                start = row["received_at"] // step * step if step else 0
                numbers[kind, step, value, start, row["chain_id"]] += 1
    return dict(numbers)


async def agree(database: Database) -> int:
    """Check that the two agree; returns how many rows the tallies have."""
    said, found = await database.read(lambda connection: (counted(connection), count(connection)))
    assert said == found
    return len(said)


async def test_the_tallies_say_what_counting_says(
    database: Database, clock: ManualClock, make_sender: Callable[[str], Any]
) -> None:
    engines = [Intake(database=database, engine=f"engine{number}@localhost", clock=clock) for number in range(2)]
    for engine in engines:
        await engine.open()
    one, other = make_sender("one@localhost"), make_sender("other@localhost")
    items = [
        one.item(type=f"type{number % 3}", check="tls", verdict="as expected" if number % 2 else "deviates")
        for number in range(9)
    ]
    await engines[0].commit([one.deliver(*items[:5], received_at=MORNING), other.deliver(count=2)])
    await engines[1].commit([other.deliver(count=3, received_at=MORNING + HOUR)])
    # The same again is a duplicate, and counts once.
    await engines[0].commit([one.deliver(*items, received_at=MORNING + 2 * DAY)])
    await engines[0].commit([other.deliver(one.item())])
    assert await agree(database) > 0


async def test_what_is_rolled_back_was_never_counted(database: Database, intake: Intake, sender: Any) -> None:
    await intake.commit([sender.deliver(count=3)])
    rows = await agree(database)

    def work(connection: Connection) -> None:
        template = connection.execute(select(tables.item).limit(1)).mappings().one()
        counting.tally(connection, [template], chain_id=template["chain_id"])
        connection.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreError):
        await database.write(work)
    assert await agree(database) == rows


async def test_whoever_invents_values_does_not_fill_the_store(
    database: Database, intake: Intake, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_VALUES", 5)
    for _ in range(2):
        items = [sender.item(type=f"type{number}", check="known") for number in range(4)]
        items += [sender.item(type=sender.item().uuid) for _ in range(3)]
        await intake.commit([sender.deliver(*items)])
    said = await database.read(counted)
    assert len({value for kind, _, value, _, _ in said if kind == "type"}) == 5
    # What was known before goes on being counted, and everything is counted together.
    assert sum(number for (kind, step, *_), number in said.items() if (kind, step) == (ALL, EVER)) == 14
    assert sum(number for (_, step, value, *_), number in said.items() if (step, value) == (EVER, "known")) == 8


async def test_a_text_that_no_index_takes_is_not_counted(database: Database, intake: Intake, sender: Any) -> None:
    await intake.commit([sender.deliver(sender.item(verdict="x" * 600), sender.item(verdict="é" * 512))])
    said = await database.read(counted)
    assert {value for kind, _, value, _, _ in said if kind == "verdict"} == {"é" * 512}
