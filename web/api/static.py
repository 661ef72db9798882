"""The files that our pages need: a fixed list, the same for everybody."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.responses import Response

from web.api.access import Rules
from web.api.problems import ProblemError
from web.static_files import static_files


class StaticRoutes:
    """`GET /static/{name}`."""

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        everybody = Depends(rules.everybody())
        app.add_api_route(
            "/static/{name}", self.get, methods=["GET"], dependencies=[everybody], include_in_schema=False
        )

    async def get(self, name: str) -> Response:
        """Return a file."""
        file = static_files().get(name)
        if file is None:
            raise ProblemError(404, "there is no such file")
        return Response(file.body, media_type=file.content_type)
