"""What processes take while something runs: CPU seconds and the most memory, sampled."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

EVERY = 0.25
"""Seconds between two looks: what a process does between its last look and its end is not seen."""

MEMORY_EVERY = 16
"""Looks at the CPU to one at the memory: of ten processes that takes a tenth of a second, and holds them up."""


@dataclass(kw_only=True)
class Taken:
    """What processes and all that they started took."""

    first: dict[int, float] = field(default_factory=dict)
    """CPU seconds that each had used before."""
    last: dict[int, float] = field(default_factory=dict)
    """CPU seconds that each has used, as last seen."""
    memory: float = 0.0
    """MiB at most, all together: what several share counts once (PSS)."""
    looks: int = 0
    """How often it was looked."""

    @property
    def cpu(self) -> float:
        """CPU seconds."""
        return sum(seconds - self.first.get(pid, 0.0) for pid, seconds in self.last.items())


@asynccontextmanager
async def watched(roots: Callable[[], Iterable[int]], *, every: float = EVERY) -> AsyncIterator[Taken]:
    """Watch processes, and all that they start, for as long as the block lasts."""
    taken = Taken()
    _look(taken, roots())
    taken.first = dict(taken.last)
    task = asyncio.create_task(_keep_looking(taken, roots, every))
    try:
        yield taken
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        _look(taken, roots())


async def _keep_looking(taken: Taken, roots: Callable[[], Iterable[int]], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(_look, taken, roots())


def _look(taken: Taken, roots: Iterable[int]) -> None:
    memory, is_weighed = 0, taken.looks % MEMORY_EVERY == 0
    taken.looks += 1
    for process in _tree(roots):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            times = process.cpu_times()
            taken.last[process.pid] = times.user + times.system
            memory += process.memory_full_info().pss if is_weighed else 0
    taken.memory = max(taken.memory, memory / 2**20)


def _tree(roots: Iterable[int]) -> list[psutil.Process]:
    """Return processes and all that they started, of one reading of the table of processes."""
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    by_pid: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            children[process.ppid()].append(process)
            by_pid[process.pid] = process
    found: dict[int, psutil.Process] = {}
    waiting = [by_pid[pid] for pid in roots if pid in by_pid]
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting += children[process.pid]
    return list(found.values())
