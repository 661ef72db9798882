"""What an administrator looks into, over HTTP: the audit log and the API keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from registry.audit import Audit, AuditFilter, AuditRecord
from registry.callers import Scope
from registry.key_list import KeyList
from registry.keys import MAX_NAME, ApiKey, Keys
from registry.listing import Page
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.gate import Gate
from web.api.problems import ProblemError
from web.api.v1.acting import actor_of
from web.api.v1.decisions import body_of, read_model
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form, ListParameters, Parameters, Text, TimedParameters

LONGEST = 10 * 365 * 86_400
"""Seconds that a key may be good, where it expires at all."""

Id = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="The key's id, as the list has it.")]


class KeyParameters(ListParameters):
    """Which keys to list."""

    good: bool = False
    """Only those that neither expired nor were revoked."""


class AuditParameters(TimedParameters):
    """Which entries of the audit log to list."""

    who: Text | None = None
    """Who did it, such as `user anna`."""
    action: Text | None = None
    """What was done; `agent.`, with the dot at the end, means all that begin so."""
    object: Text | None = None
    """What it was done to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyLine:
    """An API key; the key itself nobody has but its holder."""

    id: str
    """Names it in lists and logs."""
    name: str
    """What it is for."""
    agent: str | None
    """Bare JID of its agent; null for other programs."""
    scopes: str
    """What it allows, words with a space between."""
    created_at: int
    """Microseconds since 1970."""
    expires_at: int | None
    """Microseconds since 1970; null: never."""
    revoked_at: int | None
    """Microseconds since 1970; null while it is good."""
    last_used_day: int | None
    """Days since 1970."""


class NewKey(BaseModel):
    """A key that shall be made."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    """What it is for."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    """What it allows."""
    seconds: Annotated[int, Field(ge=1, le=LONGEST)] | None
    """After how many seconds it expires; null: never."""


class IssuedKey(BaseModel):
    """A new key."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Names it in lists and logs."""
    name: str
    """What it is for."""
    scopes: str
    """What it allows, words with a space between."""
    expires_at: int | None
    """Microseconds since 1970; null: never."""
    key: str
    """The key, this once: the store keeps its hash only."""


class RevokedKey(BaseModel):
    """That a key is refused from now on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Its id."""
    revoked: bool
    """Always true."""


class RecordRoutes:
    """`GET /v1/audit`, `GET` and `POST /v1/keys`, and `DELETE` of one."""

    def __init__(self, *, audit: Audit, keys: Keys, listed: KeyList, lists: Lists, gate: Gate) -> None:
        self._audit = audit
        self._keys = keys
        self._listed = listed
        self._lists = lists
        self._gate = gate

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        admin = Depends(rules.any_of(Scope.ADMIN))
        add_list(app, "/v1/audit", self.audit, kind=AuditRecord, rule=admin)
        add_list(app, "/v1/keys", self.keys, kind=KeyLine, rule=admin)
        change: dict[str, Any] = {"dependencies": [admin], "tags": ["keys"]}
        new: dict[str, Any] = {"status_code": 201, "response_model": IssuedKey, "responses": problems(422)}
        app.add_api_route("/v1/keys", self.issue, methods=["POST"], openapi_extra=body_of(NewKey), **new, **change)
        gone: dict[str, Any] = {"response_model": RevokedKey, "responses": problems(404, 422)}
        app.add_api_route("/v1/keys/{id}", self.revoke, methods=["DELETE"], **gone, **change)

    async def audit(self, request: Request, asked: Annotated[AuditParameters, Query()]) -> Response:
        """List who did what, when and from where, newest first."""
        wanted = AuditFilter(
            who=asked.who, action=asked.action, object=asked.object, since=asked.since, until=asked.until
        )

        async def fetch(limit: int, cursor: str | None) -> Page[AuditRecord]:
            page = await self._audit.page(wanted=wanted, limit=limit, cursor=cursor)
            return Page(rows=page.entries, next=page.cursor)

        return await self._lists.answer(request, asked, fetch, kind=AuditRecord, name="audit")

    async def keys(self, request: Request, asked: Annotated[KeyParameters, Query()]) -> Response:
        """List the API keys that were ever issued, newest first."""

        async def fetch(limit: int, cursor: str | None) -> Page[KeyLine]:
            page = await self._listed.page(ended=not asked.good, limit=limit, cursor=cursor)
            return Page(rows=[_line(key) for key in page.rows], next=page.next, previous=page.previous)

        return await self._lists.answer(request, asked, fetch, kind=KeyLine, name="keys")

    async def issue(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Make a key and return it, this once."""
        wanted = await read_model(request, NewKey)
        key, known = await self._keys.make(
            name=wanted.name,
            scopes=set(wanted.scopes),
            lifetime=wanted.seconds,
            by=actor_of(request, self._gate),
        )
        body = {"id": known.id, "name": known.name, "scopes": _words(known), "expires_at": known.expires_at}
        return _json(body | {"key": key}, status=201)

    async def revoke(self, id: Id, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Refuse a key from now on; it stays in the list."""
        try:
            await self._keys.revoke(id, by=actor_of(request, self._gate))
        except RefusedError as error:
            raise ProblemError(404, "there is no key of this id that is in use") from error
        return _json({"id": id, "revoked": True})


def _line(key: ApiKey) -> KeyLine:
    names = ("id", "name", "agent", "created_at", "expires_at", "revoked_at", "last_used_day")
    return KeyLine(scopes=_words(key), **{name: getattr(key, name) for name in names})


def _words(key: ApiKey) -> str:
    return " ".join(sorted(key.scopes))


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPES[Form.JSON], headers=headers)
