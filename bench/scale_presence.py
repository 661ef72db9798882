"""What an agent that is merely there costs one ejabberd and one hub: thousands of light agents."""

from __future__ import annotations

import asyncio
from pathlib import Path

import light_agents
import psutil
from figures import Figure, cpu_seconds, percentile, say
from fleet import lag
from places import Hub, running_ejabberd, running_hub
from told import Told, told

CHANGES = 200
"""Changes of presence that are timed."""

CHANGES_A_SECOND = 20.0
"""How fast they follow each other."""

MEBIBYTE = 1024 * 1024


async def measure_presence(folder: Path, count: int, *, seconds: float) -> None:
    """Have light agents there at once and print what each costs.

    Args:
        folder: where everything is kept.
        count: agents.
        seconds: for which they are merely watched.
    """
    async with running_ejabberd(folder / "xmpp") as server:
        xmpp = {"server": "ejabberd", "folder": str(folder / "xmpp")}
        async with running_hub(folder / "fleet", xmpp=xmpp, server_pid=server.pid) as hub:
            say(f"enrolling {count} agents")
            await hub.enrol(*(f"light{number:05}" for number in range(count)))
            await _measure(hub, count, seconds=seconds)


async def _measure(hub: Hub, count: int, *, seconds: float) -> None:
    memory, cpu = _memory(hub), _cpu(hub)
    async with told(Path(light_agents.__file__), str(hub.fleet.paths.credentials)) as process:
        answer = await process.do("start")
        await _all_present(hub, count)
        say(f"{count} agents are there after {answer['seconds']:.0f} s")
        for name, used in _cpu(hub).items():
            Figure(
                name=f"CPU of the {name} to take an agent", value=(used - cpu[name]) / count * 1000, unit="ms"
            ).emit()
        for name, bytes_ in _memory(hub).items():
            value = (bytes_ - memory[name]) / count / 1024
            Figure(name=f"memory of the {name} for an agent, of {count}", value=value, unit="KiB").emit()
        cpu = _cpu(hub)
        await asyncio.sleep(seconds)
        for name, used in _cpu(hub).items():
            value = (used - cpu[name]) / seconds / count * 1_000_000
            Figure(name=f"CPU of the {name} for an agent that is there", value=value, unit="µs/s").emit()
        await _measure_changes(hub, process, count)


async def _measure_changes(hub: Hub, process: Told, count: int) -> None:
    hub.presences.clear()
    changes = min(CHANGES, count)
    answer = await process.do("change", count=changes, rate=CHANGES_A_SECOND)
    until = asyncio.get_running_loop().time() + 10.0
    while len(hub.presences) < changes and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.1)
    times = [lag(hub, change) for change in answer["changes"]]
    seen = [time for time in times if time is not None]
    say(f"{len(seen)} of {len(times)} changes seen")
    # What was not seen counts as the longest wait there was.
    waits = seen + [10_000.0] * (len(times) - len(seen))
    Figure(
        name=f"presence change seen by the registry, of {count}, p99",
        value=percentile(waits, 0.99),
        unit="ms",
        target=1000.0,
        at_most=True,
    ).emit()


async def _all_present(hub: Hub, count: int) -> None:
    there: set[str] = set()
    while len(there) < count:
        await asyncio.sleep(0.2)
        there = {jid for jid, show, _ in hub.presences if jid.startswith("light") and show == "available"}


def _memory(hub: Hub) -> dict[str, int]:
    return {name: psutil.Process(pid).memory_info().rss for name, pid in hub.pids.items()}


def _cpu(hub: Hub) -> dict[str, float]:
    return {name: cpu_seconds([pid]) for name, pid in hub.pids.items()}
