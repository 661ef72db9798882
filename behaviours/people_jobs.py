"""The registry's commands about one-shot jobs: what the HTTP API does, by the same rules and with the same audit."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from behaviours.people_fleet import SHOWN, table
from behaviours.people_state import moment
from registry.callers import Actor
from registry.job_desk import JobDesk, OfferedTool
from registry.jobs import Job, Jobs, UnknownJobError
from vedette.configuration.loading import reason_of
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest
from vedette.people.adhoc import Ask, Note, Told
from vedette.people.forms import Answer, Field, FieldKind, Form
from vedette.people.person import Person, PersonRole
from vedette.people.schema_fields import arguments_of, fields_of

PREVIEWED: Final = 20
"""Command lines that a preview shows."""

ARGUMENT: Final = "argument:"
"""What the names of a tool's own fields begin with, so that none is taken for one of the job's."""

_OWN: Final = ("place", "parallel", "time_limit")


class ListJobs:
    """Lists the newest jobs."""

    node = "list-jobs"
    title = "List jobs"
    role = PersonRole.READ

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        page = await self._jobs.page(limit=SHOWN)
        columns = {"job": "Job", "tool": "Tool", "state": "State", "runs": "Runs", "by": "By", "at": "Requested"}
        rows = [
            (job.uuid, job.tool, job.state, _progress(job), job.requested_by, moment(job.requested_at))
            for job in page.rows
        ]
        return table("Jobs", columns, rows, more=page.next is not None)


class RunTool:
    """Runs a tool: which, at what, the exact command lines, then the job."""

    node = "run-tool"
    title = "Run a tool"
    role = PersonRole.OPERATE

    def __init__(self, desk: JobDesk) -> None:
        self._desk = desk

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask for the tool, then for the rest, then for a yes; then enter the job.

        Raises:
            RefusedError: an argument or target is wrong or not allowed, or too much waits already.
        """
        tools = {tool.name: tool for tool in self._desk.tools() if tool.allowed}
        if not answers:
            return Ask(form=_which_tool(tools))
        name = answers[0]["tool"][0]
        if name not in tools:
            raise RefusedError("tool", f"{name[:64]} is not allowed any more")
        if len(answers) == 1:
            return Ask(form=_what(tools[name]))
        request = _request(tools[name], answers[1])
        if len(answers) == 2:
            plan = await self._desk.preview(request)
            return Ask(form=_preview(name, plan.commands), last=True)
        job = await self._desk.request(request, by=actor(person))
        said = f"Job {job.uuid}: {job.total} {'run' if job.total == 1 else 'runs'} of {job.tool} requested."
        fields = (Field(name="job", label="Job", values=(job.uuid,)),)
        return Told(form=Form(title="Requested", fields=fields), notes=[Note(text=said)])


class CancelJob:
    """Cancels a job: what waits is not begun, what runs is ended."""

    node = "cancel-job"
    title = "Cancel a job"
    role = PersonRole.OPERATE

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask which, then cancel it.

        Raises:
            RefusedError: there is none of this name any more.
        """
        if not answers:
            rows = (await self._jobs.page(state="running", limit=SHOWN)).rows
            rows += (await self._jobs.page(state="requested", limit=SHOWN)).rows
            if not rows:
                return Told(notes=[Note(text="No job is open.")])
            return Ask(form=_which_job(rows), last=True)
        try:
            job = await self._jobs.cancel(answers[0]["job"][0], by=actor(person))
        except UnknownJobError as error:
            raise RefusedError("job", "there is no such job any more") from error
        ended = f"Job {job.uuid} had ended before: {job.state}."
        said = ended if job.cancelled_at is None else f"Job {job.uuid} is cancelled; what runs is being ended."
        return Told(notes=[Note(text=said)])


def actor(person: Person) -> Actor:
    """Return a person as the audit log has them."""
    return Actor(who=person.holder, origin="xmpp")


def _progress(job: Job) -> str:
    ended = job.done + job.failed + job.refused + job.cancelled
    return f"{ended} of {job.total} ended, {job.active} running, {job.failed + job.refused} failed or refused"


def _which_tool(tools: dict[str, OfferedTool]) -> Form:
    if not tools:
        raise RefusedError("tool", "none is allowed; the configuration's 'jobs.scope' says which may be run")
    field = Field(
        name="tool",
        kind=FieldKind.LIST_SINGLE,
        label="Tool",
        required=True,
        options=tuple(tools),
        labels=tuple(f"{tool.name}: {tool.summary}" for tool in tools.values()),
    )
    return Form(title="Run a tool", instructions="Which tool?", fields=(field,))


def _what(tool: OfferedTool) -> Form:
    targets = Field(
        name="targets",
        kind=FieldKind.TEXT_MULTI,
        label="Targets",
        required=True,
        help="One a line: hosts, addresses, URLs, and networks, which become one target an address",
    )
    schema = JobRequest.model_json_schema()
    job = {**schema, "properties": {name: schema["properties"][name] for name in _OWN}, "required": []}
    fields = (targets, *fields_of(tool.arguments, prefix=ARGUMENT), *fields_of(job))
    return Form(title=f"Run {tool.name}", instructions=tool.summary, fields=fields)


def _request(tool: OfferedTool, answer: Answer) -> JobRequest:
    """Return the request that was filled in.

    Raises:
        RefusedError: a value cannot be used.
    """
    own: dict[str, Any] = arguments_of(JobRequest.model_json_schema(), {name: answer.get(name, ()) for name in _OWN})
    own = {name: value for name, value in own.items() if name in _OWN}
    arguments = arguments_of(tool.arguments, answer, prefix=ARGUMENT)
    values = {"tool": tool.name, "arguments": arguments, "targets": list(answer["targets"]), **own}
    try:
        return JobRequest.model_validate(values)
    except ValidationError as error:
        key, reason = reason_of(error, JobRequest)
        raise RefusedError(key or "job", reason) from error


def _preview(tool: str, commands: Sequence[Sequence[str]]) -> Form:
    lines = [shlex.join(words) for words in commands[:PREVIEWED]]
    if len(commands) > PREVIEWED:
        lines.append(f"and {len(commands) - PREVIEWED} more")
    # A field each: there are clients that show but one value of a fixed one (profanity).
    fields = tuple(Field(name="", kind=FieldKind.FIXED, values=(line,)) for line in lines)
    runs = "1 run" if len(commands) == 1 else f"{len(commands)} runs"
    return Form(title=f"Run {tool}: {runs}", instructions="This is what will be run.", fields=fields)


def _which_job(jobs: Sequence[Job]) -> Form:
    field = Field(
        name="job",
        kind=FieldKind.LIST_SINGLE,
        label="Job",
        required=True,
        options=tuple(job.uuid for job in jobs),
        labels=tuple(f"{job.tool}, {_progress(job)}, {moment(job.requested_at)}" for job in jobs),
    )
    return Form(title="Cancel a job", instructions="Which job?", fields=(field,))
