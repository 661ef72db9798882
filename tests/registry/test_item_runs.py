"""The runs beside an item: of the same check, agent and target, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.database import Database
from registry.intake import Intake
from registry.item_runs import MAX_AFTER, MAX_BEFORE, ItemRun, ItemRuns, RunsAround


def uuids(runs: tuple[ItemRun, ...]) -> list[str]:
    return [run.uuid for run in runs]


async def test_runs_are_the_same_agents_of_the_same_check_and_target(
    database: Database, intake: Intake, sender: Any, make_sender: Callable[[str], Any]
) -> None:
    other = make_sender("other@localhost")
    first, second, third, last = (sender.item(check="tls", payload=b"%d" % number) for number in range(4))
    await intake.commit([sender.deliver(first, received_at=10)])
    await intake.commit([other.deliver(other.item(check="tls"), received_at=11)])
    await intake.commit(
        [sender.deliver(sender.item(check="dns"), sender.item(check="tls", target="b"), received_at=12)]
    )
    # Two in one delivery came at the same time: the log tells them apart.
    await intake.commit([sender.deliver(second, third, received_at=13)])
    await intake.commit([sender.deliver(last, received_at=14)])

    runs = ItemRuns(database=database)
    around = await runs.around(third.uuid)
    assert around.this is not None
    assert (uuids(around.before), around.this.uuid, uuids(around.after)) == (
        [second.uuid, first.uuid],
        third.uuid,
        [last.uuid],
    )
    around = await runs.around(second.uuid)
    assert (uuids(around.before), uuids(around.after)) == ([first.uuid], [third.uuid, last.uuid])
    assert uuids((await runs.around(first.uuid)).before) == []


async def test_without_a_check_there_are_no_runs(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item(), sender.item()]
    await intake.commit([sender.deliver(*items)])
    assert await ItemRuns(database=database).around(items[1].uuid) == RunsAround()
    assert await ItemRuns(database=database).around("00000000-0000-4000-8000-000000000000") == RunsAround()


async def test_of_many_runs_the_nearest_are_told(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item(check="tls") for _ in range(100)]
    await intake.commit([sender.deliver(*items)])
    around = await ItemRuns(database=database).around(items[60].uuid)
    assert uuids(around.before) == [item.uuid for item in reversed(items[60 - MAX_BEFORE : 60])]
    assert uuids(around.after) == [item.uuid for item in items[61 : 61 + MAX_AFTER]]
