"""Time-stamping never holds up collection: slow, refusing or lying authorities leave items pending."""

from __future__ import annotations

from tests.agents.station import Station, Until, make_item
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


async def test_items_stay_pending_until_the_authority_is_back(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(moody)
    sender = await station.sender()
    (item,) = await sender.observe(make_item())
    uuid = item["meta"]["uuid"]
    await until(lambda: station.engine.stamping.counters["stamping failed"] >= 1)
    assert sender.delivering.counters["confirmed"] == 1
    assert (await station.items.proof(uuid)).state.value == "pending"
    state = station.engine.stamping.authorities[0]
    assert state.last_error == "moody: answers nothing"

    moody.failing = False
    await until(lambda: station.engine.stamping.counters["tokens"] == 1)
    assert (await station.items.proof(uuid)).state.value == "proved"
    assert state.last_error == ""


async def test_each_authority_stamps_independently(station: Station, until: Until, authority: LocalAuthority) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(authority, moody)
    sender = await station.sender()
    (item,) = await sender.observe(make_item())
    uuid = item["meta"]["uuid"]
    await until(lambda: station.engine.stamping.counters["tokens"] == 1)
    assert (await station.items.proof(uuid)).state.value == "self-asserted"
    moody.failing = False
    await until(lambda: station.engine.stamping.counters["tokens"] == 2)
    proof = await station.items.proof(uuid)
    assert proof.state.value == "proved"
    assert {token.tsa for token in proof.tokens} == {"local", "moody"}


async def test_the_page_says_that_time_is_self_asserted(station: Station, authority: LocalAuthority) -> None:
    await station.start_hub(authority)
    assert any("Self-asserted" in note for note in station.engine.state().notes)
