"""The document service's routes: content goes in and out as a stream, under its SHA-256 or a name for it."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.content import TooLargeError, check_id
from registry.documents import (
    DeletedDocumentError,
    DigestError,
    Document,
    Documents,
    NameTakenError,
    UnknownDocumentError,
)
from registry.holds import HeldError
from registry.keys import Scope
from vedette.documents.description import MAX_NAME, description_of, is_name
from vedette.documents.quota import QuotaExceededError
from vedette.errors import RefusedError
from web.api.access import Rules, caller_of
from web.api.bodies import body_pieces
from web.api.document_answers import OCTET_STREAM, answer
from web.api.document_description import DELETED, FOUND, STORED
from web.api.multipart import OVERHEAD, FormUpload, boundary_of
from web.api.problems import ProblemError

NO_REASON = "no reason was given"
"""Reason in the tombstone of a document that a client deleted without one: Stucco's have none to give."""

_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}(\s*;[\x20-\x7e]{0,200})?\Z")


class DocumentRoutes:
    """`POST`, `PUT /document`, and `POST`, `PUT`, `GET`, `HEAD`, `DELETE /document/{id}`."""

    def __init__(self, *, documents: Documents) -> None:
        self._documents = documents
        self._address_of: Callable[[Request], str] = _no_address

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        self._address_of = rules.gate.address_of
        ingest, read, admin = (Depends(rules.any_of(scope)) for scope in (Scope.INGEST, Scope.READ, Scope.ADMIN))
        either = Depends(rules.any_of(Scope.READ, Scope.INGEST))
        # Stucco's clients write the path in both ways.
        for path in ("/document", "/document/"):
            app.add_api_route(path, self.post, methods=["POST"], dependencies=[ingest], responses=STORED)
            app.add_api_route(path, self.put, methods=["PUT"], dependencies=[ingest], responses=STORED)
        one = "/document/{id}"
        app.add_api_route(one, self.post_named, methods=["POST"], dependencies=[ingest], responses=STORED)
        app.add_api_route(one, self.put_named, methods=["PUT"], dependencies=[ingest], responses=STORED)
        app.add_api_route(one, self.get, methods=["GET"], dependencies=[read], responses=FOUND)
        app.add_api_route(one, self.head, methods=["HEAD"], dependencies=[either], responses=FOUND)
        app.add_api_route(one, self.delete, methods=["DELETE"], dependencies=[admin], responses=DELETED)

    async def post(self, request: Request) -> Response:
        """Store a document, as it is or in a form; the answer has its id."""
        return await self._store(request, "")

    async def put(self, request: Request) -> Response:
        """Store a document, as it is; the answer has its id."""
        return await self._store(request, "")

    async def post_named(self, id: str, request: Request) -> Response:
        """Store a document, as it is or in a form, whose id (its SHA-256) is known, or under a name."""
        return await self._store(request, id)

    async def put_named(self, id: str, request: Request) -> Response:
        """Store a document as it is, as `POST` does: both may be repeated."""
        return await self._store(request, id)

    async def get(self, id: str, request: Request) -> Response:
        """Return a document in the form that is wanted; its bytes are checked against their digest on the way."""
        return answer(self._documents, await self._find(id), request)

    async def head(self, id: str, request: Request) -> Response:
        """Tell whether there is a document; who may only hand in learns it of its own ones."""
        document, caller = await self._find(id), caller_of(request)
        if Scope.READ not in caller.scopes and document.created_by != caller.holder:
            raise ProblemError(404, "there is no document with this id")
        return answer(self._documents, document, request)

    async def delete(self, id: str, request: Request, reason: str = NO_REASON) -> Response:
        """Delete a document's bytes, under whatever names, with a reason; a tombstone stays."""
        document, by = await self._find(id), caller_of(request).holder
        try:
            tombstone = await self._documents.delete(
                document.sha256, by=by, reason=reason, origin=self._address_of(request)
            )
        except HeldError as error:
            raise ProblemError(409, str(error)) from error
        except DeletedDocumentError as error:
            raise ProblemError(410, str(error)) from error
        return _reply(200, document, "deleted; a tombstone stays", deleted_at=tombstone.deleted_at)

    async def _store(self, request: Request, id: str) -> Response:
        expected, name = _expected(id)
        boundary = boundary_of(request.headers.get("content-type", "")) if request.method == "POST" else None
        try:
            if boundary is not None:
                document, new = await self._receive_form(request, boundary, expected=expected, name=name)
            else:
                document, new = await self._receive(request, expected=expected, name=name)
        except TooLargeError as error:
            raise ProblemError(413, str(error)) from error
        except QuotaExceededError as error:
            raise ProblemError(507, str(error)) from error
        except (DigestError, NameTakenError) as error:
            raise ProblemError(409, str(error)) from error
        message = "stored" if new else "was stored before"
        return _reply(201 if new else 200, document, message, size=document.size)

    async def _receive(self, request: Request, *, expected: str | None, name: str) -> tuple[Document, bool]:
        content_type = _checked_type(request.headers.get("content-type", OCTET_STREAM))
        return await self._documents.receive(
            body_pieces(request, limit=self._documents.limit),
            content_type=content_type,
            by=caller_of(request).holder,
            expected=expected,
            name=name,
            description=_described(request.query_params.multi_items()),
        )

    async def _receive_form(
        self, request: Request, boundary: bytes, *, expected: str | None, name: str
    ) -> tuple[Document, bool]:
        form = FormUpload(boundary, default_type=OCTET_STREAM)
        said = request.query_params.multi_items()
        return await self._documents.receive(
            form.pieces(body_pieces(request, limit=self._documents.limit + OVERHEAD)),
            content_type=lambda: _checked_type(form.content_type),
            by=caller_of(request).holder,
            expected=expected,
            name=name,
            description=lambda: _described([*said, *form.fields]),
        )

    async def _find(self, id: str) -> Document:
        try:
            return await self._documents.find(id)
        except DeletedDocumentError as error:
            raise ProblemError(410, str(error)) from error
        except UnknownDocumentError as error:
            raise ProblemError(404, str(error)) from error


def _no_address(_request: Request) -> str:
    return ""


def _expected(id: str) -> tuple[str | None, str]:
    """Return the SHA-256 that the bytes must have, or the name that they shall get.

    Raises:
        RefusedError: the id is neither.
    """
    if not id:
        return None, ""
    try:
        return check_id(id), ""
    except RefusedError as error:
        if is_name(id):
            return None, id
        reason = (
            f"must be a SHA-256 (64 lower-case hexadecimal digits), or a name of at most {MAX_NAME} letters, "
            "digits and . _ ~ : @ - that begins with a letter or digit and does not look like a digest"
        )
        raise RefusedError("id", reason) from error


def _checked_type(given: str) -> str:
    if not _TYPE.match(given):
        raise ProblemError(415, "the Content-Type is not one (RFC 9110, 8.3.1)")
    return given


def _described(pairs: list[tuple[str, str]]) -> str:
    try:
        return description_of(pairs)
    except RefusedError as error:
        raise ProblemError(400, str(error)) from error


def _reply(status: int, document: Document, message: str, **more: int) -> Response:
    # `ok` is text, as in Stucco's service: its Go clients read nothing else.
    body = {"ok": "true", "key": document.key, "message": message, "error": None, **more}
    headers = {"Location": f"/document/{document.key}"} if status == 201 else {}
    if document.name:
        headers["Link"] = f'</document/{document.sha256}>; rel="canonical"'
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)
