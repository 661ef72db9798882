"""Starting job agents as processes while there is work for them; they end by themselves when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from behaviours.supervised import SupervisedBehaviour
from vedette import log
from vedette.clock import Clock
from vedette.configuration.jobs import JobAgentConfiguration
from vedette.delivery.backoff import Backoff
from vedette.errors import ConfigurationError
from vedette.messages.state import Cell, Panel
from vedette.tools.process import MARK

LOOK_EVERY = 0.5
"""Seconds between looks whether there is work."""

STOP_WITHIN = 5.0
"""Seconds between SIGTERM and SIGKILL."""

Demand = Callable[[], Awaitable[int | None]]
"""Returns how many job agents would find work now; None where nobody could say."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A job agent that may be started."""

    name: str
    """Its account's name."""
    file: Path
    """Where its configuration is written."""
    configuration: JobAgentConfiguration
    """What is written."""


@dataclass(kw_only=True)
class _Launched:
    slot: Slot
    backoff: Backoff = field(default_factory=lambda: Backoff(first=1.0, most=60.0))
    not_before: float = 0.0
    mark: str = ""
    process: Process | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None


class LaunchJobAgents(SupervisedBehaviour):
    """Starts as many job agents as find work, at most those that it has credentials for."""

    name: ClassVar[str] = "launch job agents"

    def __init__(self, *, clock: Clock, agent_name: str, slots: Sequence[Slot], demand: Demand) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._slots = [_Launched(slot=slot) for slot in slots]
        self._demand = demand
        self._written = False

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {one.slot.name: one.process.pid for one in self._slots if one.process is not None and one.running}

    async def run(self) -> None:
        """Look after those that ended, and start what is missing."""
        if not self._written:
            for one in self._slots:
                write_configuration(one.slot)
            self._written = True
        for one in self._slots:
            self._look_after(one)
        wanted = await self._demand()
        missing = min(wanted or 0, len(self._slots)) - sum(one.running for one in self._slots)
        now = self.clock.monotonic()
        for one in [one for one in self._slots if not one.running and one.not_before <= now][: max(0, missing)]:
            await self._start(one)
        await self.pause(LOOK_EVERY)

    async def ended(self) -> None:
        """Wait for the end of the behaviour, then end every agent."""
        await super().ended()
        await asyncio.gather(*(self._end(one) for one in self._slots))

    def _look_after(self, one: _Launched) -> None:
        if one.process is None or one.running:
            return
        code, one.process = one.process.returncode, None
        sweep(one.mark)
        if code == 0:
            one.backoff.reset()
            return
        self.counters["died"] += 1
        wait = one.backoff.next()
        one.not_before = self.clock.monotonic() + wait
        self.log.error("job agent died", agent=one.slot.name, exit_code=code, again_in=round(wait, 1))

    async def _start(self, one: _Launched) -> None:
        one.mark = secrets.token_hex(16)
        argv = [sys.executable, "-m", "vedette.cli.main", "agent", "job", "-c", str(one.slot.file)]
        # Standard output is not passed on: the hub's own is read by its supervisor.
        one.process = await asyncio.create_subprocess_exec(
            *argv,
            *("--log-level", log.level()),
            *("--parent-pid", str(os.getpid())),
            stdin=DEVNULL,
            stdout=DEVNULL,
            env={**os.environ, MARK: one.mark},
            start_new_session=True,
        )
        self.counters["started"] += 1
        self.log.info("job agent started", agent=one.slot.name, pid=one.process.pid)

    async def _end(self, one: _Launched) -> None:
        process = one.process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_WITHIN)
            except TimeoutError:
                self.log.error("job agent does not end, killed", agent=one.slot.name)
                process.kill()
                await process.wait()
        sweep(one.mark)

    def panel(self) -> Panel:
        """Return the job agents of this machine as a table."""
        return Panel(
            title="Job agents here",
            columns=["Name", "Process"],
            rows=[
                [Cell(text=one.slot.name, kind="code"), Cell(text=str(self.pids.get(one.slot.name, "not running")))]
                for one in self._slots
            ],
            empty="None may be started here.",
        )


def write_configuration(slot: Slot) -> None:
    """Write a job agent's configuration, atomically.

    Raises:
        ConfigurationError: it cannot be written.
    """
    part = slot.file.with_suffix(".part")
    try:
        slot.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        slot.configuration.outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_text(slot.configuration.model_dump_json(indent=2) + "\n")
        part.replace(slot.file)
    except OSError as error:
        raise ConfigurationError(str(slot.file), "", f"cannot be written: {error.strerror}") from error


def sweep(mark: str) -> int:
    """Kill what an agent that died left running; returns how many processes.

    Commands run in sessions of their own, so the end of their agent does not end them: they are found by the
    variable that only they inherited. Where there is no /proc nothing is found.
    """
    wanted = f"{MARK}={mark}".encode()
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark and wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
                found += 1
    return found
