"""Keeping a fleet's processes running: started in order, restarted when they die, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from vedette.delivery.backoff import Backoff
from vedette.errors import VedetteError
from vedette.log import Logger, logger

READY_WITHIN = 90.0
"""Seconds that a process may take to say that it is ready (2 on an idle machine)."""

STOP_WITHIN = 8.0
"""Seconds between SIGTERM and SIGKILL."""

LINE_LIMIT = 1024 * 1024
"""Bytes of one line that a process reports."""

STEADY_AFTER = 60.0
"""Seconds that a process must have run for its next end to count as the first one."""

USAGE_EXIT = 2
"""Exit code of a process whose configuration is wrong: starting it again would not help."""


class ProcessFailedError(VedetteError):
    """A process of the fleet did not come up; its own log says why."""


@dataclass(kw_only=True)
class Child:
    """One process of the fleet."""

    name: str
    """Such as `hub`."""
    argv: Sequence[str]
    """What is run."""
    process: Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has said that it is ready."""
    report: dict[str, Any] = field(default_factory=dict)
    """What it said when it was ready."""
    error: str = ""
    """Why it cannot run, in its own words."""
    restarts: int = 0
    """How often it was started again."""


class Supervisor:
    """Starts children and keeps them; their JSON lines on stdout are events."""

    def __init__(self, *, on_event: Callable[[str, dict[str, Any]], None]) -> None:
        self._on_event = on_event
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._log: Logger = logger("supervisor")
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Set when a process cannot be kept running, with the reason."""

    async def start(self, name: str, argv: Sequence[str]) -> dict[str, Any]:
        """Start a process and return what it reports when it is ready.

        Raises:
            ProcessFailedError: it ended or said nothing in time.
        """
        child = Child(name=name, argv=argv)
        self._children.append(child)
        await self._spawn(child)
        keeper = asyncio.create_task(self._keep(child), name=f"keep {name}")
        self._tasks.append(keeper)
        ready = asyncio.create_task(child.ready.wait())
        done, _ = await asyncio.wait({keeper, ready}, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if ready not in done:
            ready.cancel()
            code = None if child.process is None else child.process.returncode
            silence = f"it was not ready within {READY_WITHIN:.0f} s; its log is above"
            raise ProcessFailedError(f"the {name} process did not start: {silence if code is None else _end(child)}")
        return child.report

    async def stop(self) -> None:
        """End all processes, the last started first."""
        self._stopping = True
        for child in reversed(self._children):
            await self._end(child)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def replace_argv(self, name: str, argv: Sequence[str]) -> None:
        """Say how a process is to be started the next time, now that its port is known."""
        for child in self._children:
            if child.name == name:
                child.argv = argv

    def report(self, name: str) -> dict[str, Any]:
        """Return what a process said when it was ready."""
        return next(child.report for child in self._children if child.name == name)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    async def _spawn(self, child: Child) -> None:
        child.process = await asyncio.create_subprocess_exec(
            *child.argv,
            "--parent-pid",
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,
        )

    async def _keep(self, child: Child) -> None:
        backoff = Backoff(first=0.5, most=15.0)
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            code = await self._follow(child)
            if self._stopping:
                return
            if not child.ready.is_set() or code == USAGE_EXIT:
                self._give_up(child)
                return
            if loop.time() - started > STEADY_AFTER:
                backoff.reset()
            wait = backoff.next()
            child.restarts += 1
            self._log.error("process died, starts over", process=child.name, exit_code=code, again_in=round(wait, 1))
            await asyncio.sleep(wait)
            if self._stopping:
                return
            await self._spawn(child)

    def _give_up(self, child: Child) -> None:
        if not self.failed.done():
            self.failed.set_result(f"the {child.name} process cannot be kept running: {_end(child)}")

    async def _follow(self, child: Child) -> int:
        process = child.process
        if process is None or process.stdout is None:
            return 1
        while line := await process.stdout.readline():
            self._take(child, line)
        return await process.wait()

    def _take(self, child: Child, line: bytes) -> None:
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            sys.stderr.write(f"{child.name}: {line.decode(errors='replace')}")
            return
        if "error" in event:
            child.error = str(event["error"])
        if event.get("event") == "ready" or "port" in event or "url" in event:
            child.report = event
            child.ready.set()
        self._on_event(child.name, event)

    async def _end(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_WITHIN)
            except TimeoutError:
                self._log.error("process does not end, killed", process=child.name)
                process.kill()
                await process.wait()


def _end(child: Child) -> str:
    """Return why a process ended."""
    code = None if child.process is None else child.process.returncode
    return child.error or f"it ended with exit code {code}; its log is above"
