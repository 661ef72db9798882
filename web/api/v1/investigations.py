"""Investigations over HTTP: what would leave of a selection, to be read, or as the file that an exporter writes."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette.sharing.investigation import Investigation
from web.api.access import Rules
from web.api.sharing_view import SharingView
from web.api.v1.described import problems
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, Parameters, Text

MAX_ROWS: Final = 10_000
"""Facts, edges or other rows of a document that are read as JSON."""


class InvestigationParameters(Parameters):
    """Which investigation, towards whom, and in which form."""

    select: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
    """Which: `target=192.0.2.7`, `job=UUID`, `type=scan since=2d`, `vertex=NAME depth=2`; see docs/sharing.md."""
    destination: Text | None = None
    """Name of a destination, whose policy says what may leave; null: what may leave into a file."""
    format: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = "json"
    """`json`: the document itself, to be read; or an exporter that writes files: `misp`, `stix`, `csv`, `ndjson`."""
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 1_000
    """Rows of each kind in JSON at most; the counts say how many there are. A file always has all."""


_FOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document: `counts` of all, and the first rows of each kind; or a file.",
        "content": {"application/json": {}, "text/csv": {}, "application/x-ndjson": {}},
    },
    **problems(422, 429, 503),
}


class InvestigationRoutes:
    """`GET /v1/investigations`."""

    def __init__(self, *, view: SharingView) -> None:
        self._view = view

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/v1/investigations",
            self.get,
            methods=["GET"],
            dependencies=[Depends(rules.any_of(Scope.READ))],
            responses=_FOUND,
            response_class=Response,
            tags=["exports"],
        )

    async def get(self, _: Request, asked: Annotated[InvestigationParameters, Query()]) -> Response:
        """Return what would leave of a selection; nothing is sent anywhere."""
        if asked.format != "json":
            return await self._view.file(asked.select, asked.format, destination=asked.destination)
        found = await self._view.look(asked.select, destination=asked.destination)
        body = await asyncio.to_thread(document_json, found, limit=asked.limit)
        return Response(body, media_type=MEDIA_TYPES[Form.JSON])


def document_json(found: Investigation, *, limit: int) -> bytes:
    """Return a document as JSON, without bytes of outputs and bundles: of these it has names, sizes and hashes."""
    rows: dict[str, list[Any]] = {
        "facts": [
            {
                "vertex": {
                    **fact.vertex.as_stucco(),
                    "id": fact.vertex.id,
                    "first_seen": fact.vertex.first_seen,
                    "last_seen": fact.vertex.last_seen,
                },
                "malicious": fact.malicious,
                "own": fact.own,
                "warned": fact.warned,
                "alarming": fact.alarming,
                "confidence": fact.confidence,
                "reviewed": fact.reviewed,
                "items": fact.items,
                "sources": fact.sources,
            }
            for fact in found.facts[:limit]
        ],
        "edges": list(found.edges[:limit]),
        "scans": [_without(one, "raw") for one in found.scans[:limit]],
        "proofs": [
            {**_without(one, "statement", "bundle"), "statement": one.statement.decode("utf-8", "replace")}
            for one in found.proofs[:limit]
        ],
        "withheld": list(found.withheld[:limit]),
    }
    head = ("instance", "uuid", "key", "kind", "title", "description", "organisation", "tlp", "pap", "tags")
    times = ("first_seen", "last_seen")
    counts = {name: len(getattr(found, name)) for name in rows}
    return orjson.dumps({**{name: getattr(found, name) for name in (*head, *times)}, "counts": counts, **rows})


def _without(one: Any, *names: str) -> dict[str, Any]:
    """Return the fields of a dataclass with slots but some."""
    return {name: getattr(one, name) for name in one.__dataclass_fields__ if name not in names}
