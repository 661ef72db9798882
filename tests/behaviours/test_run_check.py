"""Running a check: once or at a period, skipped with the reason when nothing more fits, missed runs counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from behaviours.probe import RUNS_SHOWN, RunCheck
from registry.outbox import Outbox
from tests.agents.station import Until
from tests.behaviours.switchboard import started
from vedette.canonical import parse_json
from vedette.clock import Clock, ManualClock, SystemClock
from vedette.configuration.probe import ProbeConfiguration
from vedette.tools.check import Check
from vedette.tools.schedule import Schedule

AGENT = "probe1@localhost"


class Bench:
    """A check with its outbox, and what it told the agent."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.commits = 0
        self.busy: list[str] = []

    def run(
        self,
        *command: str,
        schedule: Schedule | None = None,
        limit: int = 100,
        clock: Clock | None = None,
        **keys: Any,
    ) -> RunCheck:
        """Return the behaviour for a command."""
        configuration = ProbeConfiguration.model_validate(
            {"command": list(command), "jid": AGENT, "passwd": "long enough", **keys}
        )
        clock = clock or SystemClock()
        return RunCheck(
            clock=clock,
            agent_name="probe1",
            check=Check.from_configuration(configuration, clock=clock, agent=AGENT, place="test"),
            schedule=schedule,
            outbox=self.outbox,
            spool=None,
            limit_items=limit,
            committed=self._committed,
            busy=self.busy.append,
        )

    def _committed(self) -> None:
        self.commits += 1


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Make a bench whose outbox holds so many items."""
    opened: list[Outbox] = []

    async def make(*, items: int = 1000) -> Bench:
        outbox = Outbox(
            tmp_path / "outbox.db", agent=AGENT, clock=SystemClock(), limit_items=items, limit_bytes=10_000_000
        )
        await outbox.open()
        opened.append(outbox)
        return Bench(outbox)

    yield make
    for outbox in opened:
        await outbox.close()


async def test_without_a_period_it_runs_once(make_bench: Callable[..., Any], until: Until) -> None:
    bench = await make_bench()
    check = bench.run("echo", "seen", expected_value="seen")
    async with started(check):
        await until(check.done.is_set)
        await until(lambda: check.state().state == "waiting")
        assert bench.commits == 1
    (item,) = await bench.outbox.next_batch(max_items=10, max_bytes=1_000_000)
    assert item.uuid == check.last_uuid
    assert check.last_verdict == "as expected"
    assert check.counters == {"runs": 1, "as expected": 1}
    (row,) = check.panel().rows
    assert [cell.kind for cell in row] == ["time", "code", "text", "good", "bytes"]


async def test_of_a_sealed_check_the_page_tells_neither_target_nor_outcome(
    make_bench: Callable[..., Any], until: Until
) -> None:
    bench = await make_bench()
    check = bench.run("echo", "{target}", target="192.0.2.77", expected_value="192.0.2.77", sealed=True)
    async with started(check):
        await until(check.done.is_set)
    (item,) = await bench.outbox.next_batch(max_items=10, max_bytes=1_000_000)
    meta = parse_json(item.data)["meta"]
    assert meta["target"] == "192.0.2.77"
    assert len(meta["sealed"]) == 32
    assert check.last_verdict == "as expected"
    told = f"{check.panel()} {check.state_of_check()} {dict(check.counters)}"
    assert "192.0.2.77" not in told
    assert "expected" not in told
    assert check.state_of_check().last_outcome == "sealed"


async def test_a_failing_command_is_an_item_never_silence(make_bench: Callable[..., Any], until: Until) -> None:
    bench = await make_bench()
    check = bench.run("false", expected_value="seen")
    async with started(check):
        await until(check.done.is_set)
    assert (await bench.outbox.status()).items == 1
    assert check.counters["deviates"] == 1
    (row,) = check.panel().rows
    assert (row[2].text, row[2].kind, row[3].kind) == ("1", "bad", "bad")
    assert check.state().failures == 0


async def test_a_full_outbox_skips_the_run_says_why_and_goes_on_when_there_is_room(
    make_bench: Callable[..., Any], until: Until
) -> None:
    bench = await make_bench()
    clock = SystemClock()
    check = bench.run("true", schedule=Schedule(period=0.05, start=clock.monotonic()), limit=2)
    with capture_logs() as lines:
        async with started(check):
            await until(lambda: check.counters["skipped"] >= 2)
            assert (await bench.outbox.status()).items == 2
            assert bench.busy[-1] == "outbox full: nothing is confirmed"
            assert check.last_uuid == ""
            waiting = await bench.outbox.next_batch(max_items=10, max_bytes=1_000_000)
            for item in waiting:
                await bench.outbox.refuse(item.uuid, "field", "reason")
            check._limit_items = 100
            await until(lambda: bench.busy[-1] == "")
    assert any(line["event"] == "run skipped" for line in lines)
    assert any("skipped: outbox full" in row[3].text for row in check.panel().rows)


async def test_an_outbox_that_refuses_the_item_counts_as_skipped(
    make_bench: Callable[..., Any], until: Until
) -> None:
    bench = await make_bench(items=0)
    check = bench.run("true", limit=100)
    async with started(check):
        await until(check.done.is_set)
    assert check.counters["skipped"] == 1
    assert bench.busy[-1]
    assert bench.commits == 0
    assert check.state().failures == 0


async def test_runs_that_a_slow_one_held_up_are_missed_not_made_up_for(
    make_bench: Callable[..., Any], until: Until
) -> None:
    bench = await make_bench()
    schedule = Schedule(period=0.1, start=SystemClock().monotonic())
    check = bench.run("sleep", "0.35", schedule=schedule)
    with capture_logs() as lines:
        async with started(check):
            await until(lambda: check.counters["runs"] >= 2)
    assert check.counters["missed"] >= 3
    assert any("runs missed" in line["event"] for line in lines)


async def test_the_first_run_of_a_schedule_waits_until_it_is_due(
    make_bench: Callable[..., Any], until: Until
) -> None:
    bench = await make_bench()
    check = bench.run("true", schedule=Schedule(period=1000, start=1000), clock=ManualClock())
    async with started(check):
        await until(lambda: check.state().state == "waiting")
    assert bench.commits == 0


async def test_only_the_last_runs_are_kept_for_the_page(make_bench: Callable[..., Any], until: Until) -> None:
    bench = await make_bench()
    check = bench.run("true")
    for _ in range(RUNS_SHOWN + 3):
        await check._run_check()
    assert len(check.panel().rows) == RUNS_SHOWN
    assert check.panel().rows[0][1].text == check.last_uuid
