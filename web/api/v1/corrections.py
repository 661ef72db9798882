"""What was read of items' texts, and what people correct in it, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.corrections import CorrectedItem, Corrections, NoAnnotationError, UnknownCorrectionError
from registry.graph_corrections import CorrectionLine
from registry.item_detail import ItemDetails
from registry.items import UnknownItemError
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.corrections.kinds import Correction
from vedette.messages.limits import MAX_TEXT
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.answers import json_answer
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.graph_places import NO_GRAPH
from web.api.v1.items import Uuid
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, Parameters
from web.api.v1.streams import Slots, Stream

EXPORTS: Final = 2
"""Exports of training data that may be in work at once: each holds a whole document."""

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The correction's number.")]

_Why = Annotated[str, Field(max_length=MAX_TEXT, pattern=r"^[^\x00]*$")]


class Kind(StrEnum):
    """What is learnt."""

    ENTITIES = "entities"
    RELATIONS = "relations"


class AnnotationParameters(Parameters):
    """How to show what was read."""

    corrected: bool = True
    """With people's corrections; else as the reader said it."""


class LessonParameters(Parameters):
    """Which training data."""

    format: Literal["jsonl"] = "jsonl"
    """A JSON object a line."""
    of: Kind = Kind.ENTITIES
    """`entities`: a sentence a line, `{"tokens", "tags", "source"}`. `relations`: a pair a line, `{"tokens", "head",
    "tail", "relation", "source"}`."""


class UndoParameters(Parameters):
    """Why a correction is taken back."""

    why: _Why = ""
    """Kept."""


class Corrected(BaseModel):
    """A correction, and why."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    correction: Correction
    """What is corrected; places by offsets in characters and by the text that stands there."""
    why: _Why = ""
    """Kept."""


class ReadCorrection(BaseModel):
    """A correction, who made it and why."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Its number; corrections of an item are applied in this order."""
    item: str
    """Uuid of the item."""
    correction: Correction
    """What is corrected."""
    why: str
    """Why; empty where nothing was said."""
    made_at: int
    """Microseconds since 1970."""
    made_by: str
    """Who."""
    undone_at: int | None
    """Microseconds since 1970: when it was taken back; null while it counts."""
    undone_by: str
    """Who took it back."""
    undone_why: str
    """Why."""
    unfit: str = ""
    """Why it does not fit what is read now; empty where it does."""


class ReadCorrections(BaseModel):
    """The corrections of an item."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[ReadCorrection]
    """In their order, those that were taken back, too."""


class CorrectionRoutes:
    """`/v1/items/{uuid}/annotation`, `/v1/items/{uuid}/corrections` and `/v1/corrections`."""

    def __init__(self, *, corrections: Corrections | None, details: ItemDetails, gate: Gate) -> None:
        self._corrections = corrections
        self._details = details
        self._gate = gate
        self._slots = Slots(most=EXPORTS, what="exports of training data")

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, operate = Depends(rules.any_of(Scope.READ)), Depends(rules.any_of(Scope.OPERATE))
        usual: dict[str, Any] = {"tags": ["corrections"], "responses": problems(404, 410, 422, 503)}
        get: dict[str, Any] = {"methods": ["GET"], "dependencies": [read], **usual}
        place = "/v1/items/{uuid}/corrections"
        app.add_api_route("/v1/items/{uuid}/annotation", self.annotation, response_model=AnnotatedDocument, **get)
        app.add_api_route(place, self.all, response_model=ReadCorrections, **get)
        changed: dict[str, Any] = {"dependencies": [operate], "response_model": ReadCorrection, **usual}
        app.add_api_route(
            place, self.add, methods=["POST"], status_code=201, openapi_extra=body_of(Corrected), **changed
        )
        app.add_api_route(f"{place}/{{number}}", self.undo, methods=["DELETE"], **changed)
        lines: dict[int | str, Any] = {
            200: {"description": "The lines.", "content": {MEDIA_TYPES[Form.NDJSON]: {"schema": {"type": "string"}}}}
        }
        app.add_api_route(
            "/v1/corrections",
            self.lessons,
            methods=["GET"],
            dependencies=[read],
            tags=["corrections"],
            responses={**lines, **problems(422, 429, 503)},
        )

    async def annotation(
        self, uuid: Uuid, request: Request, asked: Annotated[AnnotationParameters, Query()]
    ) -> Response:
        """Return the annotated document that an item's text is, as people corrected it or as it was read."""
        found = await self._found(uuid)
        document = found.corrected.document if asked.corrected else found.read
        return Response(await asyncio.to_thread(document.model_dump_json), media_type=MEDIA_TYPES[Form.JSON])

    async def all(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """List the corrections of an item in their order; those that were taken back are among them."""
        found = await self._found(uuid, tokens=False)
        unfit = found.unfit
        return json_answer({"items": [_told(line, unfit.get(line.id, "")) for line in found.lines]})

    async def add(self, uuid: Uuid, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Correct what was read of an item; the graph says it, too, when the answer comes."""
        corrections = await self._of(uuid)
        asked = await read_model(request, Corrected)
        by = actor_of(request, self._gate)
        try:
            line = await corrections.add(uuid, asked.correction, why=asked.why, by=by)
        except NoAnnotationError as error:
            raise ProblemError(404, str(error)) from error
        return json_answer(_told(line), status=201)

    async def undo(
        self, uuid: Uuid, number: Number, request: Request, asked: Annotated[UndoParameters, Query()]
    ) -> Response:
        """Take a correction back; it stays in the list, with who did that."""
        corrections = await self._of(uuid)
        try:
            line = await corrections.undo(uuid, number, why=asked.why, by=actor_of(request, self._gate))
        except UnknownCorrectionError as error:
            raise ProblemError(404, str(error)) from error
        return json_answer(_told(line))

    async def lessons(self, asked: Annotated[LessonParameters, Query()]) -> Response:
        """Return what a model can learn from all corrections, as NDJSON in the form of the data sets."""
        corrections = self._there()
        self._slots.take()
        headers = {
            "Content-Type": f"{MEDIA_TYPES[Form.NDJSON]}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="corrections-{asked.of.value}.jsonl"',
        }
        return Stream(_lines(corrections, asked.of), headers=headers, slots=self._slots)

    async def _found(self, uuid: str, *, tokens: bool = True) -> CorrectedItem:
        corrections = await self._of(uuid)
        try:
            return await corrections.of_item(uuid, tokens=tokens)
        except NoAnnotationError as error:
            raise ProblemError(404, str(error)) from error

    async def _of(self, uuid: str) -> Corrections:
        """Return the corrections, where there is such an item and its text is there.

        Raises:
            ProblemError: 404 no such item, 410 its payload was deleted, 503 no graph.
        """
        corrections = self._there()
        try:
            item = await self._details.find(uuid)
        except UnknownItemError as error:
            raise ProblemError(404, "there is no item with this uuid") from error
        if item.deleted is not None:
            raise ProblemError(410, "its payload was deleted, and what was read of it goes, too")
        return corrections

    def _there(self) -> Corrections:
        if self._corrections is None:
            raise ProblemError(503, NO_GRAPH)
        return self._corrections


def _told(line: CorrectionLine, unfit: str = "") -> dict[str, Any]:
    told = asdict(line)
    return told | {"correction": line.correction.model_dump(), "unfit": unfit}


async def _lines(corrections: Corrections, of: Kind) -> AsyncGenerator[bytes, None]:
    async for lessons in corrections.lessons():
        lines = lessons.entities if of is Kind.ENTITIES else lessons.relations
        if lines:
            yield b"".join(orjson.dumps(line) + b"\n" for line in lines)
