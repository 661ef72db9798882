"""Routes without FastAPI's work in between: the rule, the endpoint, the answer. For what is asked most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.api.access import Rule
from web.api.late import LateRoute

Endpoint = Callable[[Request], Awaitable[Response]]
"""What a direct route calls once its rule has let the caller pass."""


class DirectRoute(LateRoute):
    """A route whose endpoint takes the request as it is; to the OpenAPI document it is one like all others."""

    def __init__(self, path: str, endpoint: Endpoint, **named: Any) -> None:
        super().__init__(path, endpoint, **named)
        rules = [one.dependency for one in self.dependencies if isinstance(one.dependency, Rule)]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            for rule in rules:
                await rule(request)
            response = await endpoint(request)
            await response(scope, receive, send)

        self.app = answer


def add_direct(
    app: FastAPI,
    path: str,
    endpoint: Endpoint,
    *,
    rule: Rule,
    methods: Sequence[str] = ("GET",),
    responses: dict[int | str, dict[str, Any]] | None = None,
    parameters: Sequence[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
    documented: bool = True,
) -> None:
    """Add a direct route.

    Args:
        app: the application.
        path: where.
        endpoint: what answers.
        rule: who may ask.
        methods: HTTP methods.
        responses: what the OpenAPI document says of the answers.
        parameters: the same of parameters, which the endpoint reads itself.
        body: the same of the body.
        documented: whether it is in that document; the second spelling of a path is not.
    """
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        extra["requestBody"] = body
    app.router.add_api_route(
        path,
        endpoint,
        methods=list(methods),
        dependencies=[Depends(rule)],
        responses=responses,
        openapi_extra=extra,
        include_in_schema=documented,
        route_class_override=DirectRoute,
    )
