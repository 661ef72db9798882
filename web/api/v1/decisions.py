"""Small JSON bodies, bounded: FastAPI would read any length, and before it asks who sends it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from vedette.messages.item import refusal
from web.api.bodies import body_pieces
from web.api.problems import ProblemError

MAX_BODY = 16 * 1024
"""Bytes of a body, where a route says nothing else."""

M = TypeVar("M", bound=BaseModel)


async def read_model(request: Request, kind: type[M], *, limit: int = MAX_BODY) -> M:
    """Return the model that the body is; it may have `limit` bytes.

    Raises:
        ProblemError: 411 without length, 413 too long, 415 not JSON, 400 wrong gzip, 408 too slow.
        RefusedError: it is not the model; names the field and the reason.
        ClientDisconnect: the client went away before the end.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ProblemError(415, "send JSON, with Content-Type: application/json")
    body = bytearray()
    async for piece in body_pieces(request, limit=limit):
        body += piece
        if len(body) > limit:
            raise ProblemError(413, f"the limit is {limit} bytes")
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        raise refusal(error) from error


def body_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of such a body."""
    content = {"application/json": {"schema": deepcopy(_schema_of(kind))}}
    return {"requestBody": {"required": True, "content": content}}


@cache
def _schema_of(kind: type[BaseModel]) -> dict[str, Any]:
    return kind.model_json_schema()
