"""Given time-stamping authorities that are down, slow or lying, when they recover, then nothing was lost or believed.

Time is simulated: the engine's, the authority's and the waits between attempts. The authority is a real server on a
real port that is stopped and started; what its requests really take is added to the simulated time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from behaviours.timestamp import BatchPolicy, Timestamp
from registry import tables
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.proof_state import ProofState
from registry.proofs import Proofs
from registry.sweep import Sweep
from tests.behaviours.conftest import without_rest
from tests.timing import bound
from tests.vedette.evidence.lying import Lie, LyingAuthority
from vedette.clock import MICROSECONDS, ManualClock, SystemClock
from vedette.delivery.circuit_breaker import CircuitState
from vedette.evidence.authority.identity import AuthorityIdentity, create_identity
from vedette.evidence.authority.issuer import TokenIssuer
from vedette.evidence.authority.server import AuthorityServer
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.timestamping import HttpAuthority
from vedette.messages.card import Role

ENGINE = "engine@localhost"
STEP = 0.25
RECOVERED_WITHIN = 60.0
ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What is about time and not about the store need not be run on both."""


class Outside:
    """A time-stamping authority by itself, with the simulated clock, on one port."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.identity: AuthorityIdentity = create_identity(folder / "tsa", clock=clock)
        self._clock = clock
        self._server: AuthorityServer | None = None
        self._port = 0
        self.url = ""

    async def start(self) -> None:
        issuer = TokenIssuer(identity=self.identity, clock=self._clock)
        self._server = AuthorityServer(issuer=issuer, roots_pem=self.identity.roots_pem)
        self.url = await self._server.start(host="127.0.0.1", port=self._port)
        self._port = int(self.url.rstrip("/").rpartition(":")[2])

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None


class Outage:
    """An engine with one external authority, and simulated time."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.outside = Outside(folder, clock)
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.committed = 0

    async def open(self, sender: Any) -> None:
        directory = Directory(database=self.database, clock=self.clock)
        await directory.enrol(sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text)
        await self.outside.start()
        await self.intake.open()
        self.authority = HttpAuthority(
            name="outside",
            url=self.outside.url,
            roots=TrustRoots.from_pem(self.outside.identity.roots_pem, place="roots"),
            external=True,
            clock=self.clock,
            time_limit=2.0,
        )
        self.behaviour = self.engine()

    def engine(self) -> Timestamp:
        """Return the behaviour as a new process would have it."""
        return Timestamp(
            clock=self.clock,
            agent_name="engine",
            proofs=self.proofs,
            authorities=[self.authority],
            policy=BatchPolicy(items=1000, seconds=5.0),
            stamped=lambda _count: None,
        )

    async def close(self) -> None:
        await self.outside.stop()
        await self.authority.aclose()

    async def run_for(self, seconds: float, *, sender: Any, rate: int, every: float = 4.0) -> None:
        """Let so many items a second come in, each `every` seconds, while time goes on in quarters of that."""
        until = self.clock.monotonic() + seconds
        deliver_at = self.clock.monotonic()
        while self.clock.monotonic() < until:
            if self.clock.monotonic() >= deliver_at:
                deliver_at += every
                await self._deliver(sender, int(rate * every))
            await self.turn()
            self.clock.advance(every / 4)

    async def _deliver(self, sender: Any, count: int) -> None:
        for start in range(0, count, 300):
            part = min(300, count - start)
            await self.intake.commit([sender.deliver(count=part, received_at=self.clock.now())])
            self.committed += part

    async def turn(self) -> None:
        """Let each behaviour have its turn, as its own task would."""
        await self.behaviour.run()
        for stamp in self.behaviour.authorities:
            if stamp.circuit.ready_in() == 0:
                await stamp.run()

    async def recover(self) -> float:
        """Go on until all is stamped; return the seconds that it took, simulated and real."""
        began, simulated = time.monotonic(), 0.0
        while await self.proofs.pending_batches(tsa="outside", limit=1) or (await self.proofs.unbatched()).count:
            await self.turn()
            self.clock.advance(STEP)
            simulated += STEP
            assert simulated < 10 * RECOVERED_WITHIN
        return simulated + time.monotonic() - began

    async def check(self, *, batches: int) -> None:
        """Nothing is lost: every item is in one of so many batches, each proved by a token that verifies anew."""
        unstamped = await self.proofs.unstamped()
        assert (unstamped.count, unstamped.failed) == (0, 0)
        roots = {"outside": self.authority.roots}
        sweep = Sweep(database=self.database, engine=ENGINE, clock=self.clock, roots=roots)
        findings = []
        while (step := await sweep.step(limit=500)) is not None:
            findings += step.findings
            await sweep.save()
        # The sender's enrolment is in the log, too, as an audit entry.
        assert (findings, sweep.items) == ([], self.committed + 1)
        counters = self.behaviour.authorities[0].counters
        assert counters["tokens"] == batches
        assert counters["clock off"] == 0


@pytest.fixture
async def outage(
    database: Database, clock: ManualClock, tmp_path: Path, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Outage]:
    without_rest(monkeypatch)
    made = Outage(database, clock, tmp_path)
    await made.open(sender)
    yield made
    await made.close()


async def _down_for(outage: Outage, sender: Any, *, seconds: float, rate: int, every: float = 4.0) -> None:
    await outage.run_for(10.0, sender=sender, rate=rate, every=every)
    assert outage.behaviour.report().authorities[0].tokens > 0
    await outage.outside.stop()
    await outage.run_for(seconds, sender=sender, rate=rate, every=every)
    down = outage.behaviour.report()
    (authority,) = down.authorities
    assert authority.circuit is not CircuitState.CLOSED
    assert "Cannot connect" in authority.last_error
    assert seconds - 10 < down.oldest_pending < seconds + 10
    # Left alone while it is down: about one request in eleven seconds.
    assert authority.failures < seconds / 7.5 + 10
    came_back_at = outage.clock.now()
    await outage.outside.start()
    tokens = authority.tokens
    assert await outage.recover() <= bound(RECOVERED_WITHIN)
    # Never backdated: what waited is stamped with the time of its stamping.
    stamped_at = await _gen_times(outage)
    assert all(at >= came_back_at - MICROSECONDS for at in stamped_at[tokens:])
    await outage.check(batches=outage.behaviour.counters["batches closed"])


async def _gen_times(outage: Outage) -> list[int]:
    query = tables.token.select().with_only_columns(tables.token.c.gen_time).order_by(tables.token.c.id)
    return list(await outage.database.read(lambda connection: connection.execute(query).scalars().all()))


async def test_an_authority_that_is_down_for_three_minutes(outage: Outage, sender: Any) -> None:
    await _down_for(outage, sender, seconds=180.0, rate=1)


@pytest.mark.long
async def test_an_authority_that_is_down_for_half_an_hour_under_load(outage: Outage, sender: Any) -> None:
    await _down_for(outage, sender, seconds=1800.0, rate=240, every=1.0)
    assert outage.committed >= 240 * 1800


@ONE_STORE
async def test_an_engine_that_restarts_during_the_outage_loses_nothing(outage: Outage, sender: Any) -> None:
    await outage.outside.stop()
    await outage.run_for(20.0, sender=sender, rate=2)
    outage.behaviour = outage.engine()
    await outage.run_for(20.0, sender=sender, rate=2)
    await outage.outside.start()
    assert await outage.recover() <= bound(RECOVERED_WITHIN)
    assert (await outage.proofs.unstamped()).count == 0


@ONE_STORE
async def test_an_authority_that_comes_and_goes(outage: Outage, sender: Any) -> None:
    for _ in range(4):
        await outage.outside.stop()
        await outage.run_for(12.0, sender=sender, rate=1)
        await outage.outside.start()
        await outage.run_for(6.0, sender=sender, rate=1)
    assert await outage.recover() <= bound(RECOVERED_WITHIN)
    await outage.check(batches=outage.behaviour.counters["batches closed"])


LIES = sorted(set(Lie) - {Lie.NONE, Lie.GRANTED_WITH_MODS, Lie.SILENT, Lie.DRIPPING}, key=lambda lie: lie.name)


class Liars:
    """An engine whose one authority lies, in real time."""

    def __init__(self, database: Database, lying: LyingAuthority) -> None:
        clock = ManualClock(now=SystemClock().now())
        self.clock = clock
        self.intake = Intake(database=database, engine=ENGINE, clock=clock)
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.authority = HttpAuthority(
            name="lying",
            url=lying.url,
            roots=lying.chain.roots,
            external=True,
            clock=SystemClock(),
            time_limit=0.3,
            policy="1.3.6.1.4.1.32473.1",
        )
        self.behaviour = Timestamp(
            clock=clock,
            agent_name="engine",
            proofs=self.proofs,
            authorities=[self.authority],
            policy=BatchPolicy(items=1, seconds=5.0),
            stamped=lambda _count: None,
        )


@ONE_STORE
async def test_no_lie_is_believed_and_the_truth_is_after_it(
    database: Database, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_rest(monkeypatch)
    lying = LyingAuthority()
    await lying.start()
    honest = lying.chain
    liars = Liars(database, lying)
    await liars.intake.open()
    (stamp,) = liars.behaviour.authorities
    for lie in [*LIES, Lie.SILENT, Lie.DRIPPING]:
        lying.lie, lying.chain = lie, honest
        await liars.intake.commit([sender.deliver(count=1, received_at=liars.clock.now())])
        await liars.behaviour.run()
        before = stamp.counters["failures"], stamp.counters["tokens"]
        liars.clock.advance(max(0.0, stamp.circuit.ready_in()))
        await stamp.run()
        assert (stamp.counters["failures"], stamp.counters["tokens"]) == (before[0] + 1, before[1]), lie
    assert (await liars.proofs.unstamped()).count == len(LIES) + 2
    lying.lie, lying.chain = Lie.NONE, honest
    # A machine that stands still lets an honest answer come too late, too: then it is asked for again.
    while (await liars.proofs.unstamped()).count:
        liars.clock.advance(max(0.0, stamp.circuit.ready_in()))
        await stamp.run()
    nonces = lying.nonces
    assert len(set(nonces)) == len(nonces)
    waiting = await liars.proofs.pending_batches(tsa="nobody", limit=100)
    assert {batch.state for batch in waiting} == {ProofState.PROVED}
    await liars.authority.aclose()
    await lying.stop()
