"""SCANDALE's `/system/stats/` and `/system/info/`."""

from __future__ import annotations

import platform

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.scandale import ScandaleView
from vedette import __version__
from web.api.access import Rules
from web.api.direct import add_direct
from web.api.scandale_forms import answer, fields, read_query
from web.api.v1.described import problems

_COUNT = {"type": "integer"}
_TEXT = {"type": "string"}
_STATS = fields({"dbsize": fields({"scans": _COUNT, "tst": _COUNT})})
_INFO = fields({"python_version": _TEXT, "version": _TEXT, "version_url": _TEXT})


class ScandaleSystemRoutes:
    """`GET /system/stats/` and `GET /system/info/`."""

    def __init__(self, *, view: ScandaleView) -> None:
        self._view = view

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = rules.any_of(Scope.READ)
        for end, documented in (("/", True), ("", False)):
            stats = {200: answer("How much is stored.", _STATS), **problems(401, 403, 422, 503)}
            add_direct(app, f"/system/stats{end}", self.stats, rule=read, responses=stats, documented=documented)
            info = {200: answer("What runs here.", _INFO), **problems(401, 403, 422)}
            add_direct(app, f"/system/info{end}", self.info, rule=read, responses=info, documented=documented)

    async def stats(self, request: Request) -> Response:
        """Return how many items and how many items with a token there are."""
        read_query(request)
        counts = await self._view.counts()
        return _json({"dbsize": {"scans": counts.scans, "tst": counts.tokens}})

    async def info(self, request: Request) -> Response:
        """Return the versions that run here."""
        read_query(request)
        # Where a release is published is the operator's to know; SCANDALE's clients only want the field.
        return _json({"python_version": platform.python_version(), "version": __version__, "version_url": ""})


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
