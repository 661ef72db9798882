"""A job's output as server-sent events, line by line; who comes back goes on where it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import orjson
from starlette.requests import Request
from starlette.responses import Response

from registry.jobs import Jobs
from vedette.errors import RefusedError
from web.api.access import Rule
from web.api.v1.streams import Slots, Stream

STREAMS = 64
"""Watchers at once."""

LOOK_EVERY = 0.25
"""Seconds between looks for new lines."""

CHECK_EVERY = 5.0
"""Seconds between looks whether the watcher may still be here; an event says then that we are, too."""

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx would collect events otherwise.
    "X-Accel-Buffering": "no",
}


class JobStreams:
    """Sends the output of jobs as it comes."""

    rule: Rule | None = None
    """Who may watch; it is asked again while they do."""

    def __init__(self, *, jobs: Jobs) -> None:
        self._jobs = jobs
        self._slots = Slots(most=STREAMS, what="outputs")

    def answer(self, request: Request, uuid: str, *, after: int) -> Response:
        """Return the stream of a job that there is.

        Raises:
            RefusedError: the header Last-Event-ID is not a position.
            ProblemError: 429, too many watch.
        """
        last = request.headers.get("last-event-id", "")
        if last and not (last.isascii() and last.isdigit() and len(last) <= 18):
            raise RefusedError("Last-Event-ID", "is not a position that this stream gave")
        self._slots.take()
        return Stream(self._events(request, uuid, int(last or after)), headers=_HEADERS, slots=self._slots)

    async def _events(self, request: Request, uuid: str, position: int) -> AsyncGenerator[bytes, None]:
        yield b"retry: 2000\n\n"
        checked = time.monotonic()
        while True:
            ended = (await self._jobs.get(uuid)).ended_at is not None
            lines = await self._jobs.output(uuid, after=position)
            if lines:
                position = lines[-1].position
                yield b"".join(b"id: %d\ndata: %b\n\n" % (line.position, orjson.dumps(line)) for line in lines)
                continue
            if ended:
                yield b"event: end\ndata: %b\n\n" % orjson.dumps(await self._jobs.get(uuid))
                return
            if time.monotonic() - checked >= CHECK_EVERY:
                if self.rule is not None and not await self.rule.still_good(request):
                    return
                checked = time.monotonic()
                yield b":\n\n"
            await asyncio.sleep(LOOK_EVERY)
