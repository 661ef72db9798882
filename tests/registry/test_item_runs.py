"""The run before: of the same check and the same agent, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.database import Database
from registry.intake import Intake
from registry.item_runs import ItemRuns


async def test_the_run_before_is_the_same_agents_newest_one_of_the_check(
    database: Database, intake: Intake, sender: Any, make_sender: Callable[[str], Any]
) -> None:
    other = make_sender("other@localhost")
    first, second, third = (sender.item(check="tls", payload=b"%d" % number) for number in range(3))
    await intake.commit([sender.deliver(first, received_at=10)])
    await intake.commit([other.deliver(other.item(check="tls"), received_at=11)])
    await intake.commit([sender.deliver(sender.item(check="dns"), received_at=12)])
    # Two in one delivery came at the same time: the log tells them apart.
    await intake.commit([sender.deliver(second, third, received_at=13)])

    runs = ItemRuns(database=database)
    before_third, before_second = await runs.before(third.uuid), await runs.before(second.uuid)
    assert before_third is not None
    assert before_second is not None
    assert (before_third.uuid, before_second.uuid) == (second.uuid, first.uuid)
    assert await runs.before(first.uuid) is None


async def test_without_a_check_there_is_no_run_before(database: Database, intake: Intake, sender: Any) -> None:
    items = [sender.item(), sender.item()]
    await intake.commit([sender.deliver(*items)])
    assert await ItemRuns(database=database).before(items[1].uuid) is None
    assert await ItemRuns(database=database).before("00000000-0000-4000-8000-000000000000") is None
