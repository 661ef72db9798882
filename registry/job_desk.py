"""Where jobs are requested: what is asked for is checked whole before anything is entered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.callers import Actor
from registry.job_requests import JobRequests
from registry.jobs import Job, Jobs
from vedette.clock import Clock
from vedette.errors import ConfigurationError
from vedette.jobs.request import JobRequest, Plan, WrongArgumentsError, arguments_of, check_scope, plan
from vedette.jobs.scope import OutOfScopeError, ScopeJudge, ScopePolicy
from vedette.tools.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedTool:
    """Something that a job may run, as a form needs it."""

    name: str
    """What a request calls it."""
    kind: str
    """`tool`, or `command`: one that the configuration allows by name."""
    summary: str
    """One line for people."""
    allowed: bool
    """Whether the scope allows it."""
    arguments: dict[str, Any]
    """JSON schema of its arguments; empty for commands, which take none."""
    words: list[str]
    """A command's words; empty for tools."""


class JobDesk:
    """Takes requests for jobs."""

    def __init__(self, *, jobs: Jobs, policy: ScopePolicy, clock: Clock, catalogue: Catalogue | None = None) -> None:
        self._jobs = jobs
        self._requests = JobRequests(database=jobs.database, clock=clock)
        self._policy = policy
        self._clock = clock
        self._catalogue = catalogue or Catalogue()

    async def preview(self, request: JobRequest) -> Plan:
        """Return what a request comes to, the exact command lines included; nothing is entered.

        Raises:
            OutOfScopeError: the tool, an argument or a target is not allowed.
            RefusedError: wrong arguments or targets.
        """
        # In a thread, because thousands of targets would hold up everything else in this process.
        made = await asyncio.to_thread(
            plan, request, policy=self._policy, catalogue=self._catalogue, clock=self._clock
        )
        await check_scope(made.targets, words=made.words, judge=ScopeJudge.here(self._policy))
        return made

    async def request(self, request: JobRequest, *, by: Actor, again: str = "") -> Job:
        """Enter a job; that the scope does not allow one is written down.

        Args:
            request: what is wanted.
            by: who wants it.
            again: uuid of the job whose request it repeats.

        Raises:
            OutOfScopeError: the tool, an argument or a target is not allowed.
            RefusedError: wrong arguments or targets, or too many wait already.
            StoreError: the database failed.
        """
        try:
            made = await self.preview(request)
        except OutOfScopeError as error:
            await self._requests.refused(request, error, by=by)
            raise
        return await self._jobs.request(made, by=by, again=again)

    async def request_again(self, uuid: str, *, by: Actor) -> Job:
        """Enter a job that asks for what another one asked for, judged anew.

        Raises:
            UnknownJobError: there is no such job.
            OutOfScopeError: the tool, an argument or a target is not allowed any more.
            RefusedError: wrong arguments or targets, or too many wait already.
            StoreError: the database failed.
        """
        return await self.request(await self._requests.of(uuid), by=by, again=uuid)

    def wrong_arguments(self, tool: str, values: dict[str, Any]) -> Mapping[str, str]:
        """Return what is wrong with a tool's arguments, each by its name; commands take none.

        Raises:
            RefusedError: there is no such tool, or it is broken.
        """
        if tool in self._policy.commands:
            return {}
        try:
            arguments_of(tool, values, self._catalogue)
        except WrongArgumentsError as error:
            return error.problems
        return {}

    def tools(self) -> list[OfferedTool]:
        """Return every tool that is installed here, and every allowed command."""
        return [*self._installed(), *self._commands()]

    def _installed(self) -> Iterable[OfferedTool]:
        for name in self._catalogue.tool_names:
            try:
                tool = self._catalogue.tool(name, place="tools")
            except ConfigurationError as error:
                yield _offered(name, summary=f"broken: {error.reason}")
            else:
                schema = tool.Arguments.model_json_schema()
                yield _offered(name, summary=tool.summary, allowed=name in self._policy.tools, arguments=schema)

    def _commands(self) -> Iterable[OfferedTool]:
        for name, words in sorted(self._policy.commands.items()):
            yield _offered(name, kind="command", summary=" ".join(words)[:200], allowed=True, words=words)


def _offered(name: str, *, summary: str, kind: str = "tool", allowed: bool = False, **more: Any) -> OfferedTool:
    values = {"arguments": {}, "words": [], **more}
    return OfferedTool(name=name, kind=kind, summary=summary, allowed=allowed, **values)
