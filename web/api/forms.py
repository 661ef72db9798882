"""Posted forms: small, of texts, read once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from web.api.bodies import body_pieces
from web.api.problems import ProblemError

MAX_FORM = 8 * 1024
"""Bytes of a form."""

_MAX_FIELDS = 16
_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Return a form's fields; asking again returns the same.

    Raises:
        ProblemError: 415 where it is no form, 422 where it is not well-formed, and as `body_pieces` has it.
    """
    known = getattr(request.state, "form", None)
    if known is None:
        known = request.state.form = _parse(request, await _body(request))
    fields: Mapping[str, str] = known
    return fields


async def _body(request: Request) -> bytes:
    pieces = bytearray()
    async for piece in body_pieces(request, limit=MAX_FORM):
        pieces += piece
        if len(pieces) > MAX_FORM:
            raise ProblemError(413, f"a form may have {MAX_FORM} bytes")
    return bytes(pieces)


def _parse(request: Request, body: bytes) -> Mapping[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        raise ProblemError(415, f"send the form as {_TYPE}")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise ProblemError(422, "the form cannot be read; send it from its page") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ProblemError(422, "a field of the form is there twice")
    return fields
