"""When items came: what the timeline says is what counting says, and indexes and tallies find it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from registry import item_sample, item_timeline
from registry.correlation_tables import finding
from registry.database import Database
from registry.intake import Intake
from registry.item_list import ItemsWanted
from registry.item_overview import ItemOverviews
from registry.item_timeline import Timeline
from registry.tally import DAY, HOUR
from registry.time_buckets import MINUTE
from vedette.clock import ManualClock

FOUND = {"identity": "i", "kind": "first-seen", "subject": "s", "family": "f", "at": 1, "engine": "e"}
FOUND |= {"severity": "info", "rule": "", "text": "", "changes": b"[]", "more": 0}


@pytest.fixture
def overviews(database: Database, clock: ManualClock) -> ItemOverviews:
    return ItemOverviews(database=database, clock=clock)


@pytest.fixture(params=[5, 2_000], ids=["many", "few"])
def looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many items may be looked at one by one: with few, tallies and indexes have to say it."""
    for module in (item_sample, item_timeline):
        monkeypatch.setattr(module, "LOOKED_AT", request.param)
    number: int = request.param
    return number


def hours_of(timeline: Timeline | None) -> dict[int, int]:
    """Items by the beginning of their piece, those where some came."""
    assert timeline is not None
    buckets = timeline.buckets
    return {buckets.first + number * buckets.step: items for number, items in enumerate(timeline.items) if items}


async def commit(intake: Intake, sender: Any, times: list[int], **meta: Any) -> None:
    """Commit an item at each of these times."""
    for at in times:
        await intake.commit([sender.deliver(sender.item(**meta), received_at=at)])


async def test_items_are_counted_in_the_hours_in_which_they_came(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, looked_at: int
) -> None:
    start = clock.now() - DAY
    await commit(intake, sender, [start + hour * HOUR for hour in (0, 0, 3, 5, 5, 5)], type="scan", verdict="odd")
    await commit(intake, sender, [start + 5 * HOUR], type="log")

    everything = (await overviews.read(ItemsWanted())).timeline
    scans = (await overviews.read(ItemsWanted(type="scan"))).timeline
    assert everything is not None
    assert sum(everything.items) == 7
    assert everything.counted_since is None
    if looked_at == 5:
        assert hours_of(everything) == {start: 2, start + 3 * HOUR: 1, start + 5 * HOUR: 4}
        assert hours_of(scans) == {start: 2, start + 3 * HOUR: 1, start + 5 * HOUR: 3}
    assert scans is not None
    assert (sum(scans.items), scans.findings) == (6, None)


async def test_items_of_a_clock_that_was_put_back_are_not_hidden(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, looked_at: int
) -> None:
    ahead = clock.now() + 3 * DAY
    await commit(intake, sender, [clock.now() - DAY, *([ahead] * 6)], type="scan")
    for wanted in ({}, {"type": "scan"}):
        timeline = (await overviews.read(ItemsWanted(**wanted))).timeline
        assert timeline is not None
        assert sum(timeline.items) == 7, looked_at


async def test_a_short_time_is_cut_into_minutes(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, looked_at: int
) -> None:
    start = clock.now() - 3 * HOUR
    await commit(intake, sender, [start + minute * MINUTE for minute in (0, 0, 7, 30, 31, 31, 31, 61)], type="scan")
    for wanted in ({}, {"type": "scan"}):
        overview = await overviews.read(ItemsWanted(since=start, until=start + HOUR, **wanted))
        assert overview.timeline is not None
        assert overview.timeline.buckets.step == MINUTE
        minutes = {(at - start) // MINUTE: items for at, items in hours_of(overview.timeline).items()}
        assert minutes == {0: 2, 7: 1, 30: 1, 31: 3}, looked_at


async def test_of_a_time_that_is_too_full_only_the_newest_count_and_it_says_so(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (item_sample, item_timeline):
        monkeypatch.setattr(module, "LOOKED_AT", 2)
    monkeypatch.setattr(item_timeline, "MAX_TIMES", 4)
    start = clock.now() - HOUR
    await commit(intake, sender, [start + minute * MINUTE for minute in range(10)], type="scan", check="tls")
    timeline = (await overviews.read(ItemsWanted(since=start))).timeline
    assert timeline is not None
    assert (sum(timeline.items), timeline.counted_since) == (4, start + 6 * MINUTE)
    both = (await overviews.read(ItemsWanted(type="scan", check="tls"))).timeline
    assert both is not None
    assert (sum(both.items), both.counted_since) == (2, start + 8 * MINUTE)


async def test_findings_stand_beside_all_items_only(
    database: Database, overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, looked_at: int
) -> None:
    start = clock.now() - DAY
    await commit(intake, sender, [start + hour * HOUR for hour in range(8)], type="scan")
    rows = [FOUND | {"found_at": start + hour * HOUR} for hour in (1, 1, 4)]
    await database.write(lambda connection: connection.execute(insert(finding), rows))
    timeline = (await overviews.read(ItemsWanted())).timeline
    assert timeline is not None
    assert timeline.findings is not None
    assert sum(timeline.findings) == 3, looked_at
    assert (await overviews.read(ItemsWanted(type="scan"))).timeline.findings is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("since", "until"), [(2**62, None), (None, -(2**62)), (9, 9), (10, 9), (-(2**63), 2**63 - 1), (None, 2**63 - 1)]
)
async def test_whatever_time_is_asked_for_there_is_an_answer(
    overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock, since: int | None, until: int | None
) -> None:
    await commit(intake, sender, [5, clock.now()])
    for wanted in ({}, {"type": "scan"}, {"target": "nowhere"}):
        timeline = (await overviews.read(ItemsWanted(since=since, until=until, **wanted))).timeline
        assert timeline is None or timeline.buckets.number <= 96


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that read tallies or times."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if re.search(r"FROM (item_tally|item\b|finding)", statement):
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, parameters: Any) -> str:
    """Return how the database finds what a statement asks for."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        return "\n".join(row[3] for row in rows)
    # In a small table reading all of it is cheapest: what counts is whether it can be done without.
    connection.execute(text("SET enable_seqscan = off"))
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
    return "\n".join(row[0] for row in rows)


async def test_nothing_is_counted_by_reading_all_of_it(
    database: Database, overviews: ItemOverviews, intake: Intake, sender: Any, clock: ManualClock
) -> None:
    now = clock.now()
    await commit(intake, sender, [now - 2 * DAY, now - DAY, now], type="scan", target="a")
    with statements() as seen, pytest.MonkeyPatch.context() as patched:
        for module in (item_sample, item_timeline):
            patched.setattr(module, "LOOKED_AT", 1)
        for wanted in ({}, {"type": "scan"}, {"since": now - HOUR}, {"since": now - 30 * DAY}, {"target": "a"}):
            await overviews.read(ItemsWanted(**wanted))
        await overviews.targets("a")
        await overviews.named("a")
    plans = await database.read(
        lambda connection: [(statement, plan(connection, statement, given)) for statement, given in seen]
    )
    assert len(plans) > 20
    assert [one for one in plans if re.search(r"Seq Scan|SCAN (item|finding|item_tally)(?! USING)", one[1])] == []
