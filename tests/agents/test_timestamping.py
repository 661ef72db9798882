"""Time-stamping never holds up collection: slow, refusing or lying authorities leave items pending."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from behaviours.timestamp import BatchPolicy
from registry import tables
from registry.items import UnknownItemError
from tests.agents.station import Station, Until, make_item
from tests.timing import bound
from vedette.clock import MICROSECONDS
from vedette.errors import TimestampError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken


class Moody(TimestampAuthority):
    """An authority that fails until it is told not to."""

    def __init__(self, real: LocalAuthority, *, name: str, external: bool) -> None:
        super().__init__(name=name, external=external)
        self.failing = True
        self._real = real

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        if self.failing:
            raise TimestampError(f"{self.name}: answers nothing")
        return await self._real.stamp(imprint, digest_algorithm=digest_algorithm)


async def _is(station: Station, uuid: str, state: str) -> bool:
    try:
        return (await station.items.proof(uuid)).state.value == state
    except UnknownItemError:
        return False


async def test_items_stay_pending_until_the_authority_is_back(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(moody)
    sender = await station.sender()
    (item,) = await sender.observe(make_item())
    uuid = item["meta"]["uuid"]
    await until(lambda: station.engine.stamping.counters["stamping failed"] >= 1)
    await until(lambda: sender.delivering.counters["confirmed"] == 1)
    assert (await station.items.proof(uuid)).state.value == "pending"
    state = station.engine.stamping.authorities[0]
    assert state.last_error == "moody: answers nothing"

    moody.failing = False
    await until(partial(_is, station, uuid, "proved"))
    assert state.last_error == ""


async def test_each_authority_stamps_independently(station: Station, until: Until, authority: LocalAuthority) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(authority, moody)
    sender = await station.sender()
    (item,) = await sender.observe(make_item())
    uuid = item["meta"]["uuid"]
    await until(partial(_is, station, uuid, "self-asserted"))
    moody.failing = False
    await until(partial(_is, station, uuid, "proved"))
    proof = await station.items.proof(uuid)
    assert {token.tsa for token in proof.tokens} == {"local", "moody"}


async def test_the_page_says_that_time_is_self_asserted(station: Station, authority: LocalAuthority) -> None:
    await station.start_hub(authority)
    assert any("Self-asserted" in note for note in station.engine.state().notes)


async def test_an_urgent_item_has_its_token_within_a_second(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority, policy=BatchPolicy(items=1000, seconds=60.0))
    sender = await station.sender()
    waits = []
    for number in range(3):
        (item,) = await sender.observe(make_item(priority=5))
        await until(partial(_is_proved, station, item["meta"]["uuid"]))
        assert station.engine.stamping.counters["urgent batches"] == number + 1
        waits.append(await _wait_of(station, item["meta"]["uuid"]))
    assert min(waits) < bound(1.0)
    (plain,) = await sender.observe(make_item(priority=4))
    await until(lambda: sender.delivering.counters["confirmed"] == 4)
    assert not await _is_proved(station, plain["meta"]["uuid"])


async def test_a_burst_of_urgent_items_makes_few_batches(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority, policy=BatchPolicy(items=1000, seconds=60.0))
    sender = await station.sender()
    began = station.clock.monotonic()
    for _ in range(20):
        await sender.observe(*[make_item(urgent=True) for _ in range(50)])
    await until(
        lambda: station.engine.stamping.report().pending == 0 and sender.delivering.counters["confirmed"] > 999
    )
    seconds = station.clock.monotonic() - began
    assert station.engine.stamping.counters["urgent batches"] <= 4 * seconds + 2


async def _is_proved(station: Station, uuid: str) -> bool:
    try:
        return (await station.items.proof(uuid)).state.is_stamped
    except UnknownItemError:
        return False


async def _wait_of(station: Station, uuid: str) -> float:
    """Return seconds from an item's commit to its token, by the engine's clock."""
    item, batch, token = tables.item, tables.batch, tables.token
    query = (
        select(token.c.obtained_at - item.c.received_at)
        .join(batch, batch.c.id == token.c.batch_id)
        .join(item, item.c.chain_id == batch.c.chain_id)
        .where(item.c.log_index.between(batch.c.first_index, batch.c.last_index))
        .where(item.c.uuid == uuid)
    )
    waited = await station.database.read(lambda connection: connection.execute(query).scalar_one())
    return int(waited) / MICROSECONDS
