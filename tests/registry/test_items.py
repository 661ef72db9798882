"""Items come back as they went in, in pages that do not shift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.database import Database
from registry.intake import Intake
from registry.items import ItemFilter, Items, UnknownItemError
from registry.proofs import Proofs, ProofState
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.messages.item import ReceivedItem

OTHER = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def items(database: Database) -> Items:
    return Items(database=database)


async def uuids(items: Items, wanted: ItemFilter) -> list[str]:
    return [item.uuid for item in (await items.page(wanted=wanted)).items]


async def test_an_item_comes_back_as_it_went_in(intake: Intake, items: Items, sender: Any) -> None:
    data = sender.item(target="exämple.org", command=["nmap", "-oX"], unknown={"kept": [1, 2.5, None]}).data
    full = {**data, "note": "kept too", "payload": {**data["payload"], "encoding": "base64"}}

    await intake.commit([sender.deliver(ReceivedItem(data | {"meta": data["meta"] | {"uuid": OTHER}}))])
    await intake.commit([sender.deliver(ReceivedItem(full))])

    assert await items.get(data["meta"]["uuid"]) == full
    assert (await items.get(OTHER))["payload"] == data["payload"]
    for ask in (items.get, items.proof):
        with pytest.raises(UnknownItemError):
            await ask("nobody")


async def test_an_empty_payload_stays_empty(intake: Intake, items: Items, sender: Any) -> None:
    item = sender.item(payload=b"")
    await intake.commit([sender.deliver(item)])

    assert (await items.get(item.uuid))["payload"] == {"raw": ""}


async def test_pages_are_stable_while_items_arrive(intake: Intake, items: Items, sender: Any) -> None:
    first = sender.deliver(count=25)
    await intake.commit([first])
    everything = ItemFilter()

    page = await items.page(wanted=everything, limit=10)
    seen = [item.uuid for item in page.items]
    await intake.commit([sender.deliver(count=5, received_at=first.received_at + 1)])
    while page.cursor is not None:
        page = await items.page(wanted=everything, limit=10, cursor=page.cursor)
        seen += [item.uuid for item in page.items]

    assert seen == [item.uuid for item in reversed(first.items)]
    assert len(await uuids(items, everything)) == 30


@pytest.mark.parametrize("cursor", ["", "x", "1.2", "1.2.3.4", "1.2.x", "'; DROP"])
async def test_a_foreign_cursor_is_refused(items: Items, cursor: str) -> None:
    with pytest.raises(RefusedError, match="cursor"):
        await items.page(wanted=ItemFilter(), cursor=cursor)


async def test_filters_narrow_the_list(
    intake: Intake, items: Items, sender: Any, make_sender: Callable[[str], Any]
) -> None:
    other = make_sender("other@x")
    plain, checked = sender.item(), sender.item(check="nmap", verdict="deviates", target="10.0.0.1", type="flow")
    foreign = other.item(check="nmap")
    await intake.commit([sender.deliver(plain, checked), other.deliver(foreign, received_at=5)])

    assert await uuids(items, ItemFilter(agent="other@x")) == [foreign.uuid]
    assert await uuids(items, ItemFilter(check="nmap")) == [checked.uuid, foreign.uuid]
    assert await uuids(items, ItemFilter(check="nmap", type="flow")) == [checked.uuid]
    assert await uuids(items, ItemFilter(verdict="deviates", target="10.0.0.1")) == [checked.uuid]
    assert await uuids(items, ItemFilter(until=6)) == [foreign.uuid]
    assert await uuids(items, ItemFilter(since=6)) == [checked.uuid, plain.uuid]
    assert await uuids(items, ItemFilter(type="nothing")) == []


async def test_the_state_is_listed_filtered_and_counted(
    intake: Intake, items: Items, database: Database, clock: ManualClock, sender: Any
) -> None:
    proofs = Proofs(database=database, engine="engine@localhost", clock=clock)
    delivery = sender.deliver(count=5)
    await intake.commit([delivery])
    batch = await proofs.close_batch(max_items=2)
    assert batch is not None
    await proofs.set_failed(batch, "test")
    await proofs.close_batch(max_items=2)

    listed = (await items.page(wanted=ItemFilter())).items

    failed, pending = ProofState.FAILED, ProofState.PENDING
    assert [item.state for item in listed] == [pending, pending, pending, failed, failed]
    assert await uuids(items, ItemFilter(state=failed)) == [delivery.items[1].uuid, delivery.items[0].uuid]
    assert len(await uuids(items, ItemFilter(state=pending))) == 3
    assert await items.counts() == dict.fromkeys(ProofState, 0) | {failed: 2, pending: 3}
