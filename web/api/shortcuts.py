"""The way from a request to the few routes that are asked most, past the router's search through all of them."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from web.api.direct import DirectRoute


class Shortcuts:
    """An ASGI middleware: a direct route without parameters in its path is found by that path.

    The route's rule is part of the route and is asked all the same; the router would have found the same route.
    """

    def __init__(self, app: ASGIApp, *, routes: FastAPI) -> None:
        """Describe it; `routes` is the application whose direct routes are looked for."""
        self._app = app
        self._routes: dict[tuple[str, str], DirectRoute] = {}
        shared: set[tuple[str, str]] = set()
        for route in routes.routes:
            ways = {(method, route.path) for method in route.methods or ()} if isinstance(route, Route) else set()
            if not isinstance(route, DirectRoute):
                # A page comes before a route of the same path, and looks who asks: that needs the router.
                shared |= ways
            elif not route.param_convertors:
                self._routes |= {way: route for way in ways - shared - self._routes.keys()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        scope["endpoint"] = route.endpoint
        scope["path_params"] = {}
        await route.app(scope, receive, send)
