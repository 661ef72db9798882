"""Items over HTTP: the list, one with all that is known of it, its bytes, its proof, and its bundle."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.item_detail import ItemDetail, ItemDetails, TokenDetail
from registry.item_list import ItemList, ItemsWanted
from registry.items import ItemSummary, UnknownItemError
from registry.proof_state import ProofState
from registry.proofs import Proofs
from vedette.errors import EvidenceError
from vedette.evidence.bundle import build_bundle
from web.api.access import Rules
from web.api.problems import ProblemError
from web.api.v1.described import problems
from web.api.v1.lists import Lists, add_list
from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import UUID, Form, Parameters, Text, TimedParameters
from web.api.v1.payloads import Payloads
from web.api.v1.streams import Slots

BUNDLES = 2
"""Bundles that may be in work at once: each is built in memory."""

Uuid = Annotated[str, Path(pattern=UUID, description="The item's uuid, in lower case.")]


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BYTES: dict[int | str, dict[str, Any]] = {200: {"description": "The bytes.", "content": {"*/*": _BINARY}}}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"description": "The zip.", "content": {"application/zip": _BINARY}}}


class ItemParameters(TimedParameters):
    """Which items to list."""

    agent: Text | None = None
    """Bare JID of the sender."""
    type: Text | None = None
    """`meta.type`."""
    payload_format: Text | None = None
    """Format of the payload, such as `nmap-xml`."""
    check: Text | None = None
    """`meta.check`."""
    target: Text | None = None
    """`meta.target`."""
    source: Annotated[str, Query(min_length=1, max_length=255)] | None = None
    """`meta.source`: a routing key, or a pattern in which `*` is one word and `#` any number."""
    verdict: Text | None = None
    """`meta.verdict`, such as `deviates`."""
    state: ProofState | None = None
    """How far proved."""

    @property
    def wanted(self) -> ItemsWanted:
        """The items that they describe."""
        return ItemsWanted(
            agent=self.agent,
            type=self.type,
            format=self.payload_format,
            check=self.check,
            target=self.target,
            source=self.source,
            verdict=self.verdict,
            state=self.state,
            since=self.since,
            until=self.until,
        )


class ItemProofView(BaseModel):
    """How far an item is proved, and by whom."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    uuid: str
    """The item's uuid."""
    state: ProofState
    """How far."""
    reason: str
    """Why it failed, or why it waits; empty otherwise."""
    engine: str
    """Bare JID of the engine whose log it is in."""
    epoch: str
    """Epoch of that log."""
    log_index: int
    """Its place there."""
    batch: int | None
    """Number of its batch; null while it is in none."""
    statement: str
    """Statement v1 in base64: the bytes whose SHA-256 is the leaf."""
    tokens: list[TokenDetail]
    """What authorities said, first come first."""


class ItemRoutes:
    """`GET /v1/items`, and what is under one of them."""

    def __init__(
        self, *, items: ItemList, details: ItemDetails, proofs: Proofs, payloads: Payloads, lists: Lists
    ) -> None:
        self._items = items
        self._details = details
        self._proofs = proofs
        self._payloads = payloads
        self._lists = lists
        self._bundles = Slots(most=BUNDLES, what="bundles")

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/items", self.list, kind=ItemSummary, rule=read)
        one: dict[str, Any] = {"methods": ["GET"], "dependencies": [read], "tags": ["items"]}
        place = "/v1/items/{uuid}"
        app.add_api_route(place, self.get, response_model=ItemDetail, responses=problems(404, 422), **one)
        raw, packed = _BYTES | problems(404, 410, 422, 429), _ZIP | problems(404, 409, 422, 429)
        app.add_api_route(f"{place}/payload", self.payload, response_class=Response, responses=raw, **one)
        proof = problems(404, 422)
        app.add_api_route(f"{place}/proof", self.proof, response_model=ItemProofView, responses=proof, **one)
        app.add_api_route(f"{place}/bundle", self.bundle, response_class=Response, responses=packed, **one)

    async def list(self, request: Request, wanted: Annotated[ItemParameters, Query()]) -> Response:
        """List items, newest first."""
        items = wanted.wanted
        return await self._lists.answer(
            request,
            wanted,
            lambda limit, cursor: self._items.page(wanted=items, limit=limit, cursor=cursor),
            kind=ItemSummary,
            name="items",
        )

    async def get(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return an item's meta, where and when it was committed, and how far it is proved."""
        return _json(asdict(await self._find(uuid)))

    async def payload(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return the bytes that were collected, as an attachment that no browser runs."""
        return await self._payloads.answer(await self._find(uuid))

    async def proof(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return an item's statement and time-stamp tokens."""
        detail = await self._find(uuid)
        return _json({name: getattr(detail, name) for name in ItemProofView.model_fields})

    async def bundle(self, uuid: Uuid, _: Annotated[Parameters, Query()]) -> Response:
        """Return the zip with which anybody can verify the item, with OpenSSL and without us."""
        await self._find(uuid)
        self._bundles.take()
        try:
            data = await asyncio.to_thread(build_bundle, await self._proofs.bundle_contents(uuid))
        except EvidenceError as error:
            raise ProblemError(409, str(error)) from error
        finally:
            self._bundles.give_back()
        headers = {"Content-Disposition": f'attachment; filename="{uuid}.zip"'}
        return Response(data, media_type="application/zip", headers=headers)

    async def _find(self, uuid: str) -> ItemDetail:
        try:
            return await self._details.find(uuid)
        except UnknownItemError as error:
            raise ProblemError(404, "there is no item with this uuid") from error


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type=MEDIA_TYPES[Form.JSON])
