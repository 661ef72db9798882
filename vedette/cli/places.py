"""Where a command does its work: on this machine, or at a hub; the options that say so, the same everywhere."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Any, Final

from vedette.cli.output import CONFIG_OPTION
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.client import BlockingClient

_PLACE: Final[Mapping[str, tuple[Any, Any]]] = {
    "config": (Path | None, CONFIG_OPTION),
    "url": (str | None, URL_OPTION),
    "key_file": (Path | None, KEY_FILE_OPTION),
    "ca": (Path | None, CA_OPTION),
}
"""Type and option of what names a place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a command does its work: here, or at a hub."""

    config: Path | None
    """The configuration that names the store here; None: that of the folder."""
    url: str | None
    """The hub; None: this machine."""
    key_file: Path | None
    """File of the key for the hub."""
    ca: Path | None
    """Roots for the hub's certificate."""

    @property
    def is_hub(self) -> bool:
        """Whether a hub is asked.

        Raises:
            typer.BadParameter: the options contradict each other.
        """
        return is_remote(self.url, key_file=self.key_file, ca=self.ca, config=self.config)

    def ask(self, work: Callable[[BlockingClient], None]) -> None:
        """Do something with a client of the hub; see `asking` for what it raises."""
        with asking(self.url, key_file=self.key_file, ca=self.ca) as hub:
            work(hub)


def at_a_place(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a place, and as its first argument the place that they name."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(Place(**{name: given.pop(name) for name in _PLACE}), **given)

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
