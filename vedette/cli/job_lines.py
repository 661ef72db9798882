"""Jobs, runs and their output as lines of text."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from registry import jobs
from vedette.cli.output import print_line
from vedette.client import jobs as told
from vedette.clock import to_datetime


def job_line(job: jobs.Job | told.Job) -> str:
    """Return a job as a line."""
    at = f"{to_datetime(job.requested_at):%Y-%m-%d %H:%M:%S}"
    ended = job.done + job.failed + job.refused + job.cancelled
    problems = [f"{getattr(job, name)} {name}" for name in ("failed", "refused", "cancelled") if getattr(job, name)]
    more = f" ({', '.join(problems)})" if problems else ""
    return f"{job.uuid}  {at}  {job.state:<9}  {ended}/{job.total}{more}  {job.tool}  {job.requested_by}"


def run_line(run: jobs.Run | told.Run) -> str:
    """Return a run as a line."""
    code = "" if run.exit_code is None else f" exit code {run.exit_code}"
    return f"{run.uuid}  {run.state:<9}  {run.target}  {run.agent}{code}  {run.reason}".rstrip()


def print_output(line: jobs.OutputLine | told.OutputLine, *, as_json: bool) -> None:
    """Print a line of output, or with `as_json` all that is known of it."""
    if as_json:
        described = asdict(line) if isinstance(line, jobs.OutputLine) else line.model_dump()
        typer.echo(json.dumps(described, ensure_ascii=False))
    else:
        print_line(f"{line.target}: {line.text}")
