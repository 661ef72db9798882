"""One-shot jobs by real agents over the real embedded server: each run recorded once, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from agents.job import JobAgent
from registry import tables
from registry.callers import Actor
from registry.job_tables import job_run
from registry.jobs import Job
from tests.agents.station import Station, Until
from tests.timing import PATIENCE, bound
from vedette.clock import SystemClock
from vedette.configuration.jobs import JobAgentConfiguration
from vedette.jobs.request import JobRequest, plan
from vedette.jobs.scope import ScopePolicy
from vedette.messages.card import Role
from vedette.tools.catalogue import Catalogue

BY = Actor(who="user anna", origin="127.0.0.1")

COMMANDS = {
    "echo": ["echo", "seen", "{target}"],
    "slow": ["sh", "-c", "echo started; sleep 60 & echo $! >&2; sleep 60; echo never", "--", "{target}"],
    "stubborn": ["sh", "-c", 'trap "" TERM; echo $$; while :; do sleep 1; done', "--", "{target}"],
    "hostile": [
        "sh",
        "-c",
        r'head -c 10000000 /dev/zero | tr "\0" x; echo; printf "\033[31mred\033[0m \033]0;title\007\n\377\376bad\n"',
        "--",
        "{target}",
    ],
}

SCOPE = ScopePolicy(commands=COMMANDS)


async def request(station: Station, tool: str, targets: Sequence[str], **more: Any) -> Job:
    wanted = JobRequest(tool=tool, targets=list(targets), **more)
    made = plan(wanted, policy=station.scope or SCOPE, catalogue=Catalogue(), clock=SystemClock())
    return await station.jobs.request(made, by=BY)


async def start_agent(station: Station, name: str, *, scope: ScopePolicy = SCOPE, **more: Any) -> JobAgent:
    configuration = JobAgentConfiguration(
        credentials=Path("unused"), outbox=station.folder / f"{name}.db", scope=scope, **more
    )
    identity = await station.identity(name, Role.JOB)
    agent = JobAgent(identity=identity, clock=SystemClock(), configuration=configuration)
    await station.start(agent)
    return agent


async def start_hub(station: Station, scope: ScopePolicy = SCOPE) -> None:
    station.scope = scope
    await station.start_hub()


async def ended(station: Station, job: Job) -> bool:
    return (await station.jobs.get(job.uuid)).ended_at is not None


async def stored(station: Station) -> list[str]:
    return list(
        await station.database.read(lambda connection: connection.execute(select(tables.item.c.uuid)).scalars().all())
    )


async def runs(station: Station, job: Job) -> list[Any]:
    return (await station.jobs.runs(job.uuid, limit=1000)).rows


async def texts(station: Station, job: Job) -> list[str]:
    return [line.text for line in await station.jobs.output(job.uuid)]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_job_over_three_targets(station: Station, until: Until) -> None:
    # Given a hub and a job agent
    await start_hub(station)
    await start_agent(station, "worker")
    # When a job over three targets is requested
    job = await request(station, "echo", ["127.0.0.1", "127.0.0.2", "localhost"])
    await until(lambda: ended(station, job))
    # Then each run brought its item, under the run's own uuid, and its output was told
    after = await station.jobs.get(job.uuid)
    assert (after.state, after.done, after.active) == ("done", 3, 0)
    done = await runs(station, job)
    assert [run.target for run in done] == ["127.0.0.1", "127.0.0.2", "localhost"]
    assert {run.exit_code for run in done} == {0}

    async def all_stored() -> bool:
        return sorted(await stored(station)) == sorted(run.uuid for run in done)

    await until(all_stored)
    assert await texts(station, job) == ["seen 127.0.0.1", "seen 127.0.0.2", "seen localhost"]


async def test_a_built_in_tool_tells_its_result(station: Station, until: Until) -> None:
    await start_hub(station)
    await start_agent(station, "worker")
    job = await request(station, "tcp-connect", ["127.0.0.1"], arguments={"ports": [1]})
    await until(lambda: ended(station, job))
    assert (await station.jobs.get(job.uuid)).state == "done"
    assert any("refused" in text for text in await texts(station, job))


async def _many(station: Station, until: Until, *, agents: int, count: int, seconds: float) -> None:
    await start_hub(station)
    for number in range(agents):
        await start_agent(station, f"worker{number}")
    targets = [f"127.0.{number // 250}.{number % 250 + 1}" for number in range(count)]
    job = await request(station, "echo", targets, parallel=agents)
    async with asyncio.timeout(seconds):
        while not await ended(station, job):
            await asyncio.sleep(0.1)
    done = (await station.jobs.get(job.uuid)).done
    assert done == count

    async def all_stored() -> bool:
        return await station.count() >= count

    await until(all_stored)
    expected = []
    cursor = None
    while True:
        page = await station.jobs.runs(job.uuid, limit=1000, cursor=cursor)
        expected += page.rows
        if (cursor := page.next) is None:
            break
    assert sorted(await stored(station)) == sorted(run.uuid for run in expected)
    assert {run.attempts for run in expected} == {1}
    by = Counter(run.agent for run in expected)
    assert len(by) == agents


async def test_100_runs_over_4_agents_are_each_recorded_once(station: Station, until: Until) -> None:
    await _many(station, until, agents=4, count=100, seconds=2 * PATIENCE)


@pytest.mark.long
async def test_1000_runs_over_8_agents_are_each_recorded_once(station: Station, until: Until) -> None:
    await _many(station, until, agents=8, count=1000, seconds=600)


async def test_cancelling_ends_the_command_and_its_children(station: Station, until: Until) -> None:
    # Given a run that has started, and told the number of its child
    await start_hub(station)
    await start_agent(station, "worker")
    job = await request(station, "slow", ["127.0.0.1", "127.0.0.2"], parallel=1)

    async def told() -> bool:
        return len(await texts(station, job)) >= 2

    await until(told)
    child = int(next(text for text in await texts(station, job) if text.isdigit()))
    assert alive(child)
    # When the job is cancelled
    began = time.monotonic()
    await station.jobs.cancel(job.uuid, by=BY)
    await until(lambda: not alive(child))
    # Then child and command are gone within two seconds, and what waited is not begun
    assert time.monotonic() - began < bound(2.0)
    await until(lambda: ended(station, job))
    after = await station.jobs.get(job.uuid)
    assert (after.state, after.cancelled, after.done) == ("cancelled", 2, 0)
    assert await station.count() == 0


async def test_cancelling_ends_a_command_that_does_not_want_to(station: Station, until: Until) -> None:
    await start_hub(station)
    await start_agent(station, "worker")
    job = await request(station, "stubborn", ["127.0.0.1"])

    async def told() -> bool:
        return bool(await texts(station, job))

    await until(told)
    pid = int((await texts(station, job))[0])
    began = time.monotonic()
    await station.jobs.cancel(job.uuid, by=BY)
    await until(lambda: not alive(pid))
    # BEAT_EVERY and GRACE are 1.4 s.
    assert time.monotonic() - began < bound(4.0)


async def test_the_probes_own_scope_refuses(station: Station, until: Until) -> None:
    # Given an agent whose own scope is narrower than the fleet's
    await start_hub(station)
    await start_agent(station, "worker", scope=ScopePolicy(allow=["127.0.0.1"], commands=COMMANDS))
    job = await request(station, "echo", ["127.0.0.1", "127.0.0.9"])
    await until(lambda: ended(station, job))
    # Then what it does not allow is refused, with the reason, and leaves no item
    states = {run.target: (run.state, run.reason) for run in await runs(station, job)}
    assert states["127.0.0.1"][0] == "done"
    assert states["127.0.0.9"][0] == "refused"
    assert "in no allowed network" in states["127.0.0.9"][1]


async def test_a_command_that_is_another_one_at_the_probe_is_refused(station: Station, until: Until) -> None:
    await start_hub(station)
    await start_agent(station, "worker", scope=ScopePolicy(commands={"echo": ["echo", "harmless"]}))
    job = await request(station, "echo", ["127.0.0.1"])
    await until(lambda: ended(station, job))
    (run,) = await runs(station, job)
    assert (run.state, "another one here" in run.reason) == ("refused", True)


async def test_the_hubs_signed_scope_counts_at_the_probe_too(station: Station, until: Until) -> None:
    """What came into the store past the check, such as under an earlier policy, is not run."""
    await start_hub(station)
    job = await request(station, "echo", ["192.0.2.1"])
    wide = ScopePolicy(allow=["0.0.0.0/0"], commands=COMMANDS)
    await start_agent(station, "worker", scope=wide)
    await until(lambda: ended(station, job))
    (run,) = await runs(station, job)
    assert run.state == "refused"


async def test_a_job_for_a_named_agent_waits_for_it(station: Station, until: Until) -> None:
    await start_hub(station)
    await start_agent(station, "worker")
    chosen = station.jid("chosen")
    named = await request(station, "echo", ["127.0.0.1"], agents=[chosen])
    free = await request(station, "echo", ["127.0.0.2"])
    await until(lambda: ended(station, free))
    assert not await ended(station, named)
    await start_agent(station, "chosen")
    await until(lambda: ended(station, named))
    assert [run.agent for run in await runs(station, named)] == [chosen]


async def test_an_agent_that_stops_gives_its_run_to_another(station: Station, until: Until) -> None:
    await start_hub(station)
    first = await start_agent(station, "first")
    job = await request(station, "slow", ["127.0.0.1"])

    async def told() -> bool:
        return bool(await texts(station, job))

    await until(told)
    await first.stop()
    (run,) = await runs(station, job)
    assert (run.state, run.agent) == ("requested", "")
    await start_agent(station, "second")

    async def taken() -> bool:
        return any(run.agent == station.jid("second") for run in await runs(station, job))

    await until(taken)


async def test_a_hub_that_was_away_takes_nothing_from_those_who_went_on(station: Station, until: Until) -> None:
    # Given a run at work under a lease that is over before the hub is back
    await start_hub(station)
    await start_agent(station, "worker")
    job = await request(station, "slow", ["127.0.0.1"], time_limit=3)

    async def told() -> bool:
        return bool(await texts(station, job))

    await until(told)
    serving = station.registry.serving
    assert serving is not None
    serving.kill()
    await serving.ended()
    over = update(job_run).values(due_at=1)
    await station.database.write(lambda connection: connection.execute(over).rowcount)
    # When it comes back
    await station.registry.stop()
    again = await station.restart_registry()
    await until(lambda: again.online)
    await until(lambda: ended(station, job))
    # Then the run was done once, by whom it was given to
    (run,) = await runs(station, job)
    assert (run.state, run.attempts) == ("done", 1)


async def test_hostile_output_is_shown_bounded_and_harmless(station: Station, until: Until) -> None:
    await start_hub(station)
    await start_agent(station, "worker")
    job = await request(station, "hostile", ["127.0.0.1"])
    await until(lambda: ended(station, job))
    lines = await texts(station, job)
    assert [len(line) < 2_100 for line in lines] == [True] * 3
    assert lines[0].startswith("xxx")
    assert lines[1] == "red "
    assert lines[2] == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}bad"
    assert os.linesep not in lines[0]
