"""Parts of the graph over HTTP: what lies around a vertex, the way to another, and files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from vedette.graph.port import MAX_DEPTH, MAX_FAN_OUT, MAX_PICTURE, GraphReading, Picture, TooWideError
from web.api.access import Rules
from web.api.problems import ProblemError
from web.api.v1.answers import json_answer
from web.api.v1.described import problems
from web.api.v1.graph_answers import PictureAnswer, picture_fields
from web.api.v1.graph_places import OneId, VertexId, the_graph, the_vertex
from web.api.v1.parameters import Parameters, Text
from web.api.v1.streams import Slots

PICTURES: Final = 8
"""Pictures and paths that may be in work at once: a large one takes a reader for a second."""


class ExportFormat(StrEnum):
    """What a part of the graph is exported as."""

    STIX = "stix"
    GRAPHML = "graphml"
    STUCCO = "stucco"


class PictureParameters(Parameters):
    """How much of what lies around a vertex."""

    depth: Annotated[int, Field(ge=0, le=MAX_DEPTH)] = 1
    """Steps away from it."""
    relations: Annotated[list[Text], Field(default_factory=list, max_length=50)]
    """Only these relations are followed; all unless said."""
    types: Annotated[list[Text], Field(default_factory=list, max_length=50)]
    """Only vertices of these types or observable types are shown, but for the first; all unless said."""
    limit: Annotated[int, Field(ge=1, le=MAX_PICTURE)] = MAX_PICTURE
    """Vertices at most."""
    fan_out: Annotated[int, Field(ge=1, le=MAX_FAN_OUT)] = MAX_FAN_OUT
    """Edges of one vertex that are followed at most; how many more there are is in `cut`."""


class ExportParameters(PictureParameters):
    """What to export, and as what."""

    format: ExportFormat = ExportFormat.STIX
    """`stix` (a STIX 2.1 bundle), `graphml`, or `stucco` (Stucco's JSON)."""


class SubgraphParameters(PictureParameters):
    """Around which vertices."""

    seed: Annotated[list[OneId], Field(min_length=1, max_length=100)]
    """Ids of vertices; those that are not there are left out."""


class PathParameters(Parameters):
    """From where to where."""

    start: OneId
    """Id of a vertex."""
    goal: OneId
    """Id of another one."""
    hops: Annotated[int, Field(ge=1, le=MAX_DEPTH)] = MAX_DEPTH
    """Edges of the path at most."""


# What writes files is imported where it is used: few hubs export, and all have it in memory otherwise.
def _stix(picture: Picture) -> bytes:
    from vedette.graph.stix_export import stix_bundle

    return stix_bundle(picture)


def _graphml(picture: Picture) -> bytes:
    from vedette.graph.exporting import graphml

    return graphml(picture)


def _stucco(picture: Picture) -> bytes:
    from vedette.graph.exporting import stucco_json

    return stucco_json(picture)


_FORMATS: Final[dict[ExportFormat, tuple[str, str, Callable[[Picture], bytes]]]] = {
    ExportFormat.STIX: ("application/stix+json;version=2.1", "json", _stix),
    ExportFormat.GRAPHML: ("application/graphml+xml", "graphml", _graphml),
    ExportFormat.STUCCO: ("application/json", "json", _stucco),
}


class GraphPictureRoutes:
    """`/v1/graph/vertices/{vertex}/neighbours` and `/export`, `/v1/graph/subgraph` and `/v1/graph/path`."""

    def __init__(self, *, graph: GraphReading | None) -> None:
        self._graph = graph
        self._slots = Slots(most=PICTURES, what="pictures of the graph")

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        read: dict[str, Any] = {
            "methods": ["GET"],
            "dependencies": [Depends(rules.any_of(Scope.READ))],
            "tags": ["graph"],
        }
        one, picture = "/v1/graph/vertices/{vertex}", {"response_model": PictureAnswer, **read}
        found = problems(404, 422, 429)
        app.add_api_route(f"{one}/neighbours", self.neighbours, responses=found, **picture)
        app.add_api_route("/v1/graph/subgraph", self.subgraph, responses=problems(422, 429), **picture)
        app.add_api_route("/v1/graph/path", self.path, responses=found, **picture)
        content = {media_type: {"schema": {"type": "string"}} for media_type, _, _ in _FORMATS.values()}
        files = {200: {"description": "The file.", "content": content}, **found}
        app.add_api_route(f"{one}/export", self.export, response_class=Response, responses=files, **read)

    async def neighbours(self, vertex: VertexId, asked: Annotated[PictureParameters, Query()]) -> Response:
        """Return what lies around a vertex, nearest first; `cut` says whose edges were not all followed."""
        return json_answer(picture_fields(await self._around([vertex], asked)))

    async def subgraph(self, asked: Annotated[SubgraphParameters, Query()]) -> Response:
        """Return what lies around several vertices together."""
        graph = the_graph(self._graph)
        return json_answer(picture_fields(await self._picture(graph, asked.seed, asked)))

    async def export(
        self, vertex: VertexId, request: Request, asked: Annotated[ExportParameters, Query()]
    ) -> Response:
        """Return what lies around a vertex as a file: a STIX 2.1 bundle, GraphML, or Stucco's JSON."""
        media_type, ending, written = _FORMATS[asked.format]
        data = written(await self._around([vertex], asked))
        headers = {"Content-Disposition": f'attachment; filename="graph-{asked.format.value}.{ending}"'}
        return Response(data, headers=headers | {"Content-Type": media_type})

    async def path(self, asked: Annotated[PathParameters, Query()]) -> Response:
        """Return a shortest path between two vertices, whichever way its edges go: its vertices in their order."""
        graph = the_graph(self._graph)
        for end in (asked.start, asked.goal):
            await the_vertex(graph, end)
        self._slots.take()
        try:
            found = await graph.path(asked.start, asked.goal, hops=asked.hops)
        except TooWideError as error:
            raise ProblemError(422, str(error)) from error
        finally:
            self._slots.give_back()
        if found is None:
            raise ProblemError(404, f"there is no path of at most {asked.hops} edges between them")
        return json_answer(picture_fields(found))

    async def _around(self, vertices: list[str], asked: PictureParameters) -> Picture:
        graph = the_graph(self._graph)
        for vertex in vertices:
            await the_vertex(graph, vertex)
        return await self._picture(graph, vertices, asked)

    async def _picture(self, graph: GraphReading, seeds: list[str], asked: PictureParameters) -> Picture:
        self._slots.take()
        try:
            return await graph.neighbourhood(
                seeds,
                depth=asked.depth,
                relations=asked.relations,
                types=asked.types,
                limit=asked.limit,
                fan_out=asked.fan_out,
            )
        finally:
            self._slots.give_back()
