"""Processes of benchmarks: one JSON command a line on stdin, one JSON answer a line on stdout.

The end of its stdin, and the end of the benchmark however it comes, ends such a process.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from vedette import log
from vedette.parent import end_with_parent


class Told:
    """A process as its benchmark sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    async def do(self, command: str, **arguments: float | str) -> dict[str, Any]:
        """Give a command and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """Return the next answer."""
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line:
            raise RuntimeError("a process of the benchmark ended; its own words are above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def told(script: Path, *arguments: str) -> AsyncIterator[Told]:
    """Start a script that is ready to be told what to do."""
    argv = [sys.executable, str(script), *arguments, "--parent-pid", str(os.getpid())]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            one = Told(process)
            await one.answer()
            yield one
        except BaseException:
            process.kill()
            raise


def begin(parent_pid: int) -> None:
    """Tie this process to its benchmark and keep its log short."""
    end_with_parent(parent_pid)
    log.configure(level="error")


async def obey(script: object) -> None:
    """Say that we are ready, then call the methods of `script` that stdin names, until it ends."""
    answer: dict[str, Any] = {}
    while True:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        command = json.loads(line)
        answer = await getattr(script, command.pop("do"))(**command)
