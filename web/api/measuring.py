"""Measuring requests: how many, how they ended and how long they took, by the route's template and never its path."""

from __future__ import annotations

import time

from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ROUTE = "none"
"""Template of what no route answered."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class HttpMeasures:
    """The counters of requests, in a registry of their own: what one application counts no other one shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Where they are collected from, with the hub's own process: memory, processor, open files, start."""
        ProcessCollector(registry=self.registry)
        labels = ("route", "method", "status")
        self._requests = Counter("vedette_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "vedette_http_request_seconds",
            "Time to the end of the answer.",
            labels[:2],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def note(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer; status 0 where there was none."""
        known = method if method in _METHODS else "other"
        kind = f"{status // 100}xx" if status else "none"
        # To find them by their labels takes longer than to count; there are as many as routes, methods and kinds.
        found = self._known.get((route, known, kind))
        if found is None:
            found = self._requests.labels(route, known, kind), self._seconds.labels(route, known)
            self._known[route, known, kind] = found
        requests, duration = found
        requests.inc()
        duration.observe(seconds)


class Measuring:
    """An ASGI middleware around all others: what they refuse is measured, too."""

    def __init__(self, app: ASGIApp, *, measures: HttpMeasures) -> None:
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - began
            self._measures.note(route=_template(scope), method=scope["method"], status=status, seconds=seconds)


def _template(scope: Scope) -> str:
    """Return the template of the route that answered, `/v1/items/{uuid}`: a path would be a label without bound."""
    route = scope.get("route")
    return route.path_format if isinstance(route, APIRoute) else getattr(route, "path", NO_ROUTE)
