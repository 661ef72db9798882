"""One-shot jobs: requested, watched line by line, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model, parsed

LOOK_EVERY = 0.5
"""Seconds between looks for new lines."""


class Job(Model):
    """A job and how far it is."""

    uuid: str
    """Its name."""
    tool: str
    """The tool, or the allowed command."""
    arguments: dict[str, Any]
    """Its arguments as they were given."""
    agents: tuple[str, ...]
    """JIDs of agents or launchers that may do it; empty: any."""
    place: str
    """Where it must be done; empty: anywhere."""
    parallel: int
    """Runs at once."""
    time_limit: float
    """Seconds that a run may take."""
    requested_by: str
    """Who wants it."""
    requested_at: int
    """Microseconds since 1970."""
    state: str
    """requested, running, done, failed or cancelled."""
    started_at: int | None
    """Microseconds since 1970: when its first run was handed out."""
    ended_at: int | None
    """Microseconds since 1970: when its last run ended."""
    cancelled_at: int | None
    """Microseconds since 1970: when somebody cancelled it."""
    total: int
    """Runs."""
    active: int
    """Runs that somebody has now."""
    done: int
    """Runs that brought an item."""
    failed: int
    """Runs that nobody could do."""
    refused: int
    """Runs that the probe's scope does not allow."""
    cancelled: int
    """Runs that were cancelled."""
    pruned: int
    """Lines of its output that were deleted because they were too old or too many."""


class Run(Model):
    """One execution at one target."""

    uuid: str
    """Its name, and its item's."""
    target: str
    """What is looked at."""
    state: str
    """requested, leased, running, done, failed, refused or cancelled."""
    agent: str
    """Bare JID of who has or did it; empty before."""
    attempts: int
    """How often it was handed out."""
    started_at: int | None
    """Microseconds since 1970: when it was handed out last."""
    ended_at: int | None
    """Microseconds since 1970."""
    exit_code: int | None
    """The command's exit code."""
    reason: str
    """Why it brought no item; empty otherwise."""
    lines: int
    """Lines of output that came."""
    dropped: int
    """Lines that were not kept; the item has the whole output."""


class OutputLine(Model):
    """A line of output."""

    position: int
    """Give it back to get what follows."""
    run: str
    """Uuid of the run."""
    target: str
    """What is looked at."""
    attempt: int
    """Which attempt at it."""
    line: int
    """Number of the line in it."""
    at: int
    """Microseconds since 1970: when it came."""
    text: str
    """The line, without control characters."""


class Preview(Model):
    """What a request comes to."""

    runs: int
    """How many runs it would be."""
    commands: tuple[tuple[str, ...], ...]
    """The exact command lines of the first of them."""


class _Output(Model):
    lines: tuple[OutputLine, ...]
    next: int
    ended: bool


class Jobs:
    """The jobs of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def request(
        self,
        tool: str,
        targets: Sequence[str],
        *,
        arguments: Mapping[str, Any] | None = None,
        agents: Sequence[str] = (),
        place: str = "",
        parallel: int = 4,
        time_limit: float = 60.0,
    ) -> Job:
        """Request a job; the scope of the hub is asked, and refuses it whole or not at all.

        Args:
            tool: the tool, or an allowed command.
            targets: hosts, addresses, URLs, and networks, which become one run an address.
            arguments: as the tool's schema has them.
            agents: JIDs of job agents or launchers that may do it; none means any.
            place: only agents of this place.
            parallel: runs at once.
            time_limit: seconds that a run may take.

        Raises:
            ApiError: 422, something is wrong or not allowed.
        """
        body: dict[str, Any] = {"tool": tool, "targets": list(targets), "arguments": dict(arguments or {})}
        body |= {"agents": list(agents), "place": place, "parallel": parallel, "time_limit": time_limit}
        return parsed(Job, await self._connection.send("POST", path_of("v1", "jobs"), body))

    async def preview(
        self, tool: str, targets: Sequence[str], *, arguments: Mapping[str, Any] | None = None
    ) -> Preview:
        """Return the exact command lines that a request comes to; nothing is run.

        Raises:
            ApiError: 422, something is wrong or not allowed.
        """
        body = {"tool": tool, "targets": list(targets), "arguments": dict(arguments or {})}
        return parsed(Preview, await self._connection.send("POST", path_of("v1", "jobs", "preview"), body))

    def list(
        self,
        *,
        state: str | None = None,
        tool: str | None = None,
        requested_by: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Job]:
        """Iterate over jobs, newest first."""
        query = {"state": state, "tool": tool, "requested_by": requested_by}
        return rows(self._connection, "/v1/jobs", Job, query=query, limit=limit)

    async def get(self, uuid: str) -> Job:
        """Return a job.

        Raises:
            ApiError: 404, there is none of this uuid.
        """
        return parsed(Job, await self._connection.get(path_of("v1", "jobs", uuid)))

    def runs(self, uuid: str, *, state: str | None = None) -> AsyncIterator[Run]:
        """Iterate over a job's runs, in the order of its targets."""
        return rows(self._connection, path_of("v1", "jobs", uuid, "runs"), Run, query={"state": state})

    async def output(self, uuid: str, *, after: int = 0, follow: bool = True) -> AsyncGenerator[OutputLine, None]:
        """Yield lines of output in the order in which they came.

        Args:
            uuid: of the job.
            after: position of the last line that is known.
            follow: go on until the job has ended.

        Raises:
            ApiError: 404, there is no such job.
        """
        path = path_of("v1", "jobs", uuid, "output")
        while True:
            output = parsed(_Output, await self._connection.get(path, {"after": after}))
            for line in output.lines:
                yield line
            after = max(after, output.next)
            if output.ended or (not output.lines and not follow):
                return
            if not output.lines:
                await asyncio.sleep(LOOK_EVERY)

    async def cancel(self, uuid: str) -> Job:
        """Cancel a job: what waits is not begun, what runs is ended; a job that has ended stays as it is.

        Raises:
            ApiError: 404, there is none of this uuid.
        """
        return parsed(Job, await self._connection.send("POST", path_of("v1", "jobs", uuid, "cancel")))
