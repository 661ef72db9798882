"""Parsing hostile bytes in processes of their own: one that takes too long or too much is killed, and only it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import vedette
from vedette.collection import frames
from vedette.collection.content import Content, ProcessingError, ProcessingLimits
from vedette.tools.process import environment

MEMORY = 1 << 30
"""Bytes of address space that a worker may have."""

WORKERS = 2
"""Workers at a time: parsing is what costs time, and there are rarely more cores to spare."""

_MARGIN = 5.0
"""Seconds beside the time limit that a worker has to start and to notice by itself."""

_RECYCLED = 5_000
"""Questions after which a worker is replaced: other people's parsers leak."""


class _Worker:
    """One process and what it was asked."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.asked = 0

    async def ask(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Return its answer."""
        writer, reader = self.process.stdin, self.process.stdout
        if writer is None or reader is None:
            raise frames.FrameError("the worker has no pipes")
        self.asked += 1
        writer.write(frames.pack(question, data))
        await writer.drain()
        head, size = frames.lengths(await reader.readexactly(frames.HEAD.size))
        told = frames.unpack(await reader.readexactly(head))
        return told, await reader.readexactly(size)

    async def end(self) -> None:
        """Kill it, and wait until it is gone."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        # The pipe's transport closes itself a turn of the loop later.
        await asyncio.sleep(0)


class Isolation:
    """Processes that parse, started when they are needed."""

    def __init__(
        self, *, limits: ProcessingLimits | None = None, workers: int = WORKERS, memory: int = MEMORY
    ) -> None:
        self.limits = limits or ProcessingLimits()
        self._memory = memory
        self._free = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self.killed = 0
        """Workers that had to be killed or died."""

    async def process(self, content: Content, steps: Sequence[str]) -> list[Content]:
        """Return what becomes of a content after post-processors.

        Raises:
            ProcessingError: one cannot do it, is unknown, or went past a limit.
        """
        question = {
            "task": "process",
            "steps": list(steps),
            "content_type": content.content_type,
            "charset": content.charset,
            "limits": asdict(self.limits),
        }
        told, data = await self.ask(question, content.data)
        parts = []
        at = 0
        for part in told["parts"]:
            size = int(part.pop("size"))
            parts.append(Content(data=data[at : at + size], **part))
            at += size
        return parts

    async def read_feed(self, content: Content) -> dict[str, Any]:
        """Return a feed, as `feeds.read_feed` has it.

        Raises:
            ProcessingError: it is none, or went past a limit.
        """
        charset = f"; charset={content.charset}" if content.charset else ""
        kind = f"{content.content_type}{charset}" if content.content_type else ""
        told, _ = await self.ask({"task": "feed", "content_type": kind}, content.data)
        return told

    async def find_links(
        self, content: Content, *, base: str, patterns: Sequence[tuple[str | None, str | None]]
    ) -> list[list[str]]:
        """Return the addresses that a page names, a list for each pair of regular expression and CSS selector.

        Raises:
            ProcessingError: it is no page, or went past a limit.
        """
        question = {
            "task": "links",
            "base": base,
            "charset": content.charset,
            "patterns": [list(pair) for pair in patterns],
        }
        told, _ = await self.ask(question, content.data)
        return [list(found) for found in told["found"]]

    async def ask(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Return a worker's answer to a question, one of `worker.TASKS`.

        Raises:
            ProcessingError: it cannot do it, or went past a limit.
        """
        async with self._free:
            worker = self._idle.pop() if self._idle else await self._start()
            try:
                async with asyncio.timeout(self.limits.seconds + _MARGIN):
                    told, made = await worker.ask(question, data)
            except TimeoutError as error:
                await self._drop(worker)
                raise ProcessingError(f"takes longer than {self.limits.seconds:g} s") from error
            except (EOFError, OSError, frames.FrameError) as error:
                await self._drop(worker)
                raise ProcessingError("ended the process that parses it: too large or too deep for it") from error
            except BaseException:
                # Cancelled in the middle of an answer: what is left of it must not reach the next question.
                await self._drop(worker, counted=False)
                raise
            await self._put_back(worker)
        if "error" in told:
            raise ProcessingError(str(told["error"]))
        return told, made

    async def _start(self) -> _Worker:
        # The folder of this package comes first, so that the worker runs the same code, from wherever it is started.
        root = str(Path(vedette.__file__).parents[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vedette.collection.worker",
            str(self._memory),
            str(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**environment(), "PYTHONPATH": root, "PYTHONSAFEPATH": "1"},
            start_new_session=True,
        )
        worker = _Worker(process)
        self._all.add(worker)
        return worker

    async def _put_back(self, worker: _Worker) -> None:
        if worker.asked >= _RECYCLED:
            await self._drop(worker, counted=False)
        else:
            self._idle.append(worker)

    async def _drop(self, worker: _Worker, *, counted: bool = True) -> None:
        self.killed += counted
        self._all.discard(worker)
        await asyncio.shield(worker.end())

    async def rest(self) -> None:
        """End the workers that do nothing: each holds what it imported. Others are started when they are needed."""
        while self._idle:
            await self._drop(self._idle.pop(), counted=False)

    async def aclose(self) -> None:
        """End all workers."""
        self._idle.clear()
        for worker in list(self._all):
            await self._drop(worker, counted=False)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers."""
        await self.aclose()
