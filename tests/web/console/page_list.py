"""Every page of the application, from its own table of routes: one that nobody gave an address of fails the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from fastapi.routing import APIRoute

from web.api.direct import DirectRoute

Addresses = Mapping[str, Sequence[str]]
"""Addresses of pages to look at, by the path of their route: for `/items/{uuid}` those of some items."""

_OUTSIDE = {"/static/{name}", "/tour/proof", "/alarms", "/items/{uuid}/text/vertex"}
"""What is no page, or leads to another, although the description of the API leaves it out."""

_ASKING = {"/dead-letters/decide", "/graph/edge", "/graph/picture"}
"""What is a page only with a query: it needs an address, as one with parameters in its path does."""

_DESCRIBED = {"/docs"}
"""What is a page although the description names it."""


def page_routes(app: FastAPI) -> list[str]:
    """Return the path of every page: what answers GET, is for people, and is therefore not in the description."""
    routes = [route for route in app.routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())]
    return [route.path for route in routes if _is_page(route)]


def needs_address(path: str) -> bool:
    """Tell whether the path alone is no address of a page."""
    return "{" in path or path in _ASKING


def _is_page(route: APIRoute) -> bool:
    if route.path in _DESCRIBED:
        return True
    return not (
        route.include_in_schema
        or isinstance(route, DirectRoute)
        or route.path in _OUTSIDE
        or route.path.startswith("/v1/")
    )


def pages(app: FastAPI, addresses: Addresses, *, most: int | None = None) -> list[str]:
    """Return an address of every page at least; those without parameters are there by themselves.

    Args:
        app: the application.
        addresses: those of pages with parameters, and more of the others.
        most: addresses of one page at most.

    Raises:
        AssertionError: nothing says what stands in the parameters of one.
    """
    found: list[str] = []
    for path in page_routes(app):
        own = list(addresses.get(path, ()))
        if not needs_address(path):
            own.insert(0, path)
        assert own, f"{path}: is a new page; say an address of it in the store that fills the tests"
        found += own[:most]
    unknown = set(addresses) - set(page_routes(app))
    assert not unknown, f"{sorted(unknown)}: are no pages any more"
    return found
