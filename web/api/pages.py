"""Pages with a form, as the API serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.rendering import render_form
from web.security import PAGE_HEADERS


def page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
    """Return a page with a form."""
    body = render_form(template, **values)
    return HTMLResponse(body, status_code=status, headers={**PAGE_HEADERS, **(headers or {})})


def go_to(path: str) -> RedirectResponse:
    """Send the browser to a page of ours, with GET (RFC 9110, 15.4.4)."""
    return RedirectResponse(path, status_code=303)
