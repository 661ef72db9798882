"""`GET /v1/events`: what happens, as server-sent events; who comes back goes on where it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope

from registry.callers import Scope
from registry.live_events import TOPICS, LiveEvents, Position
from vedette.errors import StoreError
from web.api.access import Rule, Rules
from web.api.application import EVENTS_PATH
from web.api.direct import add_direct
from web.api.event_stream import CrowdedError, EventStream, StoppedError, Subscriber
from web.api.problems import ProblemError
from web.api.scandale_forms import parameter, read_query
from web.api.v1.described import problems
from web.api.wire import ABORT

RETRY = 2_000
"""Milliseconds after which a browser that lost the connection comes again."""

SLOW = 30.0
"""Seconds that a subscriber may take to read what waits for it, before it is broken off."""

CHECK_EVERY = 5.0
"""Seconds between looks whether a subscriber may still be here."""

_RESET = "events before this were not kept apart: the position is of another store"


class EventRoutes:
    """`GET /v1/events`."""

    def __init__(self, *, stream: EventStream, events: LiveEvents) -> None:
        self._stream = stream
        self._events = events

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        rule = rules.any_of(Scope.READ)
        text = f"Kinds of events with a comma between: {', '.join(TOPICS)}. All unless said."
        header = "The id of the last event that came: everything after it follows."
        parameters = [
            parameter("topics", {"type": "string"}, text),
            parameter("last_event_id", {"type": "string"}, "As the header, for who cannot set one."),
            parameter("Last-Event-ID", {"type": "string"}, header, where="header"),
        ]
        responses: dict[int | str, dict[str, Any]] = {
            200: {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **problems(401, 403, 422, 503),
        }

        async def get(request: Request) -> Response:
            return await self._get(request, rule)

        get.__doc__ = "Stream events as they happen, until the client leaves."
        add_direct(app, EVENTS_PATH, get, rule=rule, parameters=parameters, responses=responses)

    async def _get(self, request: Request, rule: Rule) -> Response:
        query = read_query(request, "topics", "last_event_id")
        topics = read_topics(query.get("topics", ""))
        text = request.headers.get("last-event-id") or query.get("last_event_id") or ""
        after = Position.parse(text) if text else None
        known = after is None or (await self._events.now()).covers(after)
        if self._stream.is_full:
            raise ProblemError(503, "as many subscribers are connected as may be", headers={"Retry-After": "5"})

        async def still_good() -> bool:
            return await rule.still_good(request)

        return _EventAnswer(self._stream, topics, after if known else None, reset=not known, still_good=still_good)


def read_topics(text: str) -> Collection[str]:
    """Return the topics of a list with commas; all, where it is empty.

    Raises:
        ProblemError: 422, one is not known.
    """
    names = [name.strip() for name in text.split(",")] if text else list(TOPICS)
    for name in names:
        if name not in TOPICS:
            raise ProblemError(422, f"query.topics: {name[:64]!r} is not one of {', '.join(TOPICS)}")
    return names


class _EventAnswer(Response):
    """An answer that goes on until the client leaves, the hub stops, or the caller's key is taken away."""

    def __init__(
        self,
        stream: EventStream,
        topics: Collection[str],
        after: Position | None,
        *,
        reset: bool,
        still_good: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self.headers["Cache-Control"] = "no-store"
        # nginx would collect events otherwise.
        self.headers["X-Accel-Buffering"] = "no"
        self._stream = stream
        self._topics = topics
        self._after = after
        self._reset = reset
        self._still_good = still_good

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        patient = Patient(scope, send)
        try:
            async with self._stream.subscribe(self._topics, after=self._after) as subscriber:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await _until_left(self._send(subscriber, patient), receive)
        except CrowdedError as error:
            raise ProblemError(503, str(error), headers={"Retry-After": "5"}) from error
        except TimeoutError as error:
            self._stream.counters["too slow"] += 1
            patient.abort()
            raise ClientDisconnect from error
        await patient.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, subscriber: Subscriber, patient: Patient) -> None:
        # Who is cut off before the first event comes back with this id.
        begin = b"retry: %d\nid: %b\n\n" % (RETRY, str(subscriber.position).encode())
        if self._reset:
            begin += b"event: reset\ndata: %b\n\n" % orjson.dumps({"reason": _RESET})
        await patient.send({"type": "http.response.body", "body": begin, "more_body": True})
        checked = time.monotonic()
        try:
            while True:
                entries = await subscriber.next()
                if time.monotonic() - checked >= CHECK_EVERY:
                    if not await self._still_good():
                        return
                    checked = time.monotonic()
                body = b"".join([entry.frame for entry in entries]) or b":\n\n"
                await patient.send({"type": "http.response.body", "body": body, "more_body": True})
        except (StoppedError, StoreError):
            # The client comes again, and is told then what is wrong.
            return


class Patient:
    """Sends to a client that may be slow, but not for ever."""

    def __init__(self, scope: AsgiScope, send: Send) -> None:
        self._abort = scope.get("extensions", {}).get(ABORT)
        self._send = send
        self._patience = SLOW

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            TimeoutError: the client does not read.
        """
        async with asyncio.timeout(self._patience):
            await self._send(message)

    def abort(self) -> None:
        """Break the connection off: to close it would wait until the client reads."""
        if self._abort is not None:
            self._abort()


async def _until_left(work: Awaitable[None], receive: Receive) -> None:
    """Do the work until it is done or the client is gone."""
    working, leaving = asyncio.ensure_future(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
