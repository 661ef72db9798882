"""Lists as they are sent: a page of JSON with cursors, or all rows as CSV or NDJSON, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from copy import copy
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeVar, cast

import orjson
from fastapi import FastAPI
from fastapi.params import Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from registry.listing import MAX_PAGE, Page
from web.api.late import LateRoute
from web.api.v1.described import problems
from web.api.v1.negotiation import MEDIA_TYPES, wanted_form
from web.api.v1.parameters import Form, ListParameters
from web.api.v1.streams import Slots, Stream
from web.api.v1.tables import csv_header, csv_rows, ndjson_rows

EXPORTS = 4
"""Exports that may be in work at once."""

T = TypeVar("T")

Fetch = Callable[[int, str | None], Awaitable[Page[T]]]
"""Returns the page that a cursor points at, of at most so many rows."""


class PageOf(BaseModel, Generic[T]):
    """A page of a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: Annotated[list[T], Field(max_length=MAX_PAGE)]
    """The rows; there may be fewer than asked for, even none, although `next` is there: then go on."""
    next: str | None
    """Cursor of the page that follows; null at the end."""
    previous: str | None
    """Cursor of the page before; null at the beginning."""


class Lists:
    """Sends lists; one for all of them, because together they are bounded."""

    def __init__(self) -> None:
        self._exports = Slots(most=EXPORTS, what="exports")

    async def answer(
        self, request: Request, parameters: ListParameters, fetch: Fetch[Any], *, kind: type, name: str
    ) -> Response:
        """Return a list in the form that the request asks for.

        Args:
            request: what is answered.
            parameters: its parameters.
            fetch: reads a page.
            kind: the dataclass of the rows: its fields are the columns.
            name: of the list; the file of an export is called so.

        Raises:
            ProblemError: 406 no such form, 429 too many exports.
            RefusedError: the cursor is not one of this list's.
        """
        headers = request.headers
        form = wanted_form(path=request.url.path, accept=headers.get("accept"), asked=parameters.format)
        if form is Form.JSON:
            return page_response(request, await fetch(parameters.page, parameters.cursor))
        self._exports.take()
        try:
            most = MAX_PAGE if parameters.limit is None else min(parameters.limit, MAX_PAGE)
            first = await fetch(most, parameters.cursor)
        except BaseException:
            self._exports.give_back()
            raise
        columns = [field.name for field in fields(kind)]
        pieces = _export(first, fetch, form=form, columns=columns, limit=parameters.limit)
        return Stream(pieces, headers=_export_headers(form, name), slots=self._exports)


def page_response(request: Request, page: Page[Any]) -> Response:
    """Return a page as JSON, its neighbours in a Link header, too (RFC 8288)."""
    body = orjson.dumps({"items": page.rows, "next": page.next, "previous": page.previous})
    cursors = {"next": page.next, "prev": page.previous}
    links = [
        f'<{request.url.path}?{request.url.include_query_params(cursor=cursor).query}>; rel="{relation}"'
        for relation, cursor in cursors.items()
        if cursor is not None
    ]
    headers = {"Vary": "Accept"} | ({"Link": ", ".join(links)} if links else {})
    return Response(body, media_type=MEDIA_TYPES[Form.JSON], headers=headers)


def _export_headers(form: Form, name: str) -> dict[str, str]:
    parameters = "; charset=utf-8; header=present" if form is Form.CSV else "; charset=utf-8"
    return {
        "Content-Type": MEDIA_TYPES[form] + parameters,
        "Content-Disposition": f'attachment; filename="{name}.{form.value}"',
        "Vary": "Accept",
    }


async def _export(
    page: Page[Any], fetch: Fetch[Any], *, form: Form, columns: Sequence[str], limit: int | None
) -> AsyncGenerator[bytes, None]:
    """Yield a list from its first page on; never more than a page of it is in memory."""
    if form is Form.CSV:
        yield csv_header(columns)
    left = limit
    while True:
        rows = page.rows if left is None else page.rows[:left]
        if rows:
            yield csv_rows(rows, columns) if form is Form.CSV else ndjson_rows(rows)
        left = None if left is None else left - len(rows)
        if page.next is None or left == 0:
            return
        page = await fetch(MAX_PAGE if left is None else min(left, MAX_PAGE), page.next)


_TEXT: Final = {"schema": {"type": "string"}}


@cache
def _page_of(kind: Any) -> type[BaseModel]:
    """Return the model of a page of these rows, made once: it takes long, and Pydantic forgets what nobody holds."""
    return PageOf[kind]


def add_list(
    app: FastAPI,
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    *,
    kind: Any,
    rule: Depends,
    statuses: Sequence[int] = (),
) -> None:
    """Add a list's route, and those that name a form at their end."""
    content = {MEDIA_TYPES[Form.CSV]: _TEXT, MEDIA_TYPES[Form.NDJSON]: _TEXT}
    described = {200: {"content": content, "description": "The list."}, **problems(406, 422, 429, *statuses)}
    app.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        dependencies=[rule],
        response_model=_page_of(kind),
        responses=described,
        tags=[path.split("/")[2].replace("-", " ")],
    )
    for form in (Form.CSV, Form.NDJSON):
        app.router.routes.append(_renamed(app.router.routes[-1], f"{path}.{form.value}"))


def _renamed(route: BaseRoute, path: str) -> BaseRoute:
    """Return a route under another path, not in the schema."""
    other = cast(LateRoute, copy(route))
    other.move(path)
    other.include_in_schema = False
    return other
