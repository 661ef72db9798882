"""The port to external commands: no shell, bounded in time and output, ended with all their children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vedette.clock import Clock
from vedette.tools.interface import MAX_STDERR, Limits, Result
from vedette.tools.spill import Spill

GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""

FLOOD = 64 * 1024 * 1024
"""Bytes of output past which a command is ended: draining it takes the time of everything else here."""

NOT_FOUND = 127
"""Exit code of a command that is not there (POSIX.1-2017, 2.8.2)."""

NOT_EXECUTABLE = 126
"""Exit code of a command that cannot be executed (POSIX.1-2017, 2.8.2)."""

MARK = "VEDETTE_LAUNCHED"
"""Variable by which a launcher finds what an agent that died left running; it holds a random word, no secret."""

_POLL = 0.02
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _Output(asyncio.Protocol):
    """The reading end of a pipe: keeps the first bytes and drains the rest, so that the writer never blocks."""

    def __init__(self, *, limits: Limits, flooded: asyncio.Event, number: int) -> None:
        self._number = number
        self._limits = limits
        self._flooded = flooded
        self._received = 0
        self._spill: Spill | None = None
        self.kept = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Keep what fits."""
        if self._limits.heard is not None:
            self._limits.heard(self._number, data)
        room = self._limits.output_limit - len(self.kept)
        if room < len(data) and self._spill is None and self._limits.folder is not None:
            self._spill = Spill(folder=self._limits.folder, limit=self._limits.most)
            self._spill.write(self.kept)
        if self._spill is not None:
            self._spill.write(data)
        if room > 0:
            self.kept += data[:room]
        self._received += len(data)
        if self._received > max(FLOOD, self._limits.most):
            self._flooded.set()

    def finish(self) -> Path | None:
        """Return the file with all that is kept, where it is more than `kept` has."""
        return None if self._spill is None else self._spill.finish()

    def discard(self) -> None:
        """Remove the file, where there is one; harmless after `finish`."""
        if self._spill is not None:
            self._spill.discard()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that every writer is gone."""
        self.ended.set()

    @property
    def truncated(self) -> bool:
        """Whether there was more than is kept."""
        spilled = self._spill is not None and self._spill.failure == ""
        return self._received > (self._limits.most if spilled else self._limits.output_limit)

    @property
    def note(self) -> str:
        """Why less is kept than might be; empty otherwise."""
        return "" if self._spill is None else self._spill.failure


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """How a command ended."""

    exit_code: int
    timed_out: bool = False
    note: str = ""


def search_path() -> str:
    """Return the PATH that commands are looked up in and run with."""
    return os.environ.get("PATH") or _DEFAULT_PATH


def executable(name: str) -> str | None:
    """Return the path of a command, or None where it is not installed; a path is relative to where we run."""
    if "/" in name:
        return str(Path(name).absolute()) if Path(name).exists() else None
    return shutil.which(name, path=search_path())


def environment() -> dict[str, str]:
    """Return all that a command sees of ours: no token or password of the agent's environment reaches it."""
    marks = {MARK: os.environ[MARK]} if MARK in os.environ else {}
    return {"PATH": search_path(), "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), "TZ": "UTC", **marks}


async def run_command(
    argv: Sequence[str],
    *,
    limits: Limits,
    clock: Clock,
    format: str = "raw",
    content_type: str = "application/octet-stream",
) -> Result:
    """Run a command in a new session and a fresh working directory and return what it brought.

    At the time limit, or when this coroutine is cancelled, its process group gets SIGTERM, and SIGKILL after
    `GRACE`. What it leaves behind in its group when it exits is ended likewise.
    """
    started_at = clock.now()
    with tempfile.TemporaryDirectory(prefix="vedette-run-", ignore_cleanup_errors=True) as folder:
        output, errors, ending = await _run(tuple(argv), limits=limits, folder=folder)
    file = output.finish()
    notes = (errors.kept.decode("utf-8", errors="replace").strip(), ending.note, output.note)
    return Result(
        format=format,
        content_type=content_type,
        payload=bytes(output.kept),
        command=tuple(argv),
        exit_code=ending.exit_code,
        stderr="\n".join(filter(None, notes)),
        started_at=started_at,
        ended_at=clock.now(),
        truncated=output.truncated,
        timed_out=ending.timed_out,
        file=file,
    )


async def _run(argv: tuple[str, ...], *, limits: Limits, folder: str) -> tuple[_Output, _Output, _Ending]:
    flooded = asyncio.Event()
    output = _Output(limits=limits, flooded=flooded, number=1)
    errors = _Output(limits=Limits(output_limit=MAX_STDERR, heard=limits.heard), flooded=flooded, number=2)
    path = executable(argv[0])
    if path is None:
        return output, errors, _Ending(exit_code=NOT_FOUND, note=f"{argv[0]}: command not found")
    async with contextlib.AsyncExitStack() as stack:
        unfinished = stack.enter_context(contextlib.ExitStack())
        unfinished.callback(output.discard)
        out_pipe = await _pipe(output, stack)
        error_pipe = await _pipe(errors, stack)
        try:
            process = await _start(argv, path=path, out=out_pipe, errors=error_pipe, folder=folder)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return output, errors, _Ending(exit_code=NOT_EXECUTABLE, note=f"{argv[0]}: {reason}")
        finally:
            # Ours must go, or the end of the output would never be seen.
            os.close(out_pipe)
            os.close(error_pipe)
        ending = await _attend(process, flooded=flooded, time_limit=limits.time_limit)
        # A daemon that left the process group may hold the pipe open for ever.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await output.ended.wait()
                await errors.ended.wait()
        unfinished.pop_all()
    return output, errors, ending


async def _pipe(protocol: _Output, stack: contextlib.AsyncExitStack) -> int:
    """Connect `protocol` to a new pipe and return the writing end; leaving `stack` closes the reading one."""
    reading, writing = os.pipe()
    file = os.fdopen(reading, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
    stack.callback(transport.close)
    return writing


async def _start(
    argv: tuple[str, ...], *, path: str, out: int, errors: int, folder: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        executable=path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=errors,
        cwd=folder,
        env=environment(),
        start_new_session=True,
    )


async def _attend(process: asyncio.subprocess.Process, *, flooded: asyncio.Event, time_limit: float) -> _Ending:
    """Wait for the end of a command, or bring it about."""
    exit_waiter = asyncio.create_task(process.wait())
    flood_waiter = asyncio.create_task(flooded.wait())
    try:
        done, _ = await asyncio.wait(
            {exit_waiter, flood_waiter}, timeout=time_limit, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        flood_waiter.cancel()
        try:
            await end_group(process.pid)
        finally:
            # Bounded, because a process stuck in the kernel outlives even SIGKILL.
            await asyncio.wait({exit_waiter}, timeout=GRACE)
    exit_code = exit_waiter.result() if exit_waiter.done() else -signal.SIGKILL
    if not done:
        return _Ending(exit_code=exit_code, timed_out=True, note=f"ended at its time limit of {time_limit:g} s")
    if exit_waiter not in done:
        return _Ending(exit_code=exit_code, note=f"ended: more than {FLOOD} bytes of output")
    return _Ending(exit_code=exit_code)


async def end_group(group: int) -> None:
    """End what is left of a process group: SIGTERM, `GRACE` seconds, SIGKILL."""
    try:
        _signal(group, signal.SIGTERM)
        for _ in range(int(GRACE / _POLL)):
            if not _signal(group, 0):
                return
            await asyncio.sleep(_POLL)
    finally:
        # Also when cancelled once more while waiting.
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a group and return whether anybody is in it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Only processes of another user are left, such as a set-user-ID program.
        return True
    return True
