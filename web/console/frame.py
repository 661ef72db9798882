"""What is around every page of the console: the bar with what the person may see, and how pages are added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Depends as DependsOn
from fastapi import FastAPI
from fastapi.params import Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope as AsgiScope

from registry.callers import Caller, Scope
from registry.listing import Page
from vedette.clock import Clock
from web.api.access import caller_of
from web.api.gate import Gate, csrf_token
from web.api.late import LateRoute
from web.api.pages import page
from web.console.newcomer import is_new


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One entry of the bar."""

    path: str
    """Where it leads."""
    label: str
    """What it is called."""
    scope: Scope = Scope.READ
    """What one needs to see it."""


SECTIONS: Final = (
    Section(path="/", label="Fleet"),
    Section(path="/jobs", label="Jobs"),
    Section(path="/schedules", label="Schedules"),
    Section(path="/items", label="Items"),
    Section(path="/findings", label="Findings"),
    Section(path="/graph", label="Graph"),
    Section(path="/sharing", label="Sharing"),
    Section(path="/dead-letters", label="Dead letters"),
    Section(path="/repairs", label="Repairs"),
    Section(path="/users", label="Users", scope=Scope.ADMIN),
    Section(path="/keys", label="Keys", scope=Scope.ADMIN),
    Section(path="/audit", label="Audit", scope=Scope.ADMIN),
)
"""The bar."""

COUNT_REPAIRS: Final = "count_repairs"
"""Where an application keeps what counts the open repairs, which every page shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Where else the list of a page can be had."""

    previous: str | None
    """The page before; None at the beginning."""
    next: str | None
    """The page that follows; None at the end."""
    json: str
    """The same list for programs."""
    csv: str
    """The same list for spreadsheets."""


class Frame:
    """Renders the console's pages."""

    def __init__(self, *, gate: Gate, clock: Clock) -> None:
        self._gate = gate
        self._clock = clock

    def page(
        self, request: Request, template: str, *, current: str, live: bool = False, status: int = 200, **values: Any
    ) -> Response:
        """Return a page.

        Args:
            request: what is answered.
            template: below `console/`.
            current: path of the section that it belongs to.
            live: whether it keeps itself current.
            status: of the answer.
            values: what the template shows.
        """
        caller = caller_of(request)
        usual: dict[str, Any] = {
            "caller": caller,
            "csrf": self._csrf(request, caller),
            "sections": [section for section in SECTIONS if section.scope in caller.scopes],
            "current": current,
            "live": live,
            "now": self._clock.now(),
            "operates": Scope.OPERATE in caller.scopes,
            "open_repairs": getattr(request.state, _OPEN_REPAIRS, 0),
            "tour": is_new(request, caller),
        }
        return page(f"console/{template}", status=status, **(usual | values))

    def missing(self, request: Request, what: str, *, current: str) -> Response:
        """Return the page that says that something is not there."""
        return self.page(request, "missing.html", current=current, status=404, what=what)

    def _csrf(self, request: Request, caller: Caller) -> str | None:
        return None if caller.session is None else csrf_token(self._gate.session_of(request) or "")


def links_of(request: Request, shown: Page[Any], *, api: str, path: str | None = None) -> Links:
    """Return the links of a page of a list.

    Args:
        request: what is answered.
        shown: the page.
        api: path of the same list for programs.
        path: where the list is; None: where the request is, which is elsewhere when it posts a form.
    """
    url, path = request.url, path or request.url.path
    plain = url.remove_query_params(["cursor", "said"])
    # A form sends empty fields, which programs may not.
    blank = [name for name, value in request.query_params.multi_items() if not value]
    query = plain.remove_query_params(blank).query

    def beside(cursor: str | None) -> str | None:
        return None if cursor is None else f"{path}?{plain.include_query_params(cursor=cursor).query}"

    return Links(
        previous=beside(shown.previous),
        next=beside(shown.next),
        json=f"{api}?{query}" if query else api,
        csv=f"{api}.csv?{query}" if query else f"{api}.csv",
    )


class PageRoute(LateRoute):
    """A page at a path where programs find something, too: it is for who asks for HTML (RFC 9110, 12.5.1)."""

    def matches(self, scope: AsgiScope) -> tuple[Match, AsgiScope]:
        """Match as routes do, where the Accept header names HTML: browsers do, programs have no reason to."""
        if scope["type"] == "http" and not _wants_html(scope):
            return Match.NONE, {}
        return super().matches(scope)


def _wants_html(scope: AsgiScope) -> bool:
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accept[:1024].lower()


def add_page(
    app: FastAPI,
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    *,
    rule: Depends,
    method: str = "GET",
    shared: bool = False,
) -> None:
    """Add a page's route.

    Args:
        app: the application.
        path: where.
        endpoint: what answers.
        rule: who may see it.
        method: GET, or POST for a form.
        shared: whether programs find something else at the same path.
    """
    app.router.add_api_route(
        path,
        endpoint,
        methods=[method],
        dependencies=[rule, DependsOn(_count_repairs)],
        include_in_schema=False,
        route_class_override=PageRoute if shared else LateRoute,
    )


_OPEN_REPAIRS: Final = "open_repairs"


async def _count_repairs(request: Request) -> None:
    """Count before the page is made, which does not wait for anything."""
    count = getattr(request.app.state, COUNT_REPAIRS, None)
    setattr(request.state, _OPEN_REPAIRS, 0 if count is None else await count())
