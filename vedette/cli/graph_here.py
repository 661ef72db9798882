"""`vedette graph` over the graph's database on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import typer

from registry.audit import Audit
from registry.database import Database
from registry.gone_bytes import GoneBytes
from registry.graph import graph_database
from registry.graph_decisions import GraphDecisions
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from vedette.cli.actor import command_line_actor
from vedette.cli.graph_places import Answer, Around, GraphPlace, Wanted
from vedette.cli.output import Exit, complain
from vedette.cli.store import open_fleet, open_store
from vedette.client.graph import ExportFormat
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths
from vedette.graph.port import Picture, TooWideError, UnknownVertexError, VertexFilter, VertexView
from web.api.v1.graph_answers import EdgeLine, MentionLine, VertexLine, picture_fields

T = TypeVar("T")


@contextmanager
def graph_here(config: Path | None) -> Iterator[GraphPlace]:
    """Give the graph that a fleet's configuration names.

    Raises:
        ConfigurationError: there is no configuration, or it is wrong.
        StoreError: there is no graph yet, or it cannot be read.
    """
    _, paths = open_fleet(config)
    with graph_database(paths.graph_url) as database:
        try:
            yield _GraphHere(database, paths)
        except (UnknownVertexError, TooWideError) as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error


class _GraphHere(GraphPlace):
    """The graph in an open database."""

    def __init__(self, database: Database, paths: FleetPaths) -> None:
        self._database = database
        self._paths = paths
        self._read = GraphRead(database=database)

    def search(self, wanted: Wanted, *, limit: int) -> list[Answer]:
        of = wanted.property or "description"
        found = VertexFilter(
            text=wanted.text or "",
            name=wanted.name or "",
            type=wanted.type or "",
            observable_type=wanted.observable_type or "",
            equals={} if wanted.value is None else {of: wanted.value},
        )
        return [_line(one) for one in asyncio.run(self._read.find(found, limit=limit)).vertices]

    def show(self, vertex: str, *, limit: int) -> Answer:
        view = self._vertex(vertex)
        found = asyncio.run(self._read.edges(vertex, limit=limit))
        known = {**found.vertices, view.id: view}
        return _line(view) | {"edges": [asdict(EdgeLine.of(edge, known)) for edge in found.edges]}

    def neighbours(self, vertex: str, around: Around) -> Answer:
        return _picture(self._around(vertex, around))

    def export(self, vertex: str, around: Around, *, format: ExportFormat) -> bytes:
        from vedette.graph.exporting import graphml, stucco_json
        from vedette.graph.stix_export import stix_bundle

        written: Callable[[Picture], bytes] = {"stix": stix_bundle, "graphml": graphml, "stucco": stucco_json}[format]
        return written(self._around(vertex, around))

    def path(self, start: str, goal: str, *, hops: int) -> Answer:
        for end in (start, goal):
            self._vertex(end)
        found = asyncio.run(self._read.path(start, goal, hops=hops))
        if found is None:
            raise UnknownVertexError(f"there is no path of at most {hops} edges between them")
        return _picture(found)

    def explain(self, first: str, second: str) -> Answer:
        found = asdict(asyncio.run(self._read.explain(first, second)))
        return found | {"decisions": list(found["decisions"]), "reasons": list(found["reasons"])}

    def mentions(self, vertex: str, *, property: str | None, value: str | None, limit: int) -> list[Answer]:
        self._vertex(vertex)
        asked = self._read.mentions(vertex, property=property or "", value=value or "", limit=limit)
        found = asyncio.run(asked)
        with open_store(self._paths) as store:
            gone = asyncio.run(GoneBytes(database=store).of({one.origin.item for one in found}))
        return [asdict(MentionLine.of(one, gone=gone)) for one in found]

    def reviews(self, *, limit: int) -> list[Answer]:
        return [asdict(one) for one in asyncio.run(self._read.reviews(limit=limit))]

    def decide(self, first: str, second: str, *, same: bool, why: str) -> int:
        by = command_line_actor()
        return self._deciding(lambda decisions: decisions.decide(first, second, same=same, why=why, by=by))

    def undo(self, decision: int, *, why: str) -> None:
        by = command_line_actor()
        self._deciding(lambda decisions: decisions.undo(decision, why=why, by=by))

    def withdraw(self, *, item: str | None, source: str | None, why: str) -> int:
        by = command_line_actor()
        return self._deciding(lambda decisions: decisions.withdraw(item=item, source=source, why=why, by=by))

    def _deciding(self, call: Callable[[GraphDecisions], Coroutine[Any, Any, T]]) -> T:
        clock = SystemClock()
        with open_store(self._paths) as store:
            writing = GraphWriter(database=self._database, clock=clock)
            return asyncio.run(call(GraphDecisions(writing=writing, audit=Audit(database=store, clock=clock))))

    def _vertex(self, vertex: str) -> VertexView:
        found = asyncio.run(self._read.vertex(vertex))
        if found is None:
            raise UnknownVertexError(f"{vertex}: there is no such vertex")
        return found

    def _around(self, vertex: str, around: Around) -> Picture:
        self._vertex(vertex)
        asked = self._read.neighbourhood(
            [vertex],
            depth=around.depth,
            relations=around.relations,
            types=around.types,
            limit=around.limit,
            fan_out=around.fan_out,
        )
        return asyncio.run(asked)


def _line(vertex: VertexView) -> Answer:
    return asdict(VertexLine.of(vertex))


def _picture(picture: Picture) -> Answer:
    fields = picture_fields(picture)
    return fields | {name: [asdict(one) for one in fields[name]] for name in ("vertices", "edges")}
