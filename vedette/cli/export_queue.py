"""`vedette export`: the exports to servers: listed, decided about, done again; and the servers asked who they are."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from vedette.cli import export_of_hub
from vedette.cli.export_brought import Brought
from vedette.cli.export_lines import export_line, print_export
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.places import Place, at_a_place
from vedette.errors import ConnectionFailedError
from vedette.sharing.exporter import ComeAgainError, ExportError
from vedette.sharing.request import Export

if TYPE_CHECKING:
    # Imported where it is used: the help of a command needs no database.
    from vedette.cli.export_here import ExportsHere

T = TypeVar("T")

UUID_ARGUMENT = typer.Argument(help="The export's uuid, as 'vedette export list' shows it.")
NOW_OPTION = typer.Option(False, "--now", help="Do it in this process, whether an agent runs or not.")
DIGEST_OPTION = typer.Option(None, "--digest", help="Of the plan that you have seen; else the one that there is.")
WHY_OPTION = typer.Option(..., "--why", help="Why not; others will read it.")
STATE_OPTION = typer.Option(
    None, "--state", help="Only those: waiting, running, planned, approval, done, failed or rejected."
)
DESTINATION_OPTION = typer.Option(None, "--server", help="Only those to this destination.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Exports at most.")


@at_a_place
def list_exports(
    place: Place,
    state: str | None = STATE_OPTION,
    server: str | None = DESTINATION_OPTION,
    limit: int = LIMIT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List the newest exports to servers."""
    if place.is_hub:
        place.ask(
            lambda hub: export_of_hub.list_at_hub(hub, state=state, destination=server, limit=limit, as_json=as_json)
        )
        return
    page = at_exports(
        place.config, lambda here: here.exports.page(state=state, destination=server, whole=False, limit=limit)
    )
    if as_json:
        print_json([asdict(one) for one in page.rows])
        return
    for one in page.rows:
        print_line(export_line(one))
    if not page.rows:
        print_line("There are no exports.")


@at_a_place
def show(
    place: Place,
    uuid: str = UUID_ARGUMENT,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show an export: its plan, or what was done, and what was left out and why."""
    if place.is_hub:
        place.ask(lambda hub: export_of_hub.show_at_hub(hub, uuid, as_json=as_json))
        return
    say(at_exports(place.config, lambda here: here.exports.get(uuid)), as_json=as_json)


@at_a_place
def approve(
    place: Place,
    uuid: str = UUID_ARGUMENT,
    digest: str | None = DIGEST_OPTION,
    now: bool = NOW_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let the plan be carried out that an export waits with; another than that is not."""
    if place.is_hub:
        _check_not(now)
        place.ask(lambda hub: export_of_hub.approve_at_hub(hub, uuid, digest, as_json=as_json))
        return

    async def work(here: ExportsHere) -> Brought:
        seen = await here.exports.get(uuid)
        wanted = digest or (seen.plan.digest if seen.plan is not None else "")
        approved = await here.exports.approve(uuid, by=here.by, digest=wanted)
        return await here.bring(uuid) if now else Brought(export=approved)

    say_and_exit(at_exports(place.config, work), as_json=as_json)


@at_a_place
def reject(
    place: Place,
    uuid: str = UUID_ARGUMENT,
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let an export not be carried out."""
    if place.is_hub:
        place.ask(lambda hub: export_of_hub.reject_at_hub(hub, uuid, why, as_json=as_json))
        return
    say(at_exports(place.config, lambda here: here.exports.reject(uuid, by=here.by, why=why)), as_json=as_json)


@at_a_place
def retry(
    place: Place,
    uuid: str = UUID_ARGUMENT,
    now: bool = NOW_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let an export that ended be done again."""
    if place.is_hub:
        _check_not(now)
        place.ask(lambda hub: export_of_hub.retry_at_hub(hub, uuid, as_json=as_json))
        return

    async def work(here: ExportsHere) -> Brought:
        again = await here.exports.retry(uuid, by=here.by)
        return await here.bring(uuid) if now else Brought(export=again)

    say_and_exit(at_exports(place.config, work), as_json=as_json)


def check(
    server: str = typer.Argument(help="A destination of sharing.destinations."),
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Ask a server who it is, and whether it takes the key; exit 1 where it does not answer."""
    try:
        said, good = at_exports(config, lambda here: here.runner.check(server)), True
    except (ConnectionFailedError, ComeAgainError, ExportError) as error:
        said, good = str(error), False
    print_json({"server": server, "good": good, "says": said}) if as_json else print_line(f"{server}: {said}")
    if not good:
        raise typer.Exit(Exit.NO)


def at_exports(config: Path | None, work: Callable[[ExportsHere], Coroutine[Any, Any, T]]) -> T:
    """Do something with the exports of this machine; what goes wrong is printed, so nobody logs it too."""
    from vedette import log
    from vedette.cli.export_here import with_exports

    log.configure(level="critical")
    return with_exports(config, work)


def say(export: Export, *, as_json: bool) -> None:
    """Print an export."""
    print_json(asdict(export)) if as_json else print_export(export)


def say_and_exit(brought: Brought, *, as_json: bool) -> None:
    """Print an export, and end with what came of it."""
    say(brought.export, as_json=as_json)
    if not brought.good:
        raise typer.Exit(Exit.NO)


def _check_not(now: bool) -> None:
    if now:
        raise typer.BadParameter("--now is for this machine: a hub's agent takes what is due by itself")
