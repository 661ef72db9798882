"""`vedette schedules`: jobs that are requested again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from registry.callers import Actor
from registry.job_desk import JobDesk
from registry.jobs import Jobs
from registry.schedule_desk import ScheduleDesk, StillRunningError
from registry.schedules import Schedule, Schedules, UnknownScheduleError
from vedette.cli.actor import command_line_actor
from vedette.cli.job_request import arguments_of, request_of
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime
from vedette.configuration.loading import reason_of
from vedette.errors import RefusedError
from vedette.jobs.scope import OutOfScopeError
from vedette.scheduling.request import ScheduleRequest, When
from vedette.scheduling.zones import find_zone

app = typer.Typer(
    no_args_is_help=True, help="Jobs again and again: add, list, show, explain, pause, resume, run, remove."
)

NAME_ARGUMENT = typer.Argument(help="The schedule's name or uuid, as 'vedette schedules list' shows it.")
NEW_ARGUMENT = typer.Argument(help="What it is to be called.")
WHEN_ARGUMENT = typer.Argument(help="Such as '0 15 10 ? * MON-FRI' (Quartz), 'every 5m' or @daily.")
TOOL_ARGUMENT = typer.Argument(help="A tool, such as tcp-connect, or a command that the scope allows.")
TARGETS_ARGUMENT = typer.Argument(help="Hosts, addresses, URLs, or networks.")
ARG_OPTION = typer.Option([], "--arg", help="An argument of the tool, such as ports=22,80; may be given again.")
PARALLEL_OPTION = typer.Option(4, "--parallel", min=1, max=64, help="Runs at once.")
TIME_OPTION = typer.Option(60.0, "--time-limit", min=0.1, max=3600, help="Seconds that a run may take.")
AGENT_OPTION = typer.Option([], "--agent", help="JID of a job agent or launcher that may do it; any unless said.")
PLACE_OPTION = typer.Option("", "--place", help="Only agents of this place.")
ZONE_OPTION = typer.Option("UTC", "--zone", help="Time zone of the expression, such as Europe/Prague.")
JITTER_OPTION = typer.Option(0, "--jitter", min=0, max=86_400, help="Seconds that a run may be put off by chance.")
MISFIRE_OPTION = typer.Option("run-once", "--misfire", help="What was due while nothing ran: run-once or skip.")
OVERLAP_OPTION = typer.Option("skip", "--overlap", help="What is due while the job before goes on: skip or wait.")
STATE_OPTION = typer.Option(None, "--state", help="Only those: scheduled, waiting, paused or ended.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Schedules at most.")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)


class Action(Protocol[T_co]):
    """Something that is done to a schedule."""

    def __call__(self, uuid: str, *, by: Actor) -> Awaitable[T_co]:
        """Do it."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    desk: ScheduleDesk
    schedules: Schedules


@app.command(name="list")
def list_schedules(
    state: str | None = STATE_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List the newest schedules."""
    with _open(config) as opened:
        found = asyncio.run(opened.schedules.page(state=state, limit=limit)).rows
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        print_line(_line(one))
    if not found:
        print_line("There are no schedules; run: vedette schedules add NAME WHEN TOOL TARGET")


@app.command()
def show(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Show a schedule, its next runs, and what became of the last ones."""
    with _open(config) as opened:
        one = asyncio.run(opened.schedules.get(name))
        runs = asyncio.run(opened.schedules.runs(one.uuid)).rows
    if as_json:
        print_json(asdict(one) | {"runs": [asdict(run) for run in runs]})
        return
    print_line(_line(one))
    print_line(f"{one.english}, {one.zone}; {one.responsible} answers for it")
    _print_runs(one.next_runs, one.zone)
    for run in runs:
        times = f" {run.times} times" if run.times > 1 else ""
        print_line(f"{_at(run.planned_at, 'UTC')}  {run.outcome}{times}  {run.job} {run.reason}".rstrip())


@app.command()
def explain(when: str = WHEN_ARGUMENT, zone: str = ZONE_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Say in English what a timetable means, with the next five runs; exit 1 if it never comes again."""
    now = SystemClock().now()
    with _allowed():
        timetable = _read(When, {"when": when, "zone": zone}).timetable(anchor=now)
    runs = timetable.next_runs(now)
    if as_json:
        print_json({"english": timetable.english, "zone": timetable.zone, "next_runs": runs})
    else:
        print_line(f"{timetable.english}, {timetable.zone}")
        _print_runs(runs, timetable.zone)
    if not runs:
        raise typer.Exit(Exit.NO)


@app.command()
def add(
    name: str = NEW_ARGUMENT,
    when: str = WHEN_ARGUMENT,
    tool: str = TOOL_ARGUMENT,
    targets: list[str] = TARGETS_ARGUMENT,
    zone: str = ZONE_OPTION,
    arguments: list[str] = ARG_OPTION,
    jitter: int = JITTER_OPTION,
    misfire: str = MISFIRE_OPTION,
    overlap: str = OVERLAP_OPTION,
    parallel: int = PARALLEL_OPTION,
    time_limit: float = TIME_OPTION,
    agents: list[str] = AGENT_OPTION,
    place: str = PLACE_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Schedule a job; refused whole where one of its targets is not in scope."""
    job = request_of(
        {
            "tool": tool,
            "arguments": arguments_of(tool, arguments) if arguments else {},
            "targets": targets,
            "agents": agents,
            "place": place,
            "parallel": parallel,
            "time_limit": time_limit,
        }
    )
    values = {"name": name, "when": when, "zone": zone, "jitter": jitter, "misfire": misfire, "overlap": overlap}
    wanted = _read(ScheduleRequest, values | {"job": job})
    with _open(config) as opened, _allowed():
        made = asyncio.run(opened.desk.add(wanted, by=command_line_actor()))
    if as_json:
        print_json(asdict(made))
        return
    print_line(f"{made.uuid} {made.english}, {made.zone}")
    _print_runs(made.next_runs, made.zone)


@app.command()
def pause(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Let nothing be due until it is resumed."""
    with _open(config) as opened:
        one = asyncio.run(_by_name(opened, name, opened.schedules.pause))
    print_json(asdict(one)) if as_json else print_line(_line(one))


@app.command()
def resume(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Go on with the next planned time; what was planned meanwhile is left out."""
    with _open(config) as opened, _allowed():
        one = asyncio.run(_by_name(opened, name, opened.schedules.resume))
    print_json(asdict(one)) if as_json else print_line(_line(one))


@app.command()
def run(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Request its job now, besides the plan; exit 1 while the job before goes on."""
    with _open(config) as opened, _allowed():
        job = asyncio.run(_by_name(opened, name, opened.desk.run_now))
    print_json({"job": job}) if as_json else print_line(f"{job} requested; see: vedette jobs show {job}")


@app.command()
def remove(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Remove a schedule; the jobs that it brought stay."""
    with _open(config) as opened:
        asyncio.run(_by_name(opened, name, opened.schedules.remove))
    print_json({"removed": name}) if as_json else print_line(f"{name} removed")


@contextmanager
def _open(config: Path | None) -> Iterator[_Place]:
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        clock = SystemClock()
        jobs = JobDesk(jobs=Jobs(database=database, clock=clock), policy=configuration.jobs.scope, clock=clock)
        desk = ScheduleDesk(database=database, desk=jobs, clock=clock)
        try:
            yield _Place(desk=desk, schedules=desk.schedules)
        except UnknownScheduleError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error


@contextmanager
def _allowed() -> Iterator[None]:
    try:
        yield
    except (OutOfScopeError, StillRunningError) as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error
    except RefusedError as error:
        raise typer.BadParameter(str(error)) from error


async def _by_name(opened: _Place, name: str, action: Action[T]) -> T:
    return await action((await opened.schedules.get(name)).uuid, by=command_line_actor())


def _read(model: type[M], values: dict[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        key, reason = reason_of(error, model)
        raise typer.BadParameter(f"{key}: {reason}") from error


def _line(one: Schedule) -> str:
    counts = ", ".join(
        f"{getattr(one, name)} {name}" for name in ("entered", "missed", "skipped", "refused") if getattr(one, name)
    )
    following = _at(one.next_runs[0], one.zone) if one.next_runs else "not planned"
    return f"{one.uuid}  {one.state:<9}  next {following}  {one.name}: {one.english} ({counts or 'nothing yet'})"


def _print_runs(runs: list[int], zone: str) -> None:
    for at in runs:
        print_line(f"  {_at(at, zone)}")


def _at(instant: int, zone: str) -> str:
    return f"{to_datetime(instant).astimezone(find_zone(zone)):%a %Y-%m-%d %H:%M:%S %Z}"
