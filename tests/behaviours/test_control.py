"""Orders about a check: obeyed where key, life and time fit, kept over a restart, and forgotten by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from behaviours.control import ObeyOrders, give_order
from behaviours.exchange import read
from behaviours.peers import Known, Peer
from behaviours.probe import RunCheck
from registry.outbox import Outbox
from registry.pauses import Pause, Pauses
from tests.agents.station import Until
from tests.behaviours.switchboard import Switchboard, incoming, started
from vedette.clock import SystemClock
from vedette.configuration.probe import ProbeConfiguration
from vedette.errors import RefusedError, StoreError
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.card import Role
from vedette.messages.control import CheckAction, CheckAnswer, CheckOrder
from vedette.messages.envelope import Action, Performative
from vedette.signing import SigningKey
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

AGENT, REGISTRY = "probe1@localhost", "registry@localhost"
LIFE = 1_795_305_600_000_000
KEY, REGISTRY_KEY = SigningKey.generate(), SigningKey.generate()


class Directory:
    """Knows the registry and the agent."""

    async def of_jid(self, jid: str) -> Peer | None:
        """Return one of the two."""
        known = {REGISTRY: (Role.REGISTRY, REGISTRY_KEY), AGENT: (Role.PROBE, KEY)}
        role, key = known.get(jid, (None, None))
        return None if role is None or key is None else Peer(jid=jid, role=role, key=key.verifying)

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return nobody."""
        return ()

    async def who(self, jid: str) -> Known | None:
        """Return nobody."""
        return None

    def forget(self) -> None:
        """Keep nothing."""


class LeapingClock(SystemClock):
    """The machine's clock, as if more time had passed."""

    ahead = 0.0

    def monotonic(self) -> float:
        """Return seconds, those that nobody waited for among them."""
        return super().monotonic() + self.ahead


class Bench:
    """A probe's check that obeys, without a server."""

    def __init__(self, folder: Path, outbox: Outbox, *, period: float | None = 3600.0) -> None:
        self.clock = clock = LeapingClock()
        self.busy: list[str] = []
        self.pauses = Pauses(folder / "probe1.paused")
        configuration = ProbeConfiguration.model_validate(
            {"command": ["true"], "jid": AGENT, "passwd": "long enough"}
        )
        schedule = None if period is None else Schedule(period=period, start=clock.monotonic() + period)
        self.check = RunCheck(
            clock=clock,
            agent_name="probe1",
            check=Check.from_configuration(configuration, clock=clock, agent=AGENT, place="test"),
            schedule=schedule,
            outbox=outbox,
            spool=None,
            limit_items=100,
            committed=lambda: None,
            busy=self.busy.append,
            pauses=self.pauses,
        )
        self.check.load_pause()
        self.name = self.check.state_of_check().name
        self.switchboard = Switchboard()
        self.obeying = ObeyOrders(
            clock=clock,
            agent=AGENT,
            exchange=self.switchboard,
            peers=Directory(),
            key=KEY,
            started_at=LIFE,
            checks=self.check,
        )
        self._signed_at = 0

    def order(self, action: CheckAction, **changes: Any) -> CheckOrder:
        """Return an order that is newer than those before."""
        self._signed_at += 1
        values = {"agent": AGENT, "life": LIFE, "check": self.name, "by": "user anna", "signed_at": self._signed_at}
        return CheckOrder(action=action, **values | changes)

    def hear(self, order: CheckOrder, *, key: SigningKey = REGISTRY_KEY, sender: str = REGISTRY) -> None:
        """Let an order arrive."""
        body = Signed.seal(order, key).model_dump()
        self.obeying.deliver(incoming(Performative.REQUEST, Action.CONTROL, body, sender=sender))

    def answer(self, number: int) -> CheckAnswer:
        """Return an answer that was sent."""
        value = read(self.switchboard.sent[number]).value()
        return open_signed(CheckAnswer, parse_model(Signed, value), KEY.verifying)


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[Callable[..., Bench]]:
    """Make a bench over one outbox."""
    outbox = Outbox(tmp_path / "box.db", agent=AGENT, clock=SystemClock(), limit_items=100, limit_bytes=10_000_000)
    await outbox.open()
    yield lambda **more: Bench(tmp_path, outbox, **more)
    await outbox.close()


@asynccontextmanager
async def at_work(bench: Bench) -> AsyncIterator[Bench]:
    """Let the check and its obedience run."""
    async with started(bench.check), started(bench.obeying):
        yield bench


async def test_a_check_runs_on_request_besides_its_plan(make_bench: Callable[..., Bench], until: Until) -> None:
    async with at_work(make_bench()) as bench:
        await until(lambda: bench.check.state_of_check().next_runs)
        before = bench.check.state_of_check().next_runs
        bench.hear(bench.order("run"))
        await until(lambda: bench.check.counters["runs"] == 1)
        await until(lambda: bench.check.state_of_check().state == "scheduled")
        after = bench.check.state_of_check()
    assert bench.answer(0).done
    assert len(after.next_runs) == 5
    assert max(abs(one - other) for one, other in zip(before, after.next_runs, strict=True)) < 60_000_000
    assert (after.when, after.last_outcome, bench.check.counters["missed"]) == ("Every hour", "exit code 0", 0)


async def test_a_paused_check_does_not_run_until_it_is_resumed(
    make_bench: Callable[..., Bench], until: Until
) -> None:
    async with at_work(make_bench(period=0.1)) as bench:
        await until(lambda: bench.check.counters["runs"] >= 1)
        bench.hear(bench.order("pause"))
        await until(lambda: bench.check.state_of_check().state == "paused")
        paused, runs = bench.check.state_of_check(), bench.check.counters["runs"]
        assert (paused.paused_by, paused.next_runs, paused.kept) == ("user anna", [], True)
        await until(lambda: bench.busy[-1] == "paused by user anna")
        bench.hear(bench.order("run"))
        await until(lambda: bench.check.counters["runs"] == runs + 1)
        assert bench.check.state_of_check().state == "paused"
        missed = bench.check.counters["missed"]
        # A thousand runs would have been due; a slow machine misses a few after it.
        bench.clock.ahead = 100.0
        bench.hear(bench.order("resume"))
        await until(lambda: bench.check.counters["runs"] >= runs + 3)
    assert bench.busy[-1] == ""
    assert bench.check.counters["missed"] - missed < 500


async def test_a_check_without_period_runs_again_on_request(make_bench: Callable[..., Bench], until: Until) -> None:
    async with at_work(make_bench(period=None)) as bench:
        await until(lambda: bench.check.state_of_check().state == "finished")
        bench.hear(bench.order("run"))
        await until(lambda: bench.check.counters["runs"] == 2)
    assert (bench.check.state_of_check().when, bench.check.state_of_check().next_runs) == ("Once", [])


async def test_a_pause_survives_a_restart(make_bench: Callable[..., Bench], until: Until) -> None:
    async with at_work(make_bench()) as bench:
        bench.hear(bench.order("pause"))
        await until(bench.pauses.read)
    again = make_bench(period=0.05)
    assert again.check.state_of_check().state == "paused"
    assert again.busy == ["paused by user anna"]
    async with at_work(again):
        again.hear(again.order("resume"))
        await until(lambda: again.check.counters["runs"] >= 1)
    assert again.pauses.read() == {}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("another agent", {"agent": "probe2@localhost"}, "another one"),
    ("another life", {"life": LIFE - 1}, "started again"),
    ("an old order", {"signed_at": 0}, "not newer"),
]


@pytest.mark.parametrize(("_name", "changes", "said"), REFUSED, ids=[name for name, _, _ in REFUSED])
async def test_an_order_that_does_not_fit_is_refused(
    make_bench: Callable[..., Bench], until: Until, _name: str, changes: dict[str, Any], said: str
) -> None:
    async with at_work(make_bench()) as bench:
        bench.hear(bench.order("pause", **changes))
        await until(lambda: bench.obeying.counters["refused"] == 1)
    assert said in str(read(bench.switchboard.sent[0]).value())
    assert bench.check.state_of_check().state == "scheduled"


async def test_an_order_is_obeyed_once_and_only_with_the_right_key(
    make_bench: Callable[..., Bench], until: Until
) -> None:
    async with at_work(make_bench()) as bench:
        order = bench.order("run")
        bench.hear(order, key=SigningKey.generate())
        bench.hear(order, sender="stranger@localhost")
        await until(lambda: bench.obeying.counters["refused"] == 2)
        bench.hear(order)
        bench.hear(order)
        await until(lambda: bench.obeying.counters["refused"] == 3)
        await until(lambda: bench.check.counters["runs"] == 1)
    assert bench.obeying.counters["run"] == 1


@pytest.mark.parametrize(("action", "check"), [("resume", None), ("run", "no-such-check")], ids=str)
async def test_what_cannot_be_done_is_answered_with_the_reason(
    make_bench: Callable[..., Bench], until: Until, action: CheckAction, check: str | None
) -> None:
    async with at_work(make_bench()) as bench:
        bench.hear(bench.order(action, **({} if check is None else {"check": check})))
        await until(lambda: bench.switchboard.sent)
    answer = bench.answer(0)
    assert (answer.done, bool(answer.reason)) == (False, True)


async def test_an_answer_is_believed_only_with_the_agents_signature(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    order = bench.order("pause")

    def answered(key: SigningKey, **changes: Any) -> Switchboard:
        values = {"agent": AGENT, "signed_at": order.signed_at, "done": True} | changes
        body = Signed.seal(CheckAnswer(**values), key).model_dump()
        return Switchboard(lambda _: incoming(Performative.INFORM, Action.CONTROL, body, sender=AGENT))

    async def ask(exchange: Switchboard) -> CheckAnswer | None:
        return await give_order(order, exchange=exchange, peers=Directory(), key=REGISTRY_KEY, time_limit=1)

    good = await ask(answered(KEY))
    assert good is not None
    assert good.done
    assert await ask(Switchboard()) is None
    for exchange in (answered(SigningKey.generate()), answered(KEY, signed_at=7)):
        with pytest.raises(RefusedError):
            await ask(exchange)
    refused = {"field": "life", "reason": "is another one"}
    with pytest.raises(RefusedError, match="is another one"):
        await ask(Switchboard(lambda _: incoming(Performative.REFUSE, Action.CONTROL, refused, sender=AGENT)))


def test_a_file_of_pauses_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    pauses = Pauses(tmp_path / "x.paused")
    pauses.write({"a": Pause(at=1, by="user anna")})
    assert pauses.read() == {"a": Pause(at=1, by="user anna")}
    (tmp_path / "x.paused").write_text('{"a": 1}')
    with pytest.raises(StoreError, match="delete it"):
        pauses.read()
    with pytest.raises(StoreError, match="cannot be written"):
        Pauses(tmp_path / "gone" / "x").write({})


async def test_without_a_file_the_answer_says_that_a_pause_is_forgotten(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    bench.check._pauses = Pauses()
    assert "forgotten" in await bench.check.order(bench.name, "pause", by="user anna")
    assert not bench.check.state_of_check().kept
