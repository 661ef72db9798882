"""The list of documents over HTTP; one of them is at `/document/{id}`, as Stucco's clients ask for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import Depends, FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.document_list import DocumentLine, DocumentList
from registry.documents import DeletedDocumentError, Documents, UnknownDocumentError
from vedette.documents.description import read_description
from web.api.access import Rules
from web.api.problems import ProblemError
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters, Text

Id = Annotated[str, Path(max_length=128, pattern=r"^[^\x00]+$", description="SHA-256 of the bytes, or a name.")]


class DocumentParameters(ListParameters):
    """Which documents to list."""

    by: Text | None = None
    """Agent or key that handed them in first."""


class DocumentListRoutes:
    """`GET /v1/documents`, and what is known of one."""

    def __init__(self, *, listed: DocumentList, documents: Documents, lists: Lists) -> None:
        self._listed = listed
        self._documents = documents
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/documents", self.list, kind=DocumentLine, rule=read)
        app.add_api_route(
            "/v1/documents/{id}",
            self.get,
            methods=["GET"],
            dependencies=[read],
            response_model=DocumentLine,
            responses=problems(404, 410, 422),
            tags=["documents"],
        )

    async def list(self, request: Request, asked: Annotated[DocumentParameters, Query()]) -> Response:
        """List documents, newest first."""
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._listed.page(by=asked.by, limit=limit, cursor=cursor),
            kind=DocumentLine,
            name="documents",
        )

    async def get(self, id: Id, _: Annotated[Parameters, Query()]) -> Response:
        """Return what is known of a document, its bytes apart."""
        try:
            found = await self._documents.find(id)
        except DeletedDocumentError as error:
            raise ProblemError(410, str(error)) from error
        except UnknownDocumentError as error:
            raise ProblemError(404, str(error)) from error
        line = DocumentLine(
            sha256=found.sha256,
            size=found.size,
            content_type=found.content_type,
            created_at=found.created_at,
            created_by=found.created_by,
            description=read_description(found.description),
        )
        return Response(orjson.dumps(asdict(line)), media_type=MEDIA_TYPES[Form.JSON])
