"""`GET /v1/metrics`: what Prometheus collects."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Query
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.figures import Figures
from registry.notices import Notices
from registry.replica import Replica
from web.api.access import Rules
from web.api.exposition import Snapshot
from web.api.hub_view import HubView
from web.api.measuring import HttpMeasures
from web.api.v1.described import problems
from web.api.v1.parameters import Parameters


class MetricsRoutes:
    """The route for metrics."""

    def __init__(
        self,
        *,
        figures: Figures,
        measures: HttpMeasures,
        hub: HubView,
        replica: Replica | None = None,
        notices: Notices | None = None,
    ) -> None:
        self._figures = figures
        self._measures = measures
        self._hub = hub
        self._replica = replica
        self._notices = notices

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        text = {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
        app.add_api_route(
            "/v1/metrics",
            self.metrics,
            methods=["GET"],
            dependencies=[Depends(rules.any_of(Scope.READ))],
            response_class=Response,
            responses={200: text, **problems(422)},
            tags=["metrics"],
        )

    async def metrics(self, request: Request, _: Annotated[Parameters, Query()]) -> Response:
        """Return metrics in the text form of Prometheus, or of OpenMetrics where that is asked for."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        snapshot = CollectorRegistry()
        store = await self._figures.now()
        snapshot.register(
            Snapshot(
                store=store,
                agents=self._hub.states(),
                stamping=self._hub.stamping(),
                replica=None if self._replica is None else self._replica.state(),
                notices=None if self._notices is None else self._notices.state(),
            )
        )
        parts = [encode(registry).decode() for registry in (snapshot, self._measures.registry)]
        # OpenMetrics ends a text, of which there are two here.
        body = "".join(part.removesuffix("# EOF\n") for part in parts) + ("# EOF\n" * parts[0].endswith("# EOF\n"))
        return Response(body, headers={"Content-Type": content_type})
