"""`vedette jobs --url`: one-shot jobs of a hub, through its API."""

from __future__ import annotations

from pathlib import Path

import typer

from vedette.cli.job_lines import job_line, print_output, run_line
from vedette.cli.output import Exit, complain, print_json, print_line
from vedette.cli.remote import asking
from vedette.client import ApiError, BlockingClient
from vedette.client.jobs import Job
from vedette.jobs.request import JobRequest

_REFUSED = 422


def run_at_hub(
    url: str | None, key_file: Path | None, ca: Path | None, wanted: JobRequest, *, wait: bool, as_json: bool
) -> None:
    """Request a job; what the hub refuses, its scope does not allow: the form was checked before it was sent."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        job = _requested(hub, wanted)
        if not wait:
            print_json(job.model_dump()) if as_json else print_line(f"{job.uuid} requested: {job.total} runs")
            return
        for line in hub.rows(lambda hub: hub.jobs.output(job.uuid)):
            print_output(line, as_json=as_json)
        after = hub.run(lambda hub: hub.jobs.get(job.uuid))
    _print(after, as_json=as_json)
    if after.state != "done":
        raise typer.Exit(Exit.NO)


def list_at_hub(
    url: str | None, key_file: Path | None, ca: Path | None, *, state: str | None, limit: int, as_json: bool
) -> None:
    """List the newest jobs."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        found = list(hub.rows(lambda hub: hub.jobs.list(state=state, limit=limit)))
    if as_json:
        print_json([job.model_dump() for job in found])
        return
    for job in found:
        print_line(job_line(job))
    if not found:
        print_line("There are no jobs; run: vedette jobs run TOOL TARGET")


def show_at_hub(url: str | None, key_file: Path | None, ca: Path | None, uuid: str, *, as_json: bool) -> None:
    """Show a job and its runs."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        job = hub.run(lambda hub: hub.jobs.get(uuid))
        runs = list(hub.rows(lambda hub: hub.jobs.runs(uuid)))
    if as_json:
        print_json(job.model_dump() | {"runs": [run.model_dump() for run in runs]})
        return
    print_line(job_line(job))
    for run in runs:
        print_line(run_line(run))


def output_at_hub(
    url: str | None, key_file: Path | None, ca: Path | None, uuid: str, *, after: int, follow: bool, as_json: bool
) -> None:
    """Print a job's output."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        for line in hub.rows(lambda hub: hub.jobs.output(uuid, after=after, follow=follow)):
            print_output(line, as_json=as_json)


def cancel_at_hub(url: str | None, key_file: Path | None, ca: Path | None, uuid: str, *, as_json: bool) -> None:
    """Cancel a job."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        job = hub.run(lambda hub: hub.jobs.cancel(uuid))
    _print(job, as_json=as_json)
    if job.cancelled_at is None:
        raise typer.Exit(Exit.NO)


def _requested(hub: BlockingClient, wanted: JobRequest) -> Job:
    try:
        return hub.run(
            lambda hub: hub.jobs.request(
                wanted.tool,
                wanted.targets,
                arguments=wanted.arguments,
                agents=wanted.agents,
                place=wanted.place,
                parallel=wanted.parallel,
                time_limit=wanted.time_limit,
            )
        )
    except ApiError as error:
        if error.status != _REFUSED:
            raise
        complain(error.detail)
        raise typer.Exit(Exit.NO) from error


def _print(job: Job, *, as_json: bool) -> None:
    print_json(job.model_dump()) if as_json else print_line(job_line(job))
