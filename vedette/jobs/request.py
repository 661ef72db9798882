"""What somebody asks for: a tool or an allowed command, its arguments, targets, where and how many at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vedette.canonical import canonical_json
from vedette.clock import Clock
from vedette.configuration.loading import reason_of, reasons_of
from vedette.configuration.probe import ProbeConfiguration
from vedette.errors import ConfigurationError, RefusedError
from vedette.jobs.scope import TARGET, OutOfScopeError, ScopeJudge, ScopePolicy, TargetsOutOfScopeError
from vedette.jobs.targets import expand, host_of
from vedette.tools.arguments import kinds_of, parse_arguments
from vedette.tools.catalogue import Catalogue
from vedette.tools.check import Check
from vedette.tools.interface import command_line
from vedette.tools.nmap import NmapArguments

MAX_PARALLEL = 64
"""Runs of one job at once."""

MAX_TIME = 3600.0
"""Seconds that a run may take."""

SCOPE_WITHIN = 30.0
"""Seconds that looking up all targets of a job may take."""

_AT_ONCE = 16

Text = Annotated[str, Field(max_length=1024, pattern=r"^[^\x00]*$")]


class WrongArgumentsError(RefusedError):
    """The arguments are not what the tool's schema says."""

    def __init__(self, error: ValidationError, model: type[BaseModel]) -> None:
        self.problems = reasons_of(error, model)
        """What is wrong with each of them, by its name."""
        key, reason = reason_of(error, model)
        super().__init__("arguments", f"{key}: {reason}")


class JobRequest(BaseModel):
    """A piece of work that somebody wants done."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tool: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
    """A tool, or the name of an allowed command."""
    arguments: Annotated[dict[str, Any], Field(max_length=64)] = {}
    """The tool's arguments, as its schema has them; commands take none."""
    targets: Annotated[list[Text], Field(min_length=1, max_length=4096)]
    """Hosts, addresses, URLs, and networks, which become one target an address."""
    agents: Annotated[list[Text], Field(max_length=64)] = []
    """JIDs of job agents or launchers that may do it; none means any."""
    place: Text = ""
    """Only agents of this place; empty means any."""
    parallel: Annotated[int, Field(ge=1, le=MAX_PARALLEL)] = 4
    """Runs at once."""
    time_limit: Annotated[float, Field(gt=0, le=MAX_TIME, allow_inf_nan=False)] = 60.0
    """Seconds that a run may take."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is done at one target."""

    tool: str
    """The tool's or the command's name."""
    words: tuple[str, ...]
    """What is configured: `vedette:<tool>` with its arguments, or the command with `{target}` in it."""
    target: str
    """What to look at."""
    time_limit: float
    """Seconds."""

    def check(self, *, agent: str, clock: Clock, catalogue: Catalogue | None = None) -> Check:
        """Return the check that an agent runs.

        Raises:
            RefusedError: the words or the target cannot be used.
        """
        name = canonical_json([list(self.words), self.target]).decode()
        try:
            configuration = ProbeConfiguration(
                # The same work of another agent is the same check: what changed since can be told.
                uuid=str(uuid5(NAMESPACE_URL, f"vedette:job:{name}")),
                command=self.words,
                target=self.target,
                jid=agent,
                credentials=Path(os.devnull),
                time_limit=self.time_limit,
            )
            return Check.from_configuration(
                configuration, clock=clock, agent=agent, catalogue=catalogue, place=self.tool
            )
        except ValidationError as error:
            key, reason = reason_of(error, ProbeConfiguration)
            raise RefusedError(key or "job", reason) from error
        except ConfigurationError as error:
            raise RefusedError(error.key or "job", error.reason) from error


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request that can be done."""

    request: JobRequest
    """What was asked for."""
    words: tuple[str, ...]
    """As `Work` has them."""
    targets: tuple[str, ...]
    """One run each."""
    commands: tuple[tuple[str, ...], ...]
    """The exact command line of each run."""


def plan(request: JobRequest, *, policy: ScopePolicy, catalogue: Catalogue, clock: Clock) -> Plan:
    """Return what a request comes to; whether the targets are in scope is for `check_scope`.

    Raises:
        OutOfScopeError: the tool or an argument is not allowed.
        RefusedError: wrong arguments or targets.
    """
    policy.check_tool(request.tool)
    targets = expand(request.targets)
    if request.tool in policy.commands:
        if request.arguments:
            raise RefusedError("arguments", f"{request.tool} is a command and takes none")
        words = tuple(policy.commands[request.tool])
        commands = tuple(tuple(word.replace(TARGET, target) for word in words) for target in targets)
    else:
        arguments = arguments_of(request.tool, request.arguments, catalogue)
        check_arguments(arguments, policy)
        words = tool_words(request.tool, arguments)
        commands = tuple(_argv(request.tool, arguments, target) for target in targets)
    for target in targets:
        host_of(target)
        work = Work(tool=request.tool, words=words, target=target, time_limit=request.time_limit)
        work.check(agent="job@vedette", clock=clock, catalogue=catalogue)
    return Plan(request=request, words=words, targets=targets, commands=commands)


async def check_scope(targets: Sequence[str], *, words: Sequence[str], judge: ScopeJudge) -> None:
    """Check that all targets may be probed, and whoever else the arguments name.

    Raises:
        TargetsOutOfScopeError: some targets may not; it has the reason of each.
        OutOfScopeError: somebody else may not, or it takes too long to tell.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    # What a name stands for is what dns looks for: there may be nothing.
    address_needed = words[0] != "vedette:dns"

    async def objection(host: str, *, needed: bool) -> str | None:
        async with gate:
            try:
                await judge.check(host, address_needed=needed)
            except OutOfScopeError as error:
                return error.reason
        return None

    servers = [word.partition("=")[2] for word in words[1:] if word.startswith("--nameserver=")]
    checks = [objection(host_of(target), needed=address_needed) for target in targets]
    checks += [objection(server, needed=True) for server in servers]
    try:
        async with asyncio.timeout(SCOPE_WITHIN):
            found = await asyncio.gather(*checks)
    except TimeoutError as error:
        raise OutOfScopeError("targets", f"their names were not found within {SCOPE_WITHIN:.0f} s") from error
    for reason in found[len(targets) :]:
        if reason is not None:
            raise OutOfScopeError("arguments", f"nameserver: {reason}")
    # Without `strict`: the servers, which come behind the targets, were looked at.
    refusals = {target: reason for target, reason in zip(targets, found, strict=False) if reason is not None}
    if refusals:
        raise TargetsOutOfScopeError(refusals)


async def check_work(work: Work, *, judge: ScopeJudge, catalogue: Catalogue) -> None:
    """Check, where a run is about to start, that it is allowed there.

    Raises:
        OutOfScopeError: tool, arguments or target are not allowed.
        RefusedError: the words are not what the tool's arguments can be.
    """
    policy, words = judge.policy, work.words
    policy.check_tool(work.tool)
    if work.tool in policy.commands:
        if list(work.words) != policy.commands[work.tool]:
            raise OutOfScopeError("tool", f"the command {work.tool} is another one here")
    else:
        first, *rest = work.words
        if first != f"vedette:{work.tool}":
            raise OutOfScopeError("tool", f"{first[:64]} is not the tool {work.tool}")
        try:
            model = catalogue.tool(work.tool, place="job").Arguments
            arguments = parse_arguments(rest, model, place="job")
            check_arguments(arguments, policy)
            # There are several ways to write an argument; what is looked at next is written in one.
            words = tool_words(work.tool, arguments)
        except ConfigurationError as error:
            raise RefusedError(error.key or "job", error.reason) from error
    if expand([work.target]) != (work.target,):
        raise OutOfScopeError("target", "is not one target")
    await check_scope([work.target], words=words, judge=judge)


def check_arguments(arguments: BaseModel, policy: ScopePolicy) -> None:
    """Check that arguments reach for nothing but the target.

    Raises:
        OutOfScopeError: one names a file of the probe's machine, or a script that is not allowed.
    """
    for name, field in type(arguments).model_fields.items():
        if Path in kinds_of(field.annotation) and getattr(arguments, name) != field.default:
            raise OutOfScopeError("arguments", f"{name}: jobs may not name files of the probe's machine")
    if isinstance(arguments, NmapArguments):
        for script in arguments.scripts:
            if script not in policy.nmap_scripts:
                raise OutOfScopeError("arguments", f"scripts: {script} is not in the scope's 'nmap_scripts'")


def tool_words(tool: str, arguments: BaseModel) -> tuple[str, ...]:
    """Return a tool with its arguments as a probe's configuration has them."""
    given = arguments.model_dump(mode="json", exclude_defaults=True)
    return (f"vedette:{tool}", *(f"--{key.replace('_', '-')}={_word(value)}" for key, value in given.items()))


def _word(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.lower() if isinstance(value, bool) else text


def _argv(tool: str, arguments: BaseModel, target: str) -> tuple[str, ...]:
    if isinstance(arguments, NmapArguments):
        return tuple(arguments.argv(target))
    return command_line(tool, arguments, target)


def arguments_of(tool: str, values: dict[str, Any], catalogue: Catalogue) -> BaseModel:
    """Return a tool's arguments.

    Raises:
        WrongArgumentsError: they are not what its schema says.
        RefusedError: there is no such tool, or it is broken.
    """
    try:
        model: type[BaseModel] = catalogue.tool(tool, place="job").Arguments
    except ConfigurationError as error:
        raise RefusedError("tool", error.reason) from error
    try:
        return model.model_validate(values, by_name=True, by_alias=True)
    except ValidationError as error:
        raise WrongArgumentsError(error, model) from error
