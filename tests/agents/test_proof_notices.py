"""Receipts are kept until a signed notice says that what they confirm is proved; a lost notice loses nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from behaviours.exchange import compose
from behaviours.keep_receipts import KeepReceipts
from behaviours.supervised import SupervisedBehaviour
from behaviours.timestamp import BatchPolicy
from registry.outbox import Outbox
from registry.receipts import read_receipts
from tests.agents.station import Sender, Station, Until, make_item
from tests.agents.test_timestamping import Moody
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.batch import Signed
from vedette.messages.card import Role
from vedette.messages.envelope import Action, Performative
from vedette.messages.proof import ProofNotice
from vedette.signing import SigningKey


class Keeper(Sender):
    """An agent that delivers and keeps its receipts until they are proved."""

    def __init__(self, *, wanted: Any = None, **fields: Any) -> None:
        super().__init__(**fields)
        self.keeping = KeepReceipts(
            clock=self.clock,
            agent_name=self.identity.name,
            exchange=self,
            peers=self.peers,
            outbox=self.outbox,
            look_every=0.1,
            **({"wanted": wanted} if wanted else {}),
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        return [self.keeping, *super().compose_behaviours()]

    async def kept(self) -> int:
        return (await self.outbox.status()).receipts


async def start_keeper(station: Station, name: str = "keeper", **fields: Any) -> Keeper:
    identity = await station.identity(name, Role.PROBE)
    path = station.folder / f"{name}.db"
    outbox = Outbox(path, agent=identity.jid, clock=station.clock, limit_items=1000, limit_bytes=10**8)
    await outbox.open()
    agent = Keeper(identity=identity, outbox=outbox, **fields)
    await station.start(agent)
    return agent


def _refused_more_than(keeper: Keeper, before: int) -> bool:
    return keeper.keeping.counters["notices refused"] > before


async def _nothing_kept(keeper: Keeper) -> bool:
    return await keeper.kept() == 0


async def test_receipts_go_once_everything_in_them_is_proved(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(moody)
    keeper = await start_keeper(station)
    for _ in range(3):
        await keeper.observe(make_item(), make_item())
    await until(lambda: keeper.delivering.counters["confirmed"] == 6)
    await until(lambda: station.engine.announcing.counters["asked"] >= 1)
    assert await keeper.kept() >= 1
    assert station.engine.announcing.counters["notices"] == 0

    moody.failing = False

    await until(lambda: _nothing_kept(keeper))
    await until(lambda: keeper.keeping.counters["receipts dropped"] >= 1)
    # The newest stays in the outbox, so that the end of the log cannot be cut off unseen.
    assert len(read_receipts(station.folder / "keeper.db")) == 1


async def test_a_restarted_engine_is_asked_again(station: Station, until: Until, authority: LocalAuthority) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(moody)
    keeper = await start_keeper(station)
    await keeper.observe(make_item())
    await until(lambda: station.engine.announcing.counters["asked"] >= 1)
    await station.engine.stop()
    moody.failing = False
    await station.restart_engine()
    # The new engine remembers nobody; a new receipt is not needed for the question to be put again.
    keeper.keeping._asked.clear()
    await until(lambda: _nothing_kept(keeper))


async def test_self_asserted_is_not_enough_for_who_wants_more(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    moody = Moody(authority, name="moody", external=True)
    await station.start_hub(authority, moody)
    keeper = await start_keeper(station, wanted={"proved", "strong"})
    await keeper.observe(make_item())
    await until(lambda: station.engine.announcing.counters["notices"] >= 1)
    await keeper.observe(make_item())
    await until(lambda: station.engine.announcing.counters["notices"] >= 2)
    assert await keeper.kept() == 2
    moody.failing = False
    await until(lambda: station.engine.stamping.counters["tokens"] >= 4)
    keeper.keeping._asked.clear()
    await until(lambda: _nothing_kept(keeper))


async def test_a_forged_or_foreign_notice_drops_nothing(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority, policy=BatchPolicy(items=1000, seconds=3600))
    keeper = await start_keeper(station)
    await keeper.observe(make_item())
    await until(lambda: keeper.keeping.counters["asked"] >= 1)
    engine = station.engine
    notice = ProofNotice(
        engine=engine.identity.jid,
        epoch=engine.receiving._intake.epoch,
        first=0,
        up_to=10,
        states=[(10, "strong")],
    )
    other = await station.sender("other")
    for agent, key in ((engine, SigningKey.generate()), (other, other.identity.key), (other, engine.identity.key)):
        before = keeper.keeping.counters["notices refused"]
        message = compose(
            to=keeper.identity.jid,
            performative=Performative.INFORM,
            action=Action.PROOF,
            value=Signed.seal(notice, key).model_dump(),
        )
        assert agent.send(message)
        await until(partial(_refused_more_than, keeper, before))
    assert await keeper.kept() == 1


async def test_many_notices_are_bounded_in_rate(station: Station, until: Until, authority: LocalAuthority) -> None:
    await station.start_hub(authority, policy=BatchPolicy(items=1, seconds=0.01))
    keeper = await start_keeper(station)
    began = station.clock.monotonic()
    await keeper.observe(*[make_item() for _ in range(100)])
    await until(lambda: station.engine.stamping.counters["tokens"] >= 100)
    await until(lambda: _nothing_kept(keeper))
    seconds = station.clock.monotonic() - began
    assert station.engine.announcing.counters["notices"] <= seconds + 2
