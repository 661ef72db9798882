"""SCANDALE's time-stamp tokens: `/TimeStampTokens/…`, for its clients as they are."""

from __future__ import annotations

import ast
import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.scandale import ScandaleView, Token
from registry.scandale_check import ProofCheck
from registry.scandale_tokens import MAX_TOKEN, PostedTokens, UnknownScanError
from vedette.clock import to_datetime
from vedette.errors import RefusedError
from vedette.log import logger
from web.api.access import Rules, caller_of
from web.api.direct import add_direct
from web.api.problems import ProblemError
from web.api.scandale import read_body
from web.api.scandale_forms import PAGE, UUID_IN_PATH, answer, fields, id_of, read_page, read_query
from web.api.v1.described import problems

MAX_POST = 6 * MAX_TOKEN
"""Bytes of a posted token's body: each byte of a token can take four characters as SCANDALE writes it."""

TOKEN_TYPE = "application/timestamp-token"  # noqa: S105
"""Content type of a TimeStampToken by itself; RFC 3161 names one for a whole response only."""

_NOT_FOUND = "TimeStampToken not found"
_TOKEN = fields(
    {
        "scan_uuid": {"type": "string", "format": "uuid"},
        "tst": {"type": "string", "format": "byte"},
        "over": {"type": "string", "enum": ["root", "bytes", "base64"]},
    }
)
_BODY = fields({"scan_uuid": {"type": "string", "format": "uuid"}, "tst": {"type": "string", "format": "byte"}})

# `str({"tst": b"…", "scan_uuid": "…"})`, as SCANDALE's aggregation engine sends it. Its literals are found one by
# one: to evaluate whatever comes would let a sender nest it until the parser gives up.
_VALUE = rb"""b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ENTRY = re.compile(rb"""\s*['"](tst|scan_uuid)['"]\s*:\s*(""" + _VALUE + rb""")\s*(,|\}\s*\Z)""", re.DOTALL)


class ScandaleTokenRoutes:
    """`GET` and `POST /TimeStampTokens/`, and what is below."""

    def __init__(
        self, *, view: ScandaleView, tokens: PostedTokens, check: ProofCheck, posted: Callable[[], None]
    ) -> None:
        self._view = view
        self._posted = posted
        self._tokens = tokens
        self._check = check
        self._log = logger("api")

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read, ingest = rules.any_of(Scope.READ), rules.any_of(Scope.INGEST)
        for path, documented in (("/TimeStampTokens/", True), ("/TimeStampTokens", False)):
            listed = answer("Tokens, the oldest item's first.", {"type": "array", "items": _TOKEN})
            responses = {200: listed, **problems(401, 403, 422, 503)}
            add_direct(app, path, self.get, rule=read, parameters=PAGE, responses=responses, documented=documented)
            posted = {
                200: answer("It was stored before.", _BODY),
                201: answer("It is stored.", _BODY),
                **problems(400, 401, 403, 404, 408, 411, 413, 415, 422, 503),
            }
            body = {"required": True, "content": {"application/json": {"schema": _BODY}}}
            add_direct(
                app,
                path,
                self.post,
                rule=ingest,
                methods=["POST"],
                responses=posted,
                body=body,
                documented=documented,
            )
        one = "/TimeStampTokens/"
        shown = {
            "{uuid}": (self.get_one, answer("The token.", _TOKEN)),
            "token/{uuid}": (self.get_bytes, answer("Its DER.", {"type": "string"}, media=TOKEN_TYPE)),
            "check/{uuid}": (self.check, answer("Whether it holds.", fields({"validity": {"type": "boolean"}}))),
            "get_timestamp/{uuid}": (
                self.get_timestamp,
                answer("Its time.", fields({"timestamp": {"type": "string", "format": "date-time"}})),
            ),
        }
        for path, (endpoint, found) in shown.items():
            responses = {200: found, **problems(401, 403, 404, 422, 503)}
            add_direct(app, one + path, endpoint, rule=read, parameters=[UUID_IN_PATH], responses=responses)

    async def get(self, request: Request) -> Response:
        """Return the tokens of items that have one, the oldest item's first."""
        skip, limit = read_page(read_query(request, "skip", "limit"))
        found = await self._view.tokens(skip=skip, limit=limit)
        return _json([_shown(token) for token in found])

    async def get_one(self, request: Request) -> Response:
        """Return an item's token in base64, and what it is over."""
        return _json(_shown(await self._find(request)))

    async def get_bytes(self, request: Request) -> Response:
        """Return an item's token as it is: DER."""
        return Response((await self._find(request)).token, media_type=TOKEN_TYPE)

    async def check(self, request: Request) -> Response:
        """Verify an item's payload, statement, leaf, root and token, now and from what is stored."""
        uuid = _uuid_of(request)
        flaw = await self._check.flaw(uuid)
        if flaw is None:
            raise ProblemError(404, _NOT_FOUND)
        if flaw:
            self._log.error("an item's proof does not hold", item=uuid, reason=flaw)
        return _json({"validity": not flaw})

    async def get_timestamp(self, request: Request) -> Response:
        """Return the time of an item's token."""
        token = await self._find(request)
        return _json({"timestamp": to_datetime(token.gen_time).isoformat()})

    async def post(self, request: Request) -> Response:
        """Store a token over an item's payload that was obtained elsewhere; it is verified first."""
        uuid, token = read_posted(await read_body(request, limit=MAX_POST))
        try:
            new = await self._tokens.post(uuid=id_of(uuid), token=token, by=caller_of(request).holder)
        except UnknownScanError as error:
            raise ProblemError(404, "Item not found") from error
        self._posted()
        return _json({"tst": base64.b64encode(token).decode(), "scan_uuid": uuid}, status=201 if new else 200)

    async def _find(self, request: Request) -> Token:
        token = await self._view.token(_uuid_of(request))
        if token is None:
            raise ProblemError(404, _NOT_FOUND)
        return token


def read_posted(body: bytes) -> tuple[str, bytes]:
    """Return uuid and token of a posted body: JSON with base64, or SCANDALE's Python literal.

    Raises:
        RefusedError: it is neither.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _literal(body)
    if not isinstance(value, dict):
        raise RefusedError("body", "must be an object with scan_uuid and tst")
    uuid, token = value.get("scan_uuid"), value.get("tst")
    if isinstance(token, str):
        token = _from_base64(token)
    if not isinstance(uuid, str) or not isinstance(token, bytes):
        raise RefusedError("body", "must have scan_uuid, a text, and tst, the token's base64")
    return uuid, token


def _literal(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    place = 1 if body.startswith(b"{") else len(body)
    try:
        while (entry := _ENTRY.match(body, place)) is not None:
            found[entry[1].decode()] = ast.literal_eval(entry[2].decode("ascii"))
            place = entry.end()
    except (ValueError, SyntaxError) as error:
        raise RefusedError("body", "is neither JSON nor what SCANDALE sends") from error
    if place != len(body) or len(found) != len(("tst", "scan_uuid")):
        raise RefusedError("body", "is neither JSON nor what SCANDALE sends")
    return found


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError("tst", "is not base64") from error


def _uuid_of(request: Request) -> str:
    read_query(request)
    return id_of(request.path_params["uuid"])


def _shown(token: Token) -> dict[str, str]:
    return {"scan_uuid": token.uuid, "tst": base64.b64encode(token.token).decode(), "over": token.over}


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")
