"""Which graph a command asks: the database here, or a hub's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter
from pathlib import Path
from typing import Any

import typer

from vedette.cli.graph_places import GraphPlace
from vedette.cli.output import CONFIG_OPTION
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, is_remote
from vedette.graph.port import MAX_PAGE

VERTEX_ARGUMENT = typer.Argument(help="A vertex: its id, or a name that only one has.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=MAX_PAGE, help="Lines at most.")

_PLACE: dict[str, tuple[Any, Any]] = {
    "config": (Path | None, CONFIG_OPTION),
    "url": (str | None, URL_OPTION),
    "key_file": (Path | None, KEY_FILE_OPTION),
    "ca": (Path | None, CA_OPTION),
}
"""Type and option of what names a graph."""


def asks_graph(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a graph, and as its first argument the graph that they name."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        with the_graph(**{name: given.pop(name) for name in _PLACE}) as graph:
            command(graph, **given)

    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [
        *(parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own),
        *(
            Parameter(name, Parameter.KEYWORD_ONLY, default=option, annotation=annotation)
            for name, (annotation, option) in _PLACE.items()
        ),
    ]
    # What typer makes options of.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@contextmanager
def the_graph(config: Path | None, url: str | None, key_file: Path | None, ca: Path | None) -> Iterator[GraphPlace]:
    """Give the graph that a command's options name.

    Raises:
        ApiError: the hub refuses.
        ConfigurationError: the configuration, the address or the key cannot be used.
        StoreError: there is no graph yet, or it cannot be used.
    """
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        from vedette.cli.graph_of_hub import graph_of_hub

        with graph_of_hub(url, key_file=key_file, ca=ca) as place:
            yield place
        return
    # Imported where it is used: a command that asks a hub needs no database.
    from vedette.cli.graph_here import graph_here

    with graph_here(config) as place:
        yield place
