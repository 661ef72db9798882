"""The document service's routes: content goes in and out as a stream, under the SHA-256 of its bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, Mapping

import orjson
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from registry.content import TooLargeError, check_id
from registry.documents import DeletedDocumentError, DigestError, Document, Documents, UnknownDocumentError
from registry.keys import Scope
from web.api.access import Rules, caller_of
from web.api.bodies import body_pieces
from web.api.problems import ProblemError

DEFAULT_TYPE = "application/octet-stream"
"""Content type of a document whose sender named none (RFC 9110, 8.3)."""

_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}(\s*;[\x20-\x7e]{0,200})?\Z")


class DocumentRoutes:
    """`POST /document`, and `POST`, `PUT`, `GET`, `HEAD`, `DELETE /document/{id}`."""

    def __init__(self, *, documents: Documents) -> None:
        self._documents = documents

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        ingest, read, admin = (Depends(rules.any_of(scope)) for scope in (Scope.INGEST, Scope.READ, Scope.ADMIN))
        either = Depends(rules.any_of(Scope.READ, Scope.INGEST))
        app.add_api_route("/document", self.post, methods=["POST"], dependencies=[ingest])
        one = "/document/{id}"
        app.add_api_route(one, self.post_named, methods=["POST"], dependencies=[ingest])
        app.add_api_route(one, self.put_named, methods=["PUT"], dependencies=[ingest])
        app.add_api_route(one, self.get, methods=["GET"], dependencies=[read])
        app.add_api_route(one, self.head, methods=["HEAD"], dependencies=[either])
        app.add_api_route(one, self.delete, methods=["DELETE"], dependencies=[admin])

    async def post(self, request: Request) -> Response:
        """Store a document; the answer has its id."""
        return await self._store(request, None)

    async def post_named(self, id: str, request: Request) -> Response:
        """Store a document whose id is known: the SHA-256 of its (unpacked) bytes."""
        return await self._store(request, check_id(id))

    async def put_named(self, id: str, request: Request) -> Response:
        """Store a document whose id is known, as `POST` does: both may be repeated."""
        return await self._store(request, check_id(id))

    async def get(self, id: str) -> Response:
        """Return a document's bytes, which are checked against their digest on the way."""
        document = await self._find(id)
        return _Stream(self._documents.read(id, verify=True), headers=_headers(document))

    async def head(self, id: str, request: Request) -> Response:
        """Tell whether there is a document; who may only hand in learns it of its own ones."""
        document, caller = await self._find(id), caller_of(request)
        if Scope.READ not in caller.scopes and document.created_by != caller.holder:
            raise ProblemError(404, "there is no document with this id")
        return Response(headers=_headers(document))

    async def delete(self, id: str, request: Request, reason: str = "") -> Response:
        """Delete a document's bytes, giving a reason; a tombstone stays."""
        await self._find(id)
        tombstone = await self._documents.delete(id, by=caller_of(request).holder, reason=reason)
        return _reply(200, id, "deleted; a tombstone stays", deleted_at=tombstone.deleted_at)

    async def _store(self, request: Request, expected: str | None) -> Response:
        pieces = body_pieces(request, limit=self._documents.limit)
        try:
            document, new = await self._documents.receive(
                pieces, content_type=_content_type(request), by=caller_of(request).holder, expected=expected
            )
        except TooLargeError as error:
            raise ProblemError(413, str(error)) from error
        except DigestError as error:
            raise ProblemError(409, str(error)) from error
        message = "stored" if new else "was stored before"
        return _reply(201 if new else 200, document.sha256, message, size=document.size)

    async def _find(self, id: str) -> Document:
        try:
            return await self._documents.find(id)
        except DeletedDocumentError as error:
            raise ProblemError(410, str(error)) from error
        except UnknownDocumentError as error:
            raise ProblemError(404, str(error)) from error


class _Stream(StreamingResponse):
    """An answer that closes what it reads from as soon as it ends, however it ends."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], *, headers: Mapping[str, str]) -> None:
        super().__init__(pieces, headers=headers)
        self._source = pieces

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._source.aclose()


def _content_type(request: Request) -> str:
    given = request.headers.get("content-type", DEFAULT_TYPE)
    if not _TYPE.match(given):
        raise ProblemError(415, "the Content-Type is not one (RFC 9110, 8.3.1)")
    return given


def _headers(document: Document) -> Mapping[str, str]:
    digest = base64.b64encode(bytes.fromhex(document.sha256)).decode()
    return {
        "Content-Type": document.content_type,
        "Content-Length": str(document.size),
        "ETag": f'"{document.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        # Whatever was collected must not run as a page of ours.
        "Content-Disposition": f'attachment; filename="{document.sha256}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }


def _reply(status: int, id: str, message: str, **more: int) -> Response:
    body = {"ok": True, "key": id, "message": message, "error": None, **more}
    headers = {"Location": f"/document/{id}"} if status == 201 else None
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)
