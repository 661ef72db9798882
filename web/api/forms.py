"""Posted forms: bounded, of texts, read once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from web.api.bodies import body_pieces
from web.api.problems import ProblemError

MAX_FORM = 8 * 1024
"""Bytes of a form."""

_TYPE = "application/x-www-form-urlencoded"
_WITH_FILE = "multipart/form-data"


@dataclass(frozen=True, kw_only=True, slots=True)
class FormLimits:
    """How much of a form is read."""

    size: int = MAX_FORM
    """Bytes in all."""
    fields: int = 16
    """Fields; one of them may be a file where `file` says so."""
    file: bool = False
    """Whether it may bring a file of text."""


SMALL: Final = FormLimits()
"""A form of a few fields."""


async def read_form(request: Request, *, limits: FormLimits = SMALL) -> Mapping[str, str]:
    """Return a form's fields, a file as its text; asking again returns the same.

    Raises:
        ProblemError: 415 where it is no form, 422 where it is not well-formed, and as `body_pieces` has it.
    """
    known = getattr(request.state, "form", None)
    if known is None:
        known = request.state.form = await _parse(request, await _body(request, limits.size), limits)
    fields: Mapping[str, str] = known
    return fields


async def _body(request: Request, limit: int) -> bytes:
    pieces = bytearray()
    async for piece in body_pieces(request, limit=limit):
        pieces += piece
        if len(pieces) > limit:
            raise ProblemError(413, f"a form may have {limit} bytes")
    return bytes(pieces)


async def _parse(request: Request, body: bytes, limits: FormLimits) -> Mapping[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _WITH_FILE and limits.file:
        pairs = await _parts(request, body, limits)
    elif kind == _TYPE:
        pairs = _pairs(body, limits)
    else:
        raise ProblemError(415, f"send the form as {_TYPE}")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ProblemError(422, "a field of the form is there twice")
    return fields


def _pairs(body: bytes, limits: FormLimits) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=limits.fields)
    except ValueError as error:
        raise _unreadable() from error


class _Parts(MultiPartParser):
    """Knows whether the last boundary came: without it fields may be missing."""

    ended = False

    def on_end(self) -> None:
        self.ended = True


async def _parts(request: Request, body: bytes, limits: FormLimits) -> list[tuple[str, str]]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _Parts(request.headers, whole(), max_files=1, max_fields=limits.fields - 1, max_part_size=limits.size)
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError) as error:
        # The header names the encoding of the fields: there are some that end in neither text nor LookupError.
        raise _unreadable() from error
    try:
        if not parser.ended:
            raise _unreadable()
        return [(name, await _text(value)) for name, value in form.multi_items()]
    finally:
        await form.close()


async def _text(value: UploadFile | str) -> str:
    # What is no text is refused where its lines are judged, beside its field.
    return value if isinstance(value, str) else (await value.read()).decode("utf-8-sig", "replace")


def _unreadable() -> ProblemError:
    return ProblemError(422, "the form cannot be read; send it from its page")
