"""`vedette export`: what was found, as a file for other programs, or brought to another platform."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vedette.cli import export_of_hub, export_queue
from vedette.cli.export_brought import Brought
from vedette.cli.export_lines import contents, print_file
from vedette.cli.export_queue import at_exports, say_and_exit
from vedette.cli.export_selection import (
    DEPTH_OPTION,
    ITEM_OPTION,
    JOB_OPTION,
    SEARCH_OPTION,
    SINCE_OPTION,
    TARGET_OPTION,
    UNTIL_OPTION,
    VERTEX_OPTION,
    Meant,
)
from vedette.cli.output import JSON_OPTION, Exit
from vedette.cli.places import Place, at_a_place
from vedette.clock import SystemClock
from vedette.sharing.exporter import Exporter, ExporterCatalogue
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.request import ExportRequest
from vedette.sharing.selection import Selection

if TYPE_CHECKING:
    # Imported where it is used: the help of a command needs no database.
    from vedette.cli.export_here import ExportsHere
    from vedette.client import BlockingClient

app = typer.Typer(no_args_is_help=True, help="Bring what was found to other platforms: forms, list, approve, check.")

OUTPUT_OPTION = typer.Option(None, "-o", "--output", help="File or folder to write; - and nothing: standard output.")
SERVER_OPTION = typer.Option(None, "--server", help="A destination of sharing.destinations to bring it to.")
DRY_RUN_OPTION = typer.Option(False, "--dry-run", help="Only say what would be done.")


def _add_form(name: str) -> None:
    """Give the group a command for an exporter, installed by whomever."""

    @app.command(name=name, help=f"Write an investigation as {name}, or bring it to a server of that kind.")
    @at_a_place
    def form(
        place: Place,
        item: str | None = ITEM_OPTION,
        search: str | None = SEARCH_OPTION,
        since: str | None = SINCE_OPTION,
        until: str | None = UNTIL_OPTION,
        target: str | None = TARGET_OPTION,
        job: str | None = JOB_OPTION,
        vertex: str | None = VERTEX_OPTION,
        depth: int | None = DEPTH_OPTION,
        output: Path | None = OUTPUT_OPTION,
        server: str | None = SERVER_OPTION,
        dry_run: bool = DRY_RUN_OPTION,
        as_json: bool = JSON_OPTION,
    ) -> None:
        at_a_hub = place.is_hub
        meant = Meant(
            item=item,
            search=search,
            since=since,
            until=until,
            target=target,
            job=job,
            vertex=vertex,
            depth=depth,
        )
        selection = meant.selection(SystemClock())
        if server is not None and output is not None:
            raise typer.BadParameter("write a file with -o, or bring it to a server with --server; not both")
        if at_a_hub:
            place.ask(lambda hub: at_hub(hub, name, selection, server, output, dry_run=dry_run, as_json=as_json))
        elif server is None:
            to_file(name, selection, output, config=place.config, dry_run=dry_run, as_json=as_json)
        else:
            wanted = ExportRequest(select=selection.text, destination=server, dry_run=dry_run)
            to_server(name, wanted, config=place.config, as_json=as_json)


for _name in ExporterCatalogue().names:
    _add_form(_name)

app.command(name="list")(export_queue.list_exports)
for _command in (
    export_queue.show,
    export_queue.approve,
    export_queue.reject,
    export_queue.retry,
    export_queue.check,
):
    app.command()(_command)


def at_hub(
    hub: BlockingClient,
    name: str,
    selection: Selection,
    server: str | None,
    output: Path | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do the same at a hub: its graph and its policy, its agent that sends."""
    if server is None:
        export_of_hub.file_of_hub(hub, name, selection, output, dry_run=dry_run, as_json=as_json)
    else:
        wanted = ExportRequest(select=selection.text, destination=server, dry_run=dry_run)
        export_of_hub.request_at_hub(hub, name, wanted, as_json=as_json)


def to_server(name: str, wanted: ExportRequest, *, config: Path | None, as_json: bool) -> None:
    """Bring an investigation to a destination; exit 1 where not all of it arrived."""

    async def work(here: ExportsHere) -> Brought:
        exporter = here.exports.sharing.destination(wanted.destination).exporter
        if exporter != name:
            raise typer.BadParameter(f"{wanted.destination} is of another kind: vedette export {exporter}")
        return await here.request(wanted)

    say_and_exit(at_exports(config, work), as_json=as_json)


def to_file(
    name: str, selection: Selection, output: Path | None, *, config: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Write an investigation; exit 1 where nothing is in it, or not all of it could be written."""
    exporter = ExporterCatalogue().exporter(name)
    to_stdout = output is None or str(output) == "-"
    if to_stdout and not dry_run:
        if not exporter.suffix:
            raise typer.BadParameter(f"{name} is no file: name a folder with -o, or a destination with --server")
        if as_json:
            raise typer.BadParameter("--json goes with -o: without it the file itself is printed")
    investigation = at_exports(config, lambda here: here.gather(selection))
    if dry_run:
        withheld: Sequence[Withheld] = investigation.withheld
    elif to_stdout:
        withheld = _print(exporter, investigation)
    else:
        withheld = exporter.write([investigation], Path(str(output)))
    own = [one for one in withheld if one not in set(investigation.withheld)]
    print_file(
        contents(investigation),
        [*investigation.withheld, *own],
        output=None if to_stdout else output,
        dry_run=dry_run,
        as_json=as_json,
    )
    if own:
        raise typer.Exit(Exit.NO)


def _print(exporter: Exporter, investigation: Investigation) -> Sequence[Withheld]:
    """Write a file to standard output."""
    with tempfile.TemporaryDirectory(prefix="vedette-export-") as folder:
        file = Path(folder) / f"export{exporter.suffix}"
        withheld = exporter.write([investigation], file)
        with file.open("rb") as written:
            shutil.copyfileobj(written, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return withheld
