"""SCANDALE's items: `GET /items/`, `GET /items/{id}` and `POST /items/`, for its clients as they are."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Sequence

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.callers import Scope
from registry.scandale import ScandaleView
from vedette.canonical import sha256_hex
from vedette.errors import ConflictError
from vedette.messages.limits import MAX_BODY
from web.api.access import Rules, caller_of
from web.api.bodies import PATIENCE, body_pieces
from web.api.direct import add_direct
from web.api.problems import ProblemError
from web.api.scandale_forms import ITEM, ITEM_BODY, ITEMS, PAGE, answer, id_of, parameter, read_page, read_query
from web.api.scandale_intake import BusyError, ItemIntake
from web.api.v1.described import problems

_NUMBER = re.compile(r"[0-9]{1,15}\Z")
_RETRY = {"Retry-After": "1"}


class ScandaleItemRoutes:
    """`GET` and `POST /items/`, `GET /items/{id}`."""

    def __init__(self, *, view: ScandaleView, intake: ItemIntake) -> None:
        self._view = view
        self._intake = intake

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, ingest = rules.any_of(Scope.READ), rules.any_of(Scope.INGEST)
        listed = [*PAGE, parameter("q", {"type": "string"}, "Only items with this payload: its base64.")]
        for path, documented in (("/items/", True), ("/items", False)):
            responses = {200: answer("Items, oldest first.", ITEMS), **problems(401, 403, 422, 503)}
            add_direct(app, path, self.get, rule=read, parameters=listed, responses=responses, documented=documented)
            posted = {
                200: answer("It was stored before.", ITEM),
                201: answer("It is stored.", ITEM),
                **problems(400, 401, 403, 408, 409, 411, 413, 415, 422, 503),
            }
            add_direct(
                app,
                path,
                self.post,
                rule=ingest,
                methods=["POST"],
                responses=posted,
                body=ITEM_BODY,
                documented=documented,
            )
        one = parameter("id", {"type": "string"}, "The item's uuid, or its place in the list, from 1.", where="path")
        found = {200: answer("The item.", ITEM), **problems(401, 403, 404, 422, 503)}
        add_direct(app, "/items/{id}", self.get_one, rule=read, parameters=[one], responses=found)

    async def get(self, request: Request) -> Response:
        """Return items, oldest first."""
        query = read_query(request, "skip", "limit", "q")
        skip, limit = read_page(query)
        raw = query.get("q", "")
        digest = _digest_of(raw) if raw else None
        if raw and digest is None:
            # Every payload is base64, so nothing can have this one.
            return _json(b"[]")
        items, pieces = await self._view.page(skip=skip, limit=limit, payload_sha256=digest)
        if pieces:
            return StreamingResponse(self._parts(items, pieces), media_type="application/json")
        return _json(b"[%b]" % b",".join(items))

    async def _parts(self, items: Sequence[bytes], pieces: Sequence[Sequence[str]]) -> AsyncIterator[bytes]:
        yield b"[" + b",".join(items)
        for piece in pieces:
            for item in await self._view.items(piece):
                yield b"," + item
        yield b"]"

    async def get_one(self, request: Request) -> Response:
        """Return an item by its uuid or by its place in the list, from 1, as SCANDALE numbers them."""
        text = request.path_params["id"]
        item = await self._numbered(int(text)) if _NUMBER.match(text) else await self._named(id_of(text))
        if item is None:
            raise ProblemError(404, "Item not found")
        return _json(item)

    async def _numbered(self, number: int) -> bytes | None:
        return await self._view.item_at(number - 1) if number > 0 else None

    async def _named(self, uuid: str) -> bytes | None:
        items = await self._view.items([uuid])
        return items[0] if items else None

    async def post(self, request: Request) -> Response:
        """Store an item through the one intake; answered once it is on disk."""
        body = await read_body(request, limit=MAX_BODY)
        try:
            posted = await self._intake.post(body, sender=caller_of(request).holder)
        except BusyError as error:
            raise ProblemError(503, str(error), headers=_RETRY) from error
        except ConflictError as error:
            raise ProblemError(409, str(error)) from error
        return _json(orjson.dumps({"scan_data": posted.item.data}), status=201 if posted.new else 200)


async def read_body(request: Request, *, limit: int, patience: float = PATIENCE) -> bytes:
    """Return a body, which is bounded in bytes and time.

    Raises:
        ProblemError: 411 without length, 413 too long, 415 unknown encoding, 400 wrong gzip, 408 too slow.
        ClientDisconnect: the client went away before the end.
    """
    length = request.headers.get("content-length", "")
    if "content-encoding" not in request.headers and length.isdecimal() and int(length) <= limit:
        try:
            async with asyncio.timeout(patience):
                return await request.body()
        except TimeoutError as error:
            raise ProblemError(408, f"the body did not come within {patience:g} seconds") from error
    whole = bytearray()
    async for piece in body_pieces(request, limit=limit, patience=patience):
        whole += piece
        if len(whole) > limit:
            raise ProblemError(413, f"is more than {limit} bytes")
    return bytes(whole)


def _digest_of(raw: str) -> str | None:
    """Return the SHA-256 of what is base64; None for what is not as we would write it."""
    try:
        data = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return None
    return sha256_hex(data) if base64.b64encode(data).decode() == raw else None


def _json(body: bytes, *, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")
