"""Whether the hub lives and whether it can work; for supervisors, so without a key and without details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, Response

from vedette.errors import StoreError
from web.api.access import Rules
from web.api.problems import problem_response

Ready = Callable[[], Awaitable[None]]
"""Raises StoreError while nothing can be stored or read."""


class HealthRoutes:
    """`GET /healthz` and `GET /readyz`."""

    def __init__(self, *, ready: Ready) -> None:
        self._ready = ready

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        everybody = [Depends(rules.everybody())]
        app.add_api_route("/healthz", self.live, methods=["GET"], dependencies=everybody)
        app.add_api_route("/readyz", self.ready, methods=["GET"], dependencies=everybody)

    async def live(self) -> Response:
        """Say that the process answers."""
        return JSONResponse({"ok": True})

    async def ready(self) -> Response:
        """Say whether the store can be used."""
        try:
            await self._ready()
        except StoreError:
            return problem_response(503, "the store cannot be used; the log has the reason")
        return JSONResponse({"ok": True})
