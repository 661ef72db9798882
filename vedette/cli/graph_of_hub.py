"""`vedette graph --url`: the graph of a hub, through its API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from vedette.cli.graph_places import Answer, Around, GraphPlace, Wanted
from vedette.cli.remote import asking
from vedette.client import BlockingClient
from vedette.client.graph import ExportFormat


@contextmanager
def graph_of_hub(url: str | None, *, key_file: Path | None, ca: Path | None) -> Iterator[GraphPlace]:
    """Give the graph of a hub; see `asking`."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        yield _GraphOfHub(hub)


class _GraphOfHub(GraphPlace):
    """The graph behind an API."""

    def __init__(self, hub: BlockingClient) -> None:
        self._hub = hub

    def search(self, wanted: Wanted, *, limit: int) -> list[Answer]:
        call = self._hub.rows(lambda hub: hub.graph.list(**asdict(wanted), limit=limit))
        return [one.model_dump(mode="json") for one in call]

    def show(self, vertex: str, *, limit: int) -> Answer:
        found = self._hub.run(lambda hub: hub.graph.get(vertex))
        edges = self._hub.rows(lambda hub: hub.graph.edges(vertex, limit=limit))
        return found.model_dump(mode="json") | {"edges": [one.model_dump(mode="json") for one in edges]}

    def neighbours(self, vertex: str, around: Around) -> Answer:
        return self._hub.run(lambda hub: hub.graph.neighbours(vertex, **asdict(around))).model_dump(mode="json")

    def export(self, vertex: str, around: Around, *, format: ExportFormat) -> bytes:
        return self._hub.run(lambda hub: hub.graph.export(vertex, format=format, **asdict(around)))

    def path(self, start: str, goal: str, *, hops: int) -> Answer:
        return self._hub.run(lambda hub: hub.graph.path(start, goal, hops=hops)).model_dump(mode="json")

    def explain(self, first: str, second: str) -> Answer:
        return self._hub.run(lambda hub: hub.graph.explain(first, second)).model_dump(mode="json")

    def mentions(self, vertex: str, *, property: str | None, value: str | None, limit: int) -> list[Answer]:
        call = self._hub.rows(lambda hub: hub.graph.mentions(vertex, property=property, value=value, limit=limit))
        return [one.model_dump(mode="json") for one in islice(call, limit)]

    def reviews(self, *, limit: int) -> list[Answer]:
        call = self._hub.rows(lambda hub: hub.graph.reviews(limit=limit))
        return [one.model_dump(mode="json") for one in islice(call, limit)]

    def decide(self, first: str, second: str, *, same: bool, why: str) -> int:
        return self._hub.run(lambda hub: hub.graph.decide(first, second, same=same, why=why))

    def undo(self, decision: int, *, why: str) -> None:
        self._hub.run(lambda hub: hub.graph.undo(decision, why=why))

    def withdraw(self, *, item: str | None, source: str | None, why: str) -> int:
        return self._hub.run(lambda hub: hub.graph.withdraw(item=item, source=source, why=why))
