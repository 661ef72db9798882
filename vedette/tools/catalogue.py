"""Which tools and parsers there are: found by name through entry points, so that others can add theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from typing import Any

from vedette.errors import ConfigurationError
from vedette.plugins import by_name, installed, make_part
from vedette.tools.interface import Parser, Tool

TOOLS = "vedette.tools"
"""Entry point group of tools: each names a subclass of `Tool` that is made without arguments."""

PARSERS = "vedette.parsers"
"""Entry point group of parsers: each names a subclass of `Parser` that is made without arguments."""


class Catalogue:
    """Looks tools and parsers up; nothing is imported before it is asked for by name."""

    def __init__(
        self, *, tools: Iterable[EntryPoint] | None = None, parsers: Iterable[EntryPoint] | None = None
    ) -> None:
        self._tools = installed(TOOLS) if tools is None else by_name(tools)
        self._parsers = installed(PARSERS) if parsers is None else by_name(parsers)

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
        return make_part(self._tools, name, Tool, noun="tool", place=place, key="command")  # type: ignore[type-abstract]

    def parser(self, name: str, *, place: str) -> Parser:
        """Return a parser.

        Raises:
            ConfigurationError: unknown (names the nearest), or its plug-in is broken (names the cause).
        """
        return make_part(self._parsers, name, Parser, noun="parser", place=place, key="result_parser")  # type: ignore[type-abstract]

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
