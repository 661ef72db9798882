"""Routes that are analysed when they are needed: they say the same then, and cost nothing before."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.web.api.whole import Whole
from web.api.access import Rules
from web.api.application import create_app
from web.api.late import LateRoute
from web.api.v1.described import problems


class _Routes:
    """A parameter in the path, one in the query, one that nobody can send."""

    def __init__(self, *, faulty: bool = False) -> None:
        self._faulty = faulty

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        rule = Depends(rules.everybody())
        app.add_api_route("/twice/{number}", self.twice, dependencies=[rule], responses=problems(422))
        if self._faulty:
            app.add_api_route("/faulty", self.faulty, methods=["POST"], dependencies=[rule])

    async def twice(self, number: int, word: str = "") -> Response:
        """Double a number."""
        return PlainTextResponse(f"{number * 2}{word}")

    async def faulty(self, what: Request | int) -> Response:
        """Take what FastAPI cannot read."""
        return PlainTextResponse(str(what))


@pytest.fixture
def rules(whole: Whole) -> Rules:
    """Of a real store."""
    return whole.access.rules


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    return (route for route in app.routes if isinstance(route, APIRoute))


def ask(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api")


async def test_no_route_of_the_whole_application_is_analysed_before_it_is_asked(whole: Whole) -> None:
    found = list(api_routes(whole.app))
    assert len(found) > 150
    assert all(isinstance(route, LateRoute) for route in found)
    assert [route.path for route in found if "dependant" in vars(route)] == []


async def test_every_route_of_the_whole_application_can_be_analysed(whole: Whole) -> None:
    for route in api_routes(whole.app):
        known = {"path": route.path, "methods": route.methods, "include_in_schema": route.include_in_schema}
        at_once = route.dependant
        assert at_once.call == route.endpoint, route.path
        assert at_once.path == route.path_format
        assert known.items() <= vars(route).items()
        assert route.dependant is at_once, "analysed a second time"


async def test_a_late_route_answers_as_one_that_was_analysed_at_once(rules: Rules) -> None:
    app = create_app(rules=rules, routes=[_Routes()])
    async with ask(app) as client:
        assert (await client.get("/twice/21", params={"word": "!"})).text == "42!"
        refused = await client.get("/twice/none")
        assert refused.status_code == 422
        assert refused.json()["detail"].startswith("path.number: ")
        assert (await client.post("/twice/21")).status_code == 405


async def test_a_route_that_only_says_where_it_is_stays_as_it_is(rules: Rules) -> None:
    app = create_app(rules=rules, routes=[_Routes()])
    (route,) = api_routes(app)
    async with ask(app) as client:
        assert (await client.get("/elsewhere")).status_code == 404
        assert (await client.delete("/twice/21")).status_code == 405
    assert app.url_path_for("twice", number="3") == "/twice/3"
    assert "dependant" not in vars(route)


async def test_a_route_that_cannot_be_analysed_says_so_each_time_and_the_others_answer(rules: Rules) -> None:
    app = create_app(rules=rules, routes=[_Routes(faulty=True)])
    *_, faulty = api_routes(app)
    for _ in range(2):
        with pytest.raises(FastAPIError, match="Invalid args"):
            faulty.body_field  # noqa: B018 (to ask is to analyse)
    async with ask(app) as client:
        assert (await client.post("/faulty")).status_code == 500
        assert (await client.get("/twice/4")).text == "8"


def test_what_no_route_has_is_not_found_after_the_analysis_either() -> None:
    app = FastAPI()
    app.router.route_class = LateRoute
    app.add_api_route("/one", _Routes().twice)
    *_, route = api_routes(app)
    for _ in range(2):
        with pytest.raises(AttributeError, match="LateRoute"):
            getattr(route, "nothing")  # noqa: B009 (the type has no such name)
