"""What SCANDALE's routes read from a request, strictly, and what the OpenAPI document says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request

from web.api.problems import ProblemError
from web.api.v1.parameters import KEY_PARAMETER

MAX_LIMIT = 1000
"""Items in one answer at most."""

DEFAULT_LIMIT = 100
"""Items in one answer where none is said: SCANDALE's."""

MAX_SKIP = 2**53 - 1
"""Items that can be passed over."""

_NUMBER = re.compile(r"[0-9]{1,16}\Z")

Shape = dict[str, Any]
"""Part of an OpenAPI document."""


def read_query(request: Request, *names: str) -> dict[str, str]:
    """Return the query parameters, of which only these are known, each once.

    Raises:
        ProblemError: 422 for another one, one that comes twice, and a NUL character.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name == KEY_PARAMETER:
            continue
        if name not in names:
            raise ProblemError(
                422, f"query.{name[:64]}: is not a parameter here; there are {', '.join(names) or 'none'}"
            )
        if name in found:
            raise ProblemError(422, f"query.{name}: comes twice")
        if "\0" in value:
            raise ProblemError(422, f"query.{name}: holds a NUL character")
        found[name] = value
    return found


def read_page(query: Mapping[str, str]) -> tuple[int, int]:
    """Return `skip` and `limit`.

    Raises:
        ProblemError: 422 for what is no number, or out of bounds.
    """
    skip = _number(query, "skip", default=0, most=MAX_SKIP)
    return skip, _number(query, "limit", default=DEFAULT_LIMIT, most=MAX_LIMIT)


def _number(query: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.match(text) or int(text) > most:
        raise ProblemError(422, f"query.{name}: must be a number from 0 to {most}")
    return int(text)


def id_of(text: str) -> str:
    """Return a uuid as we write it.

    Raises:
        ProblemError: 422, it is none.
    """
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ProblemError(422, f"path: {text[:64]!r} is not a uuid") from error


# The OpenAPI document ----------------------------------------------------------------


def parameter(name: str, schema: Shape, text: str, *, where: str = "query") -> Shape:
    """Return a parameter as the document has it."""
    return {"name": name, "in": where, "required": where == "path", "description": text, "schema": schema}


def answer(text: str, schema: Shape, *, media: str = "application/json") -> Shape:
    """Return an answer as the document has it."""
    return {"description": text, "content": {media: {"schema": schema}}}


def fields(required: Mapping[str, Shape], **others: Shape) -> Shape:
    """Return an object as the document has it."""
    return {"type": "object", "required": list(required), "properties": {**required, **others}}


_TEXT: Shape = {"type": "string"}
_WHOLE: Shape = {"type": "integer"}

SCAN: Shape = fields(
    {
        "version": _TEXT,
        "format": _TEXT,
        "meta": fields({"uuid": {"type": "string", "format": "uuid"}, "ts": _WHOLE, "type": _TEXT}),
        "payload": fields({}, raw=_TEXT, document=_TEXT),
    }
)
"""An item in SCANDALE's standard form; what else its meta holds is kept."""

ITEM: Shape = fields({"scan_data": SCAN})
"""An item as it is shown."""

ITEMS: Shape = {"type": "array", "items": ITEM}
"""A list of items."""

ITEM_BODY: Shape = {"required": True, "content": {"application/json": {"schema": SCAN}}}
"""An item as it is posted."""

PAGE = (
    parameter("skip", {"type": "integer", "minimum": 0, "maximum": MAX_SKIP, "default": 0}, "How many to pass over."),
    parameter(
        "limit",
        {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "How many at most.",
    ),
)
"""`skip` and `limit`."""

UUID_IN_PATH = parameter("uuid", {"type": "string", "format": "uuid"}, "The item's uuid.", where="path")
"""An item's uuid."""
