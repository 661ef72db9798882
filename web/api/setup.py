"""The first administrator, and everybody's first password, by a link: there is no default password."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.setup_links import SetupLinks, SetupRefusedError
from vedette.access.rules import MIN_PASSWORD
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.login import HOME, attempt_of, entered
from web.api.logins import LoginRefusedError, Logins
from web.api.origins import refuse_other_sites
from web.api.pages import page

SETUP = "/setup"
"""The page; the link's token stands behind `#`, so that it reaches no server's log and no proxy."""


class SetupRoutes:
    """`GET` and `POST /setup`."""

    def __init__(self, *, links: SetupLinks, logins: Logins, gate: Gate) -> None:
        self._links = links
        self._logins = logins
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        everybody = Depends(rules.everybody())
        app.add_api_route(SETUP, self.show, methods=["GET"], dependencies=[everybody], include_in_schema=False)
        app.add_api_route(SETUP, self.set_up, methods=["POST"], dependencies=[everybody], include_in_schema=False)

    async def show(self) -> Response:
        """Show the form; a script of ours puts the token from the address into it."""
        return _form()

    async def set_up(self, request: Request) -> Response:
        """Do what the link is for, and log its user in."""
        refuse_other_sites(request)
        form = await read_form(request)
        link, name, password = (form.get(field, "") for field in ("link", "name", "password"))
        if password != form.get("repeated"):
            return _form(link=link, name=name, problem="the two passwords differ", status=422)
        attempt = attempt_of(request, self._gate, name=name, password=password)
        try:
            done = await self._logins.set_up(attempt, link=link.strip(), links=self._links)
        except RefusedError as error:
            return _form(link=link, name=name, problem=str(error), status=422)
        except (SetupRefusedError, LoginRefusedError) as error:
            return _form(name=name, problem=str(error), status=403)
        return entered(done, self._gate, path=HOME)


def _form(*, link: str = "", name: str = "", problem: str = "", status: int = 200) -> Response:
    shown = link[:128]
    return page("setup.html", status=status, link=shown, name=name[:64], problem=problem, least=MIN_PASSWORD)
