"""Supervision: an exception is logged with its cause, counted, shown, and the behaviour starts over."""

from __future__ import annotations

import asyncio
import random
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from behaviours import supervised
from behaviours.supervised import SupervisedBehaviour
from tests.agents.station import Until
from tests.behaviours.switchboard import incoming, started
from tests.timing import bound
from vedette.clock import ManualClock
from vedette.delivery.backoff import Backoff
from vedette.messages.envelope import Action, Performative


class Moody(SupervisedBehaviour):
    """Fails as often as it is told to."""

    name: ClassVar[str] = "moody"

    def __init__(self, *, failures: int = 0) -> None:
        super().__init__(clock=ManualClock(), agent_name="probe1")
        self.backoff = Backoff(first=0.001, most=0.004, random=random.Random(1))
        self.failures = failures
        self.good = 0
        self.cleaned = False

    async def run(self) -> None:
        if self.failures:
            self.failures -= 1
            try:
                raise OSError("the disk is full")
            except OSError as error:
                raise ValueError("cannot write") from error
        self.good += 1
        try:
            await self.take()
        finally:
            self.cleaned = True


async def test_a_failure_is_logged_with_its_cause_counted_shown_and_survived(until: Until) -> None:
    moody = Moody(failures=3)
    with capture_logs() as lines:
        async with started(moody):
            await until(lambda: moody.good == 1)
            state = moody.state()
    assert (state.failures, state.runs, state.state) == (3, 4, "waiting")
    assert state.last_error == "ValueError: cannot write"
    assert state.last_error_at == state.last_run_at == ManualClock().now()
    errors = [line for line in lines if line["log_level"] == "error"]
    assert len(errors) == 3
    assert all(line["event"] == "behaviour failed, starts over" for line in errors)
    assert isinstance(errors[0]["exc_info"].__cause__, OSError)
    assert moody.backoff.failures == 3


async def test_it_waits_longer_after_each_failure_and_is_fresh_after_a_good_run(until: Until) -> None:
    moody = Moody(failures=5)
    moody.backoff = Backoff(first=0.002, most=0.05, random=random.Random(1))
    with capture_logs() as lines:
        async with started(moody):
            await until(lambda: moody.good == 1)
            moody.deliver(incoming(Performative.INFORM, Action.STATE, {}))
            await until(lambda: moody.good == 2)
            assert moody.backoff.failures == 0
    assert len([line for line in lines if "again_in" in line]) == 5


async def test_while_it_waits_to_start_over_its_state_says_so(until: Until) -> None:
    moody = Moody(failures=1)
    moody.backoff = Backoff(first=60, most=60)
    async with started(moody):
        await until(lambda: moody.state().state == "backing off")
    assert moody.state().state == "stopped"


@pytest.mark.parametrize("failures", [0, 1])
async def test_kill_ends_it_at_once_wherever_it_waits(until: Until, failures: int) -> None:
    moody = Moody(failures=failures)
    moody.backoff = Backoff(first=60, most=60)
    moody.start()
    await until(lambda: moody.state().runs == 1)
    moody.kill()
    await asyncio.wait_for(moody.ended(), bound(0.5))
    assert moody.is_killed()
    assert not moody.is_running
    assert moody.cleaned == (failures == 0)
    assert moody.state().state == "stopped"


async def test_a_kill_before_the_start_or_twice_is_harmless() -> None:
    moody = Moody()
    moody.kill()
    await moody.ended()
    moody.kill()
    assert moody.state().runs == 0


async def test_a_full_mailbox_drops_and_counts_and_keeps_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    moody = Moody()
    taken = [moody.deliver(incoming(Performative.INFORM, Action.STATE, n)) for n in range(supervised.MAILBOX + 10)]
    assert taken == [True] * supervised.MAILBOX + [False] * 10
    assert moody.state().counters["dropped"] == 10
    first = moody.take_now()
    assert first is not None
    assert first.value() == 0


async def test_take_gives_up_after_its_time(until: Until) -> None:
    moody = Moody()
    assert await moody.take(time_limit=0.01) is None
    assert moody.take_now() is None
    moody.deliver(incoming(Performative.INFORM, Action.STATE, 1))
    assert (await moody.take(time_limit=0.01)) is not None


async def test_a_behaviour_that_never_waits_does_not_starve_the_others(until: Until) -> None:
    class Busy(SupervisedBehaviour):
        name: ClassVar[str] = "busy"

        async def run(self) -> None:
            self.counters["turns"] += 1

    busy = Busy(clock=ManualClock(), agent_name="probe1")
    async with started(busy):
        await until(lambda: busy.counters["turns"] > 10)
