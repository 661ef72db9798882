"""What proves items, over HTTP: the lists of batches and of time-stamp tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.batch_list import BatchesWanted, BatchLine, BatchList
from registry.callers import Scope
from registry.proof_state import ProofState
from registry.token_list import TokenLine, TokenList, TokensWanted
from web.api.access import Rules
from web.api.v1.lists import Lists, add_list
from web.api.v1.parameters import Text, TimedParameters


class BatchParameters(TimedParameters):
    """Which batches to list, by when they were closed."""

    engine: Text | None = None
    """Bare JID of the engine."""
    state: ProofState | None = None
    """How far proved."""


class TokenParameters(TimedParameters):
    """Which tokens to list, by when they came."""

    tsa: Text | None = None
    """Name of the authority in the configuration."""


class EvidenceRoutes:
    """`GET /v1/batches` and `GET /v1/tokens`."""

    def __init__(self, *, batches: BatchList, tokens: TokenList, lists: Lists) -> None:
        self._batches = batches
        self._tokens = tokens
        self._lists = lists

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read = Depends(rules.any_of(Scope.READ))
        add_list(app, "/v1/batches", self.batches, kind=BatchLine, rule=read)
        add_list(app, "/v1/tokens", self.tokens, kind=TokenLine, rule=read)

    async def batches(self, request: Request, asked: Annotated[BatchParameters, Query()]) -> Response:
        """List batches, the last closed first."""
        wanted = BatchesWanted(engine=asked.engine, state=asked.state, since=asked.since, until=asked.until)
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._batches.page(wanted=wanted, limit=limit, cursor=cursor),
            kind=BatchLine,
            name="batches",
        )

    async def tokens(self, request: Request, asked: Annotated[TokenParameters, Query()]) -> Response:
        """List time-stamp tokens, the last obtained first."""
        wanted = TokensWanted(tsa=asked.tsa, since=asked.since, until=asked.until)
        return await self._lists.answer(
            request,
            asked,
            lambda limit, cursor: self._tokens.page(wanted=wanted, limit=limit, cursor=cursor),
            kind=TokenLine,
            name="tokens",
        )
