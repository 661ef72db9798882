"""What a check runs: an external command, or a tool with its typed arguments; chosen before anything starts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Protocol

from pydantic import BaseModel

from vedette.clock import Clock
from vedette.configuration.probe import ProbeConfiguration
from vedette.errors import ConfigurationError
from vedette.tools.arguments import parse_arguments
from vedette.tools.catalogue import Catalogue
from vedette.tools.interface import Limits, Result, Tool, command_line
from vedette.tools.process import executable, run_command

BUILT_IN = "vedette:"
"""Prefix of a command that names a tool."""

_OVERTIME = 5.0


class Program(Protocol):
    """Something that can be run again and again."""

    @property
    def name(self) -> str:
        """The tool's or the command's name, without arguments."""
        ...

    async def run(self, *, limits: Limits, clock: Clock) -> Result:
        """Run once; a failure is a result too."""
        ...


@dataclass(frozen=True, kw_only=True)
class ExternalCommand:
    """An external command."""

    argv: tuple[str, ...]
    """The command line, the target in its place."""

    @property
    def name(self) -> str:
        """The command's name, without its folder."""
        return PurePath(self.argv[0]).name

    async def run(self, *, limits: Limits, clock: Clock) -> Result:
        """Run once."""
        result = await run_command(self.argv, limits=limits, clock=clock)
        return replace(result, content_type=_content_type(result.payload))


@dataclass(frozen=True, kw_only=True)
class ToolRun:
    """A tool with what it is to look at."""

    tool: Tool[Any]
    """Ours or a plug-in's."""
    target: str
    """What to look at."""
    arguments: BaseModel
    """Of the tool's own model."""

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.name

    async def run(self, *, limits: Limits, clock: Clock) -> Result:
        """Run once; a plug-in that raises or ignores its time limit is a result too."""
        started_at = clock.now()
        try:
            async with asyncio.timeout(limits.time_limit + _OVERTIME) as overtime:
                return await self.tool.run(target=self.target, arguments=self.arguments, limits=limits, clock=clock)
        except Exception as error:  # noqa: BLE001 (the boundary to other people's code)
            timed_out = overtime.expired()
            reason = "ignored its time limit" if timed_out else f"failed: {type(error).__name__}: {error}"
        return Result(
            format=self.tool.name,
            content_type="application/octet-stream",
            payload=b"",
            command=command_line(self.tool.name, self.arguments, self.target),
            exit_code=1,
            stderr=f"the tool {self.tool.name} {reason}",
            started_at=started_at,
            ended_at=clock.now(),
            timed_out=timed_out,
        )


def choose_program(configuration: ProbeConfiguration, catalogue: Catalogue, *, place: str) -> Program:
    """Return what the configuration names: `vedette:<tool>`, a bare tool's name, or an external command.

    A bare name means an installed command first; a tool that only wraps a command never takes its name, so
    that a command which is not installed is reported as such by each run.

    Raises:
        ConfigurationError: unknown tool, wrong arguments, or a target that the tool cannot look at.
    """
    first, *rest = configuration.argv
    tool: Tool[Any] | None = None
    if first.startswith(BUILT_IN):
        tool = catalogue.tool(first.removeprefix(BUILT_IN), place=place)
    elif first in catalogue.tool_names and executable(first) is None:
        found = catalogue.tool(first, place=place)
        tool = None if found.wraps == first else found
    if tool is None:
        return ExternalCommand(argv=configuration.argv)
    objection = tool.objection(configuration.target)
    if objection is not None:
        raise ConfigurationError(place, "target", objection)
    arguments = parse_arguments(rest, tool.Arguments, place=place)
    return ToolRun(tool=tool, target=configuration.target, arguments=arguments)


def _content_type(payload: bytes) -> str:
    if payload.startswith(b"<?xml"):
        return "application/xml"
    # The end may be within a character where the output is cut.
    for end in range(4):
        try:
            payload[: len(payload) - end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "text/plain; charset=utf-8"
    return "application/octet-stream"
