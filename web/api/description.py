"""The API's description: an OpenAPI document of every route, and the page that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from vedette import __version__
from web.api.access import Rule, Rules
from web.api.problems import MEDIA_TYPE
from web.api.v1.described import PROBLEM_SCHEMA, Problem
from web.rendering import render_description

ABOUT = (
    "What the fleet collected, how far it is proved, who collected it, and what waits for a person. "
    "Machines use an API key; each route says which scope it needs."
)
"""What the document says first."""

SCANDALE = "SCANDALE's"
"""The group of the routes that SCANDALE's clients know."""

ALWAYS = (500, 503)
"""Problems that any route may answer with: our own fault, and too much at once or a failed store."""

GUARDED = (401, 403, 429)
"""Problems of those that not everybody may use: nobody, not allowed, too many log-ins."""

WITH_BODY = (400, 408, 411, 413, 415, 507)
"""Problems of those that take a body: wrong form, too slow, too long, unknown type, no room."""

_GROUPS: Final[Mapping[str, str]] = {
    "document": "documents",
    "healthz": "health",
    "readyz": "health",
    "items": SCANDALE,
    "TimeStampTokens": SCANDALE,
    "system": SCANDALE,
    "pubsub": SCANDALE,
}

_SECURITY: dict[str, dict[str, str]] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
}


class DescriptionRoutes:
    """`GET /openapi.json` and `GET /docs`; they tell what is open source anyway, so everybody may read them."""

    def __init__(self) -> None:
        self._document: dict[str, Any] | None = None

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        everybody = [Depends(rules.everybody())]
        app.add_api_route(
            "/openapi.json",
            self.document,
            methods=["GET"],
            dependencies=everybody,
            tags=["description"],
            response_model=dict[str, Any],
        )
        app.add_api_route(
            "/docs",
            self.page,
            methods=["GET"],
            dependencies=everybody,
            tags=["description"],
            response_class=HTMLResponse,
        )

    async def document(self, request: Request) -> Response:
        """Return this description as an OpenAPI document."""
        return Response(orjson.dumps(self._of(request.app)), media_type="application/json")

    async def page(self, request: Request) -> Response:
        """Return this description as a page."""
        return HTMLResponse(render_description(self._of(request.app)))

    def _of(self, app: FastAPI) -> dict[str, Any]:
        if self._document is None:
            self._document = describe(app)
        return self._document


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application's routes, with all that each may answer."""
    document = get_openapi(title="Vedette", version=__version__, description=ABOUT, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    # What FastAPI would say of invalid input; ours are problems.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = _SECURITY
    for route, operation in _operations(app, document):
        _complete(route, operation)
    return document


def _operations(app: FastAPI, document: dict[str, Any]) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                yield route, document["paths"][route.path_format][method.lower()]


def _complete(route: APIRoute, operation: dict[str, Any]) -> None:
    scopes = _scopes(route)
    description = operation.get("description", "").strip()
    operation["summary"] = description.split("\n")[0].rstrip(".") or operation["summary"]
    operation["description"] = description
    operation.setdefault("tags", [_group(route.path)])
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == "Validation Error":
        del responses["422"]
    if scopes:
        operation["security"] = [{name: []} for name in _SECURITY]
        operation["x-scopes"] = scopes
        operation["description"] += f"\n\nNeeds the scope {' or '.join(scopes)}."
    for status in _possible(operation, guarded=bool(scopes)):
        responses.setdefault(str(status), _problem(status))
    if scopes and "get" in operation["operationId"].rsplit("_", 1):
        responses.setdefault("303", {"description": "To the login, for a person's browser."})


def _group(path: str) -> str:
    first, *rest = path.strip("/").split("/")
    return rest[0] if first == "v1" and rest else _GROUPS.get(first, first)


def _possible(operation: dict[str, Any], *, guarded: bool) -> Iterator[int]:
    yield from ALWAYS
    yield from GUARDED if guarded else ()
    takes_body = "requestBody" in operation or operation["operationId"].endswith(("_post", "_put"))
    yield from WITH_BODY if takes_body else ()
    if takes_body or operation.get("parameters"):
        yield 422


def _problem(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}


def _scopes(route: APIRoute) -> list[str]:
    rules = (dependency.dependency for dependency in route.dependencies)
    return sorted(scope.value for rule in rules if isinstance(rule, Rule) for scope in rule.scopes)
