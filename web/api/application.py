"""The API's application, wired in one place from what it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vedette import __version__
from vedette.log import logger
from web.api.access import Rules, check_rules
from web.api.boundary import Boundary, problem_of_http
from web.api.concurrency import Concurrency
from web.api.late import LateRoute
from web.api.measuring import HttpMeasures, Measuring
from web.api.problems import problem_response
from web.api.shortcuts import Shortcuts

EVENTS_PATH = "/v1/events"
"""Where the stream of events is: it stays open, so it does not count as a request in progress."""


class Routes(Protocol):
    """Routes that belong together, each with its access rule."""

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""


def create_app(*, rules: Rules, routes: Sequence[Routes], measures: HttpMeasures | None = None) -> FastAPI:
    """Return the application that serves these routes; `measures` count its requests.

    Raises:
        UnguardedRouteError: a route has no access rule.
    """
    # Its documentation pages load their assets from elsewhere.
    app = FastAPI(
        title="Vedette",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Nobody is told of requests but the metrics' readers; else it looks with each request whether somebody is.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={HTTPException: _refused_by_router, RequestValidationError: _invalid},
    )
    app.router.route_class = LateRoute
    for group in routes:
        group.add_to(app, rules=rules)
    check_rules(app)
    app.add_middleware(Shortcuts, routes=app)
    app.add_middleware(Boundary, log=logger("api"))
    app.add_middleware(Concurrency, streams={EVENTS_PATH})
    if measures is not None:
        app.add_middleware(Measuring, measures=measures)
    return app


async def _refused_by_router(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    problem = problem_of_http(error)
    return problem_response(problem.status, problem.detail, headers=problem.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return problem_response(422, f"{field}: {first['msg']}")
