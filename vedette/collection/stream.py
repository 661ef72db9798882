"""Lines of a command as they come: no shell, read no faster than they are taken, ended with all its children."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import IO

from vedette.errors import VedetteError
from vedette.tools.process import end_group, environment, executable

LINE = 1024 * 1024
"""Bytes of a line; what is longer is cut there, and goes on as the next."""

LINGER = 0.5
"""Seconds that lines wait for others."""

_READ = 256 * 1024
_ERRORS = 4 * 1024


class CommandError(VedetteError):
    """A command is not there, or failed; the message says what it said itself."""


class CommandStream:
    """A running command."""

    def __init__(
        self, argv: Sequence[str], *, stdin: int | IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> None:
        """Describe it; its input is empty, and its output is for `batches`, unless they go elsewhere."""
        self._argv = tuple(argv)
        self._stdout = asyncio.subprocess.PIPE if stdout is None else stdout
        self._stdin = asyncio.subprocess.DEVNULL if stdin is None else stdin
        self._process: asyncio.subprocess.Process | None = None
        self._errors = bytearray()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> CommandStream:
        """Start it.

        Raises:
            CommandError: it is not installed, or cannot be executed.
        """
        path = executable(self._argv[0])
        if path is None:
            raise CommandError(f"{self._argv[0]} is not installed")
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                executable=path,
                stdin=self._stdin,
                stdout=self._stdout,
                stderr=asyncio.subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CommandError(f"{self._argv[0]}: {getattr(error, 'strerror', None) or error}") from error
        self._listening = asyncio.create_task(self._keep_errors(self._process), name=f"{self._argv[0]} errors")
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, and all that it started."""
        if self._process is None or self._listening is None:
            return
        try:
            await end_group(self._process.pid)
        finally:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            await self._process.wait()
            # The pipes' ends are ours, and nobody reads them any more.
            self._process._transport.close()  # type: ignore[attr-defined]

    async def batches(self, *, most: int) -> AsyncIterator[list[bytes]]:
        """Yield lines without their ends, as many as came, at least every `LINGER` seconds where there are any.

        Raises:
            CommandError: it failed; what it said before was yielded.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise CommandError(f"{self._argv[0]} was not started")
        rest = b""
        lines: list[bytes] = []
        until: float | None = None
        while True:
            try:
                async with asyncio.timeout_at(until):
                    data = await process.stdout.read(_READ)
            except TimeoutError:
                yield lines
                lines, until = [], None
                continue
            if not data:
                break
            *whole, rest = (rest + data).split(b"\n")
            lines += whole
            if len(rest) > LINE:
                lines.append(rest)
                rest = b""
            if len(lines) >= most:
                yield lines
                lines, until = [], None
            elif lines and until is None:
                until = asyncio.get_running_loop().time() + LINGER
        if rest or lines:
            yield [*lines, rest] if rest else lines
        await self.ended()

    async def ended(self) -> None:
        """Wait until it has ended by itself.

        Raises:
            CommandError: it failed.
        """
        process = self._process
        if process is None:
            return
        code = await process.wait()
        if self._listening is not None:
            await self._listening
        if code:
            said = self._errors.decode("utf-8", errors="replace").strip()
            raise CommandError(f"{self._argv[0]} ended with {code}: {said or 'it said nothing'}")

    async def _keep_errors(self, process: asyncio.subprocess.Process) -> None:
        while process.stderr is not None and (data := await process.stderr.read(_ERRORS)):
            # The last of it: what it ended with.
            self._errors = (self._errors + data)[-_ERRORS:]
