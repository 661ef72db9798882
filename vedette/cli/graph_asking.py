"""Which graph a command asks: the database here, or a hub's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from vedette.cli.graph_places import GraphPlace
from vedette.cli.places import Place, at_a_place
from vedette.graph.port import MAX_PAGE

VERTEX_ARGUMENT = typer.Argument(help="A vertex: its id, or a name that only one has.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=MAX_PAGE, help="Lines at most.")


def asks_graph(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a graph, and as its first argument the graph that they name."""

    @at_a_place
    @functools.wraps(command)
    def run(place: Place, **given: Any) -> None:
        with the_graph(place) as graph:
            command(graph, **given)

    return run


@contextmanager
def the_graph(place: Place) -> Iterator[GraphPlace]:
    """Give the graph that a command's options name.

    Raises:
        ApiError: the hub refuses.
        ConfigurationError: the configuration, the address or the key cannot be used.
        StoreError: there is no graph yet, or it cannot be used.
    """
    if place.is_hub:
        from vedette.cli.graph_of_hub import graph_of_hub

        with graph_of_hub(place.url, key_file=place.key_file, ca=place.ca) as graph:
            yield graph
        return
    # Imported where it is used: a command that asks a hub needs no database.
    from vedette.cli.graph_here import graph_here

    with graph_here(place.config) as graph:
        yield graph
