"""The last item of each agent: the newest that came, by the engine's clock, with one look at the store for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.last_results import LastResults
from vedette.clock import ManualClock
from vedette.messages.card import Role


async def test_the_newest_item_of_each_agent_is_its_last_result(
    database: Database, intake: Intake, clock: ManualClock, make_sender: Callable[[str], Any]
) -> None:
    directory = Directory(database=database, clock=clock)
    senders = [make_sender(f"probe{number}@x") for number in range(3)]
    for sender in senders:
        await directory.enrol(sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text)
    one, other, _ = senders
    newest, alone = one.item(target="b", verdict="deviates"), other.item(type="log")
    await intake.commit([one.deliver(newest, received_at=20), other.deliver(alone, received_at=5)])
    await intake.commit([one.deliver(one.item(target="a"), received_at=10)])

    results = await LastResults(database=database).of([sender.jid for sender in senders] + ["stranger@x"])

    assert {jid: result.uuid for jid, result in results.items()} == {one.jid: newest.uuid, other.jid: alone.uuid}
    result = results[one.jid]
    assert (result.received_at, result.type, result.target, result.verdict) == (20, "scan", "b", "deviates")
    assert await LastResults(database=database).of([]) == {}
