"""Routes that are analysed when somebody asks for them: to analyse all takes nine tenths of making an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import compile_path, get_name


class LateRoute(APIRoute):
    """A route that knows where it is and who may ask; parameters, answers and their schemas it finds out when needed.

    That is with the first request, or for the OpenAPI document, and takes about a millisecond. What FastAPI refuses
    to analyse is a mistake in the program: the tests analyse every route.
    """

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **named: Any) -> None:
        """Take what `APIRoute` takes, `methods` and `name` included as the router passes them."""
        self.endpoint = endpoint
        self.name = named["name"] or get_name(endpoint)
        self.methods = {method.upper() for method in named["methods"] or ("GET",)}
        self.dependencies = list(named["dependencies"] or ())
        self.include_in_schema = named["include_in_schema"]
        self._named = named
        self.move(path)

    def move(self, path: str) -> None:
        """Say where the route is."""
        self.path = path
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:
        """Analyse the route, because something is asked that only this tells; what it knows already stays."""
        named = self.__dict__.get("_named")
        if named is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        self.__dict__ = vars(APIRoute(self.path, self.endpoint, **named)) | self.__dict__
        del self._named
        return getattr(self, name)
