"""`vedette jobs`: one-shot jobs, requested, watched line by line and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from registry.job_desk import JobDesk
from registry.job_workers import JobWorkers
from registry.jobs import Job, Jobs, UnknownJobError
from vedette.cli import jobs_of_hub
from vedette.cli.actor import command_line_actor
from vedette.cli.job_lines import job_line, print_output, run_line
from vedette.cli.job_request import arguments_of, lines_of, request_of
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest
from vedette.jobs.scope import OutOfScopeError

app = typer.Typer(no_args_is_help=True, help="One-shot jobs: run, list, show, output, cancel.")

TOOL_ARGUMENT = typer.Argument(help="A tool, such as tcp-connect, or a command that the scope allows.")
TARGETS_ARGUMENT = typer.Argument(None, help="Hosts, addresses, URLs, or networks.")
FILE_OPTION = typer.Option(None, "--targets", help="A file of further targets, one a line.")
ARG_OPTION = typer.Option([], "--arg", help="An argument of the tool, such as ports=22,80; may be given again.")
PARALLEL_OPTION = typer.Option(4, "--parallel", min=1, max=64, help="Runs at once.")
TIME_OPTION = typer.Option(60.0, "--time-limit", min=0.1, max=3600, help="Seconds that a run may take.")
AGENT_OPTION = typer.Option([], "--agent", help="JID of a job agent or launcher that may do it; any unless said.")
PLACE_OPTION = typer.Option("", "--place", help="Only agents of this place.")
WAIT_OPTION = typer.Option(False, "--wait", help="Print the output as it comes; exit 0 only if every run is done.")
UUID_ARGUMENT = typer.Argument(help="The job's uuid, as 'vedette jobs list' shows it.")
STATE_OPTION = typer.Option(None, "--state", help="Only those: requested, running, done, failed or cancelled.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Jobs at most.")
FOLLOW_OPTION = typer.Option(False, "--follow", help="Go on until the job has ended.")
AFTER_OPTION = typer.Option(0, "--after", min=0, help="Position of the last line that was seen.")

LOOK_EVERY = 0.25
"""Seconds between looks for new lines."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    jobs: Jobs
    workers: JobWorkers
    configuration: FleetConfiguration


@app.command()
def run(
    tool: str = TOOL_ARGUMENT,
    targets: list[str] = TARGETS_ARGUMENT,
    file: Path | None = FILE_OPTION,
    arguments: list[str] = ARG_OPTION,
    parallel: int = PARALLEL_OPTION,
    time_limit: float = TIME_OPTION,
    agents: list[str] = AGENT_OPTION,
    place: str = PLACE_OPTION,
    wait: bool = WAIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Request a job; refused whole where one of its targets is not in scope."""
    values = {
        "tool": tool,
        "targets": [*(targets or []), *lines_of(file)],
        "parallel": parallel,
        "time_limit": time_limit,
        "agents": agents,
        "place": place,
    }
    wanted = request_of(values | {"arguments": arguments_of(tool, arguments) if arguments else {}})
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        jobs_of_hub.run_at_hub(url, key_file, ca, wanted, wait=wait, as_json=as_json)
        return
    with _open(config) as opened:
        job = _entered(opened, wanted)
        if reason := asyncio.run(opened.workers.why_waiting(job)):
            complain(f"{job.uuid} waits: {reason}")
        if not wait:
            print_json(asdict(job)) if as_json else print_line(f"{job.uuid} requested: {job.total} runs")
            return
        job = asyncio.run(_follow(opened.jobs, job.uuid, after=0, as_json=as_json))
    print_json(asdict(job)) if as_json else print_line(job_line(job))
    if job.state != "done":
        raise typer.Exit(Exit.NO)


@app.command(name="list")
def list_jobs(
    state: str | None = STATE_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List the newest jobs."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        jobs_of_hub.list_at_hub(url, key_file, ca, state=state, limit=limit, as_json=as_json)
        return
    with _open(config) as opened:
        found = asyncio.run(opened.jobs.page(state=state, limit=limit)).rows
    if as_json:
        print_json([asdict(job) for job in found])
        return
    for job in found:
        print_line(job_line(job))
    if not found:
        print_line("There are no jobs; run: vedette jobs run TOOL TARGET")


@app.command()
def show(
    uuid: str = UUID_ARGUMENT,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show a job and its runs; each run's uuid is that of its item."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        jobs_of_hub.show_at_hub(url, key_file, ca, uuid, as_json=as_json)
        return
    with _open(config) as opened, _known():
        job = asyncio.run(opened.jobs.get(uuid))
        runs = asyncio.run(_all_runs(opened.jobs, uuid))
    if as_json:
        print_json(asdict(job) | {"runs": [asdict(one) for one in runs]})
        return
    print_line(job_line(job))
    for one in runs:
        print_line(run_line(one))


@app.command()
def output(
    uuid: str = UUID_ARGUMENT,
    follow: bool = FOLLOW_OPTION,
    after: int = AFTER_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print a job's output; with --json one object a line, whose position --after takes."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        jobs_of_hub.output_at_hub(url, key_file, ca, uuid, after=after, follow=follow, as_json=as_json)
        return
    with _open(config) as opened, _known():
        asyncio.run(_follow(opened.jobs, uuid, after=after, as_json=as_json, until_end=follow))


@app.command()
def cancel(
    uuid: str = UUID_ARGUMENT,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Cancel a job: what waits is not begun, what runs is ended; exit 1 if it had ended before."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        jobs_of_hub.cancel_at_hub(url, key_file, ca, uuid, as_json=as_json)
        return
    with _open(config) as opened, _known():
        job = asyncio.run(opened.jobs.cancel(uuid, by=command_line_actor()))
    print_json(asdict(job)) if as_json else print_line(job_line(job))
    if job.cancelled_at is None:
        raise typer.Exit(Exit.NO)


@contextmanager
def _open(config: Path | None) -> Iterator[_Place]:
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        yield _Place(
            jobs=Jobs(database=database, clock=SystemClock()),
            workers=JobWorkers.of_fleet(configuration, database=database),
            configuration=configuration,
        )


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except UnknownJobError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error


def _entered(opened: _Place, request: JobRequest) -> Job:
    desk = JobDesk(jobs=opened.jobs, policy=opened.configuration.jobs.scope, clock=SystemClock())
    try:
        return asyncio.run(desk.request(request, by=command_line_actor()))
    except OutOfScopeError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error
    except RefusedError as error:
        raise typer.BadParameter(str(error)) from error


async def _all_runs(jobs: Jobs, uuid: str) -> list[Any]:
    page = await jobs.runs(uuid, limit=1000)
    found = list(page.rows)
    while page.next is not None:
        page = await jobs.runs(uuid, limit=1000, cursor=page.next)
        found += page.rows
    return found


async def _follow(jobs: Jobs, uuid: str, *, after: int, as_json: bool, until_end: bool = True) -> Job:
    """Print output until there is no more; returns the job as it is then."""
    while True:
        # First the job: what came before its end is in the lines that are read after it.
        job = await jobs.get(uuid)
        lines = await jobs.output(uuid, after=after)
        for line in lines:
            print_output(line, as_json=as_json)
            after = line.position
        if not lines and (job.ended_at is not None or not until_end):
            return job
        if not lines:
            await asyncio.sleep(LOOK_EVERY)
