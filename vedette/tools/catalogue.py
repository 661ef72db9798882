"""Which tools and parsers there are: found by name through entry points, so that others can add theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError
from vedette.tools.interface import Parser, Tool

TOOLS = "vedette.tools"
"""Entry point group of tools: each names a subclass of `Tool` that is made without arguments."""

PARSERS = "vedette.parsers"
"""Entry point group of parsers: each names a subclass of `Parser` that is made without arguments."""

PartT = TypeVar("PartT")


class Catalogue:
    """Looks tools and parsers up; nothing is imported before it is asked for by name."""

    def __init__(
        self, *, tools: Iterable[EntryPoint] | None = None, parsers: Iterable[EntryPoint] | None = None
    ) -> None:
        self._tools = _by_name(_installed(TOOLS) if tools is None else tools)
        self._parsers = _by_name(_installed(PARSERS) if parsers is None else parsers)

    @property
    def tool_names(self) -> list[str]:
        """Names of all tools, broken ones included."""
        return sorted(self._tools)

    @property
    def parser_names(self) -> list[str]:
        """Names of all parsers, broken ones included."""
        return sorted(self._parsers)

    def tool(self, name: str, *, place: str) -> Tool[Any]:
        """Return a tool.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return _look_up(self._tools, name, Tool, place=place, key="command")  # type: ignore[type-abstract]

    def parser(self, name: str, *, place: str) -> Parser:
        """Return a parser.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return _look_up(self._parsers, name, Parser, place=place, key="result_parser")  # type: ignore[type-abstract]

    def broken(self) -> dict[str, str]:
        """Return why plug-ins cannot be used, by `group:name`; the others are not affected."""
        found = {}
        groups: list[tuple[str, list[str], Callable[..., object]]] = [
            (TOOLS, self.tool_names, self.tool),
            (PARSERS, self.parser_names, self.parser),
        ]
        for group, names, look_up in groups:
            for name in names:
                try:
                    look_up(name, place=group)
                except ConfigurationError as error:
                    found[f"{group}:{name}"] = error.reason
        return found


@cache
def _installed(group: str) -> tuple[EntryPoint, ...]:
    # Reads the metadata of every package that is installed, which do not change while a process runs.
    return tuple(entry_points(group=group))


def _by_name(points: Iterable[EntryPoint]) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in points:
        # The first wins, as sys.path has it; ours cannot be replaced without a word by a later one.
        found.setdefault(point.name, point)
    return found


def _look_up(points: dict[str, EntryPoint], name: str, kind: type[PartT], *, place: str, key: str) -> PartT:
    noun = kind.__name__.lower()
    if name not in points:
        raise ConfigurationError(place, key, f"unknown {noun} {name[:60]!r}" + did_you_mean(name, points))
    point = points[name]
    try:
        made = point.load()()
    except Exception as error:
        reason = f"the {noun} {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigurationError(place, key, reason) from error
    if not isinstance(made, kind):
        raise ConfigurationError(place, key, f"the {noun} {name!r} ({point.value}) is not a vedette {noun}")
    return made
