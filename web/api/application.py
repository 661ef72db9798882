"""The API's application, wired in one place from what it serves."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry.documents import Documents
from registry.keys import Keys
from vedette import __version__
from vedette.log import logger
from web.api.access import Rules, check_rules
from web.api.boundary import Boundary, problem_of_http
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes, Ready
from web.api.problems import problem_response


def create_app(*, documents: Documents, keys: Keys, ready: Ready) -> FastAPI:
    """Return the application.

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
        exception_handlers={HTTPException: _refused_by_router, RequestValidationError: _invalid},
    )
    rules = Rules(keys=keys)
    HealthRoutes(ready=ready).add_to(app, rules=rules)
    DocumentRoutes(documents=documents).add_to(app, rules=rules)
    check_rules(app)
    app.add_middleware(Boundary, log=logger("api"))
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
