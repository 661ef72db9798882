"""How many requests are worked on at the same time; streams of events are counted apart, where they are served."""

from __future__ import annotations

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from web.api.problems import problem_response

REQUESTS = 256
"""Requests in progress; one more is answered 503 at once."""

STREAMS = 2_000
"""Open streams of events, WebSockets included."""


class Concurrency:
    """An ASGI middleware: bounds the requests in progress, so that a crowd is told to wait and nothing falls over."""

    def __init__(self, app: ASGIApp, *, streams: Collection[str], limit: int = REQUESTS) -> None:
        """Describe it.

        Args:
            app: what is protected.
            streams: paths whose answers go on and on, which count their own.
            limit: requests in progress.
        """
        self._app = app
        self._streams = frozenset(streams)
        self._limit = limit
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._streams:
            await self._app(scope, receive, send)
            return
        if self._running >= self._limit:
            headers = {"Retry-After": "1", "Connection": "close"}
            response = problem_response(503, "too many requests at the same time; try again", headers=headers)
            await response(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1
