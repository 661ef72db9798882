"""`vedette export --url`: files and exports of a hub, through its API; its agent brings them to servers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import typer
from pydantic import TypeAdapter

from vedette.cli.export_lines import COUNTED, export_line, print_export, print_file
from vedette.cli.output import Exit, complain, print_json, print_line
from vedette.client import ApiError, BlockingClient
from vedette.client import sharing as answers
from vedette.sharing.files import write_whole
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

T = TypeVar("T")

LOOK_EVERY: Final = 0.5
"""Seconds between looks at an export that an agent brings."""

PATIENCE: Final = 600.0
"""Seconds that a command waits for it."""

_REFUSED = 422
_EXPORT: Final = TypeAdapter(Export)


def file_of_hub(
    hub: BlockingClient, name: str, selection: Selection, output: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    """Write an investigation of a hub as a file; exit 1 where nothing is in it."""
    to_stdout = output is None or str(output) == "-"
    if to_stdout and as_json and not dry_run:
        raise typer.BadParameter("--json goes with -o: without it the file itself is printed")
    found = _unless_refused(lambda: hub.run(lambda hub: hub.sharing.look(selection.text)))
    pieces = hub.rows(lambda hub: hub.sharing.file(selection.text, name))
    if not dry_run:
        _unless_refused(lambda: _print(pieces) if to_stdout else write_whole(Path(str(output)), pieces))
    print_file(
        {"key": found.key, "title": found.title, "tlp": found.tlp, **{name: found.counts[name] for name in COUNTED}},
        [Withheld(**one.model_dump()) for one in found.withheld],
        output=None if to_stdout else output,
        dry_run=dry_run,
        as_json=as_json,
    )


def request_at_hub(hub: BlockingClient, name: str, wanted: ExportRequest, *, as_json: bool) -> None:
    """Ask for an export, and wait until an agent has brought it as far as it goes."""
    kinds = {one.name: one.exporter for one in hub.rows(lambda hub: hub.sharing.destinations())}
    kind = kinds.get(wanted.destination, name)
    if kind != name:
        raise typer.BadParameter(f"{wanted.destination} is of another kind: vedette export {kind}")
    made = _unless_refused(
        lambda: hub.run(lambda hub: hub.sharing.request(wanted.select, wanted.destination, dry_run=wanted.dry_run))
    )
    _say_and_exit(_ended(hub, made), as_json=as_json)


def list_at_hub(
    hub: BlockingClient, *, state: str | None, destination: str | None, limit: int, as_json: bool
) -> None:
    """List the newest exports."""
    found = list(hub.rows(lambda hub: hub.sharing.list(state=state, destination=destination, limit=limit)))
    if as_json:
        print_json([one.model_dump() for one in found])
        return
    for one in found:
        print_line(export_line(_of(one)))
    if not found:
        print_line("There are no exports.")


def show_at_hub(hub: BlockingClient, uuid: str, *, as_json: bool) -> None:
    """Show an export."""
    _say(hub.run(lambda hub: hub.sharing.get(uuid)), as_json=as_json)


def approve_at_hub(hub: BlockingClient, uuid: str, digest: str | None, *, as_json: bool) -> None:
    """Let the plan be carried out that has this digest; None: the one that there is."""
    seen = hub.run(lambda hub: hub.sharing.get(uuid))
    wanted = digest or ("" if seen.plan is None else seen.plan.digest)
    if not wanted:
        complain(f"state: is {seen.state}: it does not wait to be approved")
        raise typer.Exit(Exit.NO)
    _say(hub.run(lambda hub: hub.sharing.approve(uuid, digest=wanted)), as_json=as_json)


def reject_at_hub(hub: BlockingClient, uuid: str, why: str, *, as_json: bool) -> None:
    """Let an export not be carried out."""
    _say(_unless_refused(lambda: hub.run(lambda hub: hub.sharing.reject(uuid, why=why))), as_json=as_json)


def retry_at_hub(hub: BlockingClient, uuid: str, *, as_json: bool) -> None:
    """Let an export that ended be done again."""
    _say(hub.run(lambda hub: hub.sharing.retry(uuid)), as_json=as_json)


def _ended(hub: BlockingClient, made: answers.Export) -> answers.Export:
    until, uuid = time.monotonic() + PATIENCE, made.uuid
    while made.state in ("waiting", "running") and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        made = hub.run(lambda hub: hub.sharing.get(uuid))
    return made


def _of(answer: answers.Export) -> Export:
    return _EXPORT.validate_python(answer.model_dump())


def _say(answer: answers.Export, *, as_json: bool) -> None:
    print_json(answer.model_dump()) if as_json else print_export(_of(answer))


def _say_and_exit(answer: answers.Export, *, as_json: bool) -> None:
    _say(answer, as_json=as_json)
    if answer.state not in ("done", "planned", "approval"):
        raise typer.Exit(Exit.NO)


def _print(pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _unless_refused(ask: Callable[[], T]) -> T:
    """Return an answer; where the hub refuses what is asked for, the answer is no."""
    try:
        return ask()
    except ApiError as error:
        if error.status != _REFUSED:
            raise
        complain(error.detail)
        raise typer.Exit(Exit.NO) from error
