"""Which graph a command asks: the database here, or a hub's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter
from typing import Any

import typer

from vedette.cli.graph_places import Around, GraphPlace
from vedette.cli.places import Place, at_a_place
from vedette.graph.port import MAX_DEPTH, MAX_FAN_OUT, MAX_PAGE, MAX_PICTURE

_AROUND: dict[str, tuple[str, Any, Any]] = {
    "depth": ("depth", int, typer.Option(1, "--depth", min=0, max=MAX_DEPTH, help="Steps away from it.")),
    "relation": (
        "relations",
        list[str],
        typer.Option([], "--relation", help="Follow only these relations; may be repeated."),
    ),
    "type": (
        "types",
        list[str],
        typer.Option([], "--type", help="Only vertices of these types or observable types; may be repeated."),
    ),
    "most": ("limit", int, typer.Option(MAX_PICTURE, "--most", min=1, max=MAX_PICTURE, help="Vertices at most.")),
    "fan_out": (
        "fan_out",
        int,
        typer.Option(MAX_FAN_OUT, "--fan-out", min=1, max=MAX_FAN_OUT, help="Edges of one vertex at most."),
    ),
}
"""By option: the field of `Around` that it is, its type and what typer shows."""

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


def looks_around(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command of a graph the options that say how far to look, and as its second argument what they say."""

    @functools.wraps(command)
    def run(graph: GraphPlace, **given: Any) -> None:
        command(graph, Around(**{name: given.pop(option) for option, (name, _, _) in _AROUND.items()}), **given)

    graph, _, *own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [
        graph,
        *(parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own),
        *(
            Parameter(option, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for option, (_, annotation, default) in _AROUND.items()
        ),
    ]
    # What typer makes options of.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
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
