"""Starting many agents, and the presence of a fleet of them.

`python bench/fleet.py [--quick]` starts ejabberd (TLS), a hub and one process that starts 100 agents (20 with
`--quick`): what each costs there, in the hub and in ejabberd. Then, not with `--quick`, 500 agents in four
processes are registered and present at once: the memory of the hub's process, and the time from an agent's change
of presence until the registry has written it down. The peer of starting is slixmpp alone: a client that logs in.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))

import many_agents
from figures import Figure, cpu_seconds, percentile, say
from places import Hub, bench_folder, has_ejabberd, running_ejabberd, running_hub
from told import Told, told

from vedette import log

PROCESSES = 4
"""Processes that the large fleet's agents are spread over."""

CHANGES = 400
"""Changes of presence that are timed."""

CHANGES_A_SECOND = 40.0
"""How fast they follow each other."""

MEBIBYTE = 1024 * 1024


@dataclass(kw_only=True)
class Plan:
    """How many agents."""

    started: int
    present: int


QUICK = Plan(started=20, present=0)
LONG = Plan(started=100, present=500)


async def start_costs(hub: Hub, files: list[Path]) -> None:
    """Start agents in one process and print what each costs."""
    count = len(files)
    async with told(Path(many_agents.__file__), *map(str, files)) as process:
        peer = await process.do("log_in")
        before = {name: cpu_seconds([pid]) for name, pid in hub.pids.items()}
        answer = await process.do("start")
        others = {name: cpu_seconds([pid]) - before[name] for name, pid in hub.pids.items()}
        say(f"  {count} agents started in {answer['seconds']:.1f} s")
        Figure(
            name="CPU of starting an agent",
            value=answer["cpu_s"] / count * 1000,
            unit="ms/agent",
            target=60.0,
            at_most=True,
            cpu_s=answer["cpu_s"],
            peer=peer["cpu_s"] / count * 1000,
        ).emit()
        Figure(name="memory of an agent", value=answer["memory"] / count / MEBIBYTE, unit="MiB/agent").emit()
        for name, used in others.items():
            Figure(name=f"CPU of the {name} for it", value=used / count * 1000, unit="ms/agent").emit()


async def fleet_presence(hub: Hub, files: list[Path]) -> None:
    """Have many agents present at once; print the registry's memory and how soon it sees changes."""
    async with AsyncExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            share = [str(file) for file in files[number::PROCESSES]]
            processes.append(await stack.enter_async_context(told(Path(many_agents.__file__), *share)))
        say(f"starting {len(files)} agents")
        answers = await asyncio.gather(*(process.do("start") for process in processes))
        say(f"  registered after {max(answer['seconds'] for answer in answers):.1f} s")
        await present(hub, len(files))
        Figure(
            name=f"memory of the registry's process with {len(files)} agents",
            value=psutil.Process(hub.pids["hub"]).memory_info().rss / MEBIBYTE,
            unit="MiB",
            target=400.0,
            at_most=True,
        ).emit()
        await presence_changes(hub, processes)


async def present(hub: Hub, count: int) -> None:
    """Wait until the registry knows so many probes to be there."""
    there: set[str] = set()
    while len(there) < count:
        await asyncio.sleep(0.1)
        there = {jid for jid, show, _ in hub.presences if jid.startswith("agent") and show == "available"}


async def presence_changes(hub: Hub, processes: list[Told]) -> None:
    """Let agents change their presence; print how soon the registry has it."""
    hub.presences.clear()
    share = CHANGES // len(processes)
    rate = CHANGES_A_SECOND / len(processes)
    answers = await asyncio.gather(*(process.do("change", count=share, rate=rate) for process in processes))
    await asyncio.sleep(2.0)
    times = [lag(hub, change) for answer in answers for change in answer["changes"]]
    seen = [time for time in times if time is not None]
    say(f"  {len(seen)} of {len(times)} changes seen")
    # What was not seen counts as the longest wait there was.
    waits = seen + [2000.0] * (len(times) - len(seen))
    for share_of, target in ((0.50, None), (0.99, 1000.0)):
        Figure(
            name=f"presence change seen by the registry, p{share_of * 100:.0f}",
            value=percentile(waits, share_of),
            unit="ms",
            target=target,
            at_most=True,
        ).emit()


def lag(hub: Hub, change: dict[str, Any]) -> float | None:
    """Return milliseconds until the registry had written a change, None if it never did."""
    for jid, show, at in hub.presences:
        if (jid, show) == (change["jid"], change["show"]) and at >= change["at"]:
            return float((at - change["at"]) * 1000)
    return None


async def measure(folder: Path, plan: Plan) -> None:
    """Measure everything."""
    say("starting ejabberd, hub and authority")
    async with running_ejabberd(folder / "xmpp") as server:
        xmpp = {"server": "ejabberd", "folder": str(folder / "xmpp")}
        async with running_hub(folder / "fleet", xmpp=xmpp, server_pid=server.pid) as hub:
            count = max(plan.started, plan.present)
            say(f"enrolling {count} agents")
            files = await hub.enrol(*(f"agent{number}" for number in range(count)))
            await start_costs(hub, files[: plan.started])
            if plan.present:
                await fleet_presence(hub, files[: plan.present])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few agents, for the tests")
    parser.add_argument("--started", type=int, help="only start so many agents, and leave the large fleet out")
    arguments = parser.parse_args()
    log.configure(level="error")
    if not has_ejabberd("nothing can be measured"):
        return
    plan = QUICK if arguments.quick else LONG
    if arguments.started:
        plan = Plan(started=arguments.started, present=0)
    with bench_folder() as folder:
        asyncio.run(measure(folder, plan))


if __name__ == "__main__":
    main()
