"""Items from an agent to the engine: committed once, confirmed, stamped, and refused when wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.station import Station, Until, make_item
from vedette.clock import MICROSECONDS
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.batch import Receipt, open_signed
from vedette.messages.card import Role


async def test_an_item_is_committed_confirmed_and_proved(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    sender = await station.sender()
    (item,) = await sender.observe(make_item(b"what the probe saw", verdict="as expected"))
    uuid = item["meta"]["uuid"]
    await until(lambda: any(event["event"] == "stamped" for event in station.progress))

    stored = await station.items.get(uuid)
    assert stored == item
    (receipt,) = await sender.outbox.receipts()
    opened = open_signed(Receipt, receipt, station.engine.identity.key.verifying)
    assert [entry[0] for entry in opened.committed] == [uuid]
    assert (await sender.outbox.status()).items == 0
    bundle = build_bundle(await station.proofs.bundle_contents(uuid))
    verdict = verify_bundle(bundle, roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons
    assert (await station.items.proof(uuid)).state.value == "self-asserted"


async def test_many_items_arrive_once_each_in_order(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    items = await sender.observe(*[make_item(str(number).encode()) for number in range(1500)])
    await until(lambda: sender.delivering.counters["confirmed"] == 1500)
    assert await station.count() == 1500
    indexes = [entry for receipt in await sender.outbox.receipts() for entry in _committed(station, receipt)]
    by_index = sorted(indexes, key=lambda entry: entry[2])
    assert [uuid for uuid, _, _ in by_index] == [item["meta"]["uuid"] for item in items]
    audits = {entry.log_index for entry in (await station.audit.page()).entries}
    places = [index for _, _, index in by_index]
    assert places == [index for index in range(places[-1] + 1) if index not in audits]


def _committed(station: Station, receipt: Any) -> list[tuple[str, str, int]]:
    return open_signed(Receipt, receipt, station.engine.identity.key.verifying).committed


async def test_the_same_uuid_with_other_content_is_refused_and_visible(station: Station, until: Until) -> None:
    await station.start_hub()
    first, second = await station.sender("one"), await station.sender("two")
    (item,) = await first.observe(make_item(b"first"))
    await until(lambda: first.delivering.counters["confirmed"] == 1)
    await second.observe(make_item(b"second", uuid=item["meta"]["uuid"]))
    await until(lambda: second.delivering.counters["refused"] >= 1)
    assert await station.count() == 1
    (refusal, *_) = await station.refusals.last()
    assert refusal.sender == second.identity.jid
    assert refusal.uuid == item["meta"]["uuid"]


async def test_a_skewed_clock_is_kept_and_marked(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender()
    old, future = (
        make_item(ts=0, collected_at=0),
        make_item(ts=4_070_908_800, collected_at=4_070_908_800 * MICROSECONDS),
    )
    await sender.observe(old, future, make_item())
    await until(lambda: sender.delivering.counters["confirmed"] == 3)
    from registry.items import ItemFilter

    page = await station.items.page(wanted=ItemFilter())
    marked = {item.uuid for item in page.items if item.skew}
    assert marked == {old["meta"]["uuid"], future["meta"]["uuid"]}


async def test_an_agent_signing_with_another_key_gets_nothing_in(station: Station, until: Until) -> None:
    from vedette.signing import SigningKey

    await station.start_hub()
    sender = await station.sender(key=SigningKey.generate())
    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["batches refused"] >= 1)
    assert await station.count() == 0
    await until(station.refusals.last)
    (refusal, *_) = await station.refusals.last()
    assert "enrolled key" in refusal.reason
    assert (await sender.outbox.status()).items == 1


async def test_an_agent_outside_its_role_gets_nothing_in(station: Station, until: Until) -> None:
    await station.start_hub()
    sender = await station.sender(role=Role.MISP)
    await sender.observe(make_item())
    await until(lambda: sender.delivering.counters["batches refused"] >= 1)
    assert await station.count() == 0
    assert station.engine.counters["refused"] >= 1


async def test_a_stranger_gets_nothing_in_and_learns_nothing(station: Station, until: Until) -> None:
    await station.start_hub()
    stranger = await station.sender(enrolled=False)
    await stranger.observe(make_item())
    await until(lambda: station.registry.counters["refused"] >= 1)
    assert await station.count() == 0
    assert stranger.delivering.engine == ""


@pytest.mark.parametrize("payload", [bytes(200_000), b""])
async def test_payloads_at_the_limits_arrive(station: Station, until: Until, payload: bytes) -> None:
    await station.start_hub()
    sender = await station.sender()
    (item,) = await sender.observe(make_item(payload))
    await until(lambda: sender.delivering.counters["confirmed"] == 1)
    assert (await station.items.get(item["meta"]["uuid"])) == item


async def test_what_waited_while_the_engine_was_away_arrives(station: Station, until: Until) -> None:
    sender_identity = await station.identity("registry", Role.REGISTRY)
    assert sender_identity.role is Role.REGISTRY
    sender = await station.sender()
    items = await sender.observe(*[make_item() for _ in range(10)])
    await station.start_hub()
    await until(lambda: sender.delivering.counters["confirmed"] == len(items))
    assert await station.count() == 10
