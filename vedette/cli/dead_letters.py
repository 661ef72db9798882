"""`vedette dead-letters`: what was given up, in the outboxes and the queues; nothing goes silently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import typer

from registry.audit import Audit, AuditEntry
from registry.database import Database
from registry.outbox_work import NotInOutboxError
from registry.queue_errors import NoSuchDeadLetterError
from vedette.cli.actor import command_line_actor
from vedette.cli.dead_letter_places import Letter, OutboxPlace, Place, QueuesPlace
from vedette.cli.dead_letters_of_hub import decide_at_hub, list_at_hub, show_at_hub
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, is_remote
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock, to_datetime
from vedette.errors import StoreError, VedetteError

app = typer.Typer(no_args_is_help=True, help="Items that were given up after some attempts: see, replay, discard.")

UUID_ARGUMENT = typer.Argument(help="The item's uuid, as 'vedette dead-letters list' shows it.")
UUIDS_ARGUMENT = typer.Argument(help="Uuids, as 'vedette dead-letters list' shows them.")
IN_OPTION = typer.Option(None, "--in", help="Only there: 'outbox:NAME' or 'queue:NAME'.")
DISCARDED_OPTION = typer.Option(False, "--discarded", help="Also those that were discarded, with the reason.")
REASON_OPTION = typer.Option(..., "--reason", help="Why nobody needs it; kept with the tombstone.")


class Found(NamedTuple):
    """A dead letter and where it is."""

    letter: Letter
    """The dead letter."""
    place: Place
    """Where it is."""


@app.command(name="list")
def list_letters(
    place: str | None = IN_OPTION,
    discarded: bool = DISCARDED_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List the dead letters of all outboxes on this machine and of all queues; exit 1 if one cannot be read."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        list_at_hub(url, key_file, ca, place=place, discarded=discarded, as_json=as_json)
        return
    with _places(config) as (places, problems):
        found = _search(places, problems, place=place, discarded=discarded)
    if as_json:
        print_json([asdict(letter) for letter, _ in found])
    elif not found and not problems:
        print_line("No dead letters.")
    else:
        for letter, _ in found:
            print_line(_line(letter))
    if problems:
        raise typer.Exit(Exit.NO)


@app.command()
def show(
    uuid: str = UUID_ARGUMENT,
    place: str | None = IN_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show a dead letter with its reason, its sender and the whole item."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        show_at_hub(url, key_file, ca, uuid, place=place, as_json=as_json)
        return
    with _places(config) as (places, problems):
        letter, where = _only(_search(places, problems, place=place), uuid)
        content = where.content(letter)
    if not as_json:
        print_line(_line(letter))
    print_json(asdict(letter) | {"item": content} if as_json else content)


@app.command()
def replay(
    uuids: list[str] = UUIDS_ARGUMENT,
    place: str | None = IN_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let dead letters be tried again, with all their attempts."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        decide_at_hub(url, key_file, ca, uuids, place=place, reason=None, as_json=as_json)
        return
    _decide(uuids, place, config, as_json, "replayed", lambda found: found.place.replay(found.letter))


@app.command()
def discard(
    uuids: list[str] = UUIDS_ARGUMENT,
    reason: str = REASON_OPTION,
    place: str | None = IN_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Give dead letters up for good; a tombstone with the reason stays."""
    if not reason.strip():
        raise typer.BadParameter("--reason: say why")
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        decide_at_hub(url, key_file, ca, uuids, place=place, reason=reason, as_json=as_json)
        return
    _decide(uuids, place, config, as_json, "discarded", lambda found: found.place.discard(found.letter, reason))


def _decide(
    uuids: list[str],
    place: str | None,
    config: Path | None,
    as_json: bool,
    verb: str,
    decide: Callable[[Found], None],
) -> None:
    """Find them all before the first is changed, then decide about each."""
    with _places(config) as (places, problems):
        found = _search(places, problems, place=place)
        chosen = [_only(found, uuid) for uuid in dict.fromkeys(uuids)]
        for one in chosen:
            try:
                decide(one)
            except (NotInOutboxError, NoSuchDeadLetterError) as error:
                # Somebody else decided about it since we looked.
                complain(str(error))
                raise typer.Exit(Exit.NO) from error
            if not as_json:
                print_line(f"{one.letter.uuid} {verb} in {one.letter.place}")
    if as_json:
        print_json([{"uuid": one.letter.uuid, "place": one.letter.place, "done": verb} for one in chosen])


@contextmanager
def _places(config: Path | None) -> Iterator[tuple[list[Place], list[str]]]:
    """Open what there is; what cannot be opened is complained about and noted, and hides nothing else."""
    _, paths = open_fleet(config)
    clock, by, problems = SystemClock(), command_line_actor(), list[str]()
    with ExitStack() as stack:
        try:
            database = stack.enter_context(Database(paths.store_url))
        except StoreError as error:
            _note(problems, error)
            database = None
        record = partial(_record, database)
        files = sorted(paths.outboxes.glob("*.db"))
        places: list[Place] = [OutboxPlace(path, clock=clock, by=by, record=record) for path in files]
        if database is not None:
            places.append(QueuesPlace(database, clock=clock, by=by))
        yield places, problems


def _record(database: Database | None, entry: AuditEntry) -> None:
    """Write down what was done to an outbox; without the store it is done all the same, and said."""
    if database is None:
        complain(f"{entry.action} of {entry.object} is not in the audit log: the store cannot be opened")
    else:
        asyncio.run(Audit(database=database, clock=SystemClock()).record(entry))


def _search(places: list[Place], problems: list[str], *, place: str | None, discarded: bool = False) -> list[Found]:
    found: list[Found] = []
    for where in places:
        try:
            letters = where.letters(discarded=discarded)
        except StoreError as error:
            _note(problems, error)
        else:
            found += [Found(letter, where) for letter in letters if place in (None, letter.place)]
    return found


def _note(problems: list[str], error: VedetteError) -> None:
    problems.append(str(error))
    complain(str(error))


def _only(found: list[Found], uuid: str) -> Found:
    matching = [one for one in found if one.letter.uuid == uuid]
    if not matching:
        complain(f"{uuid}: there is no such dead letter")
        raise typer.Exit(Exit.NO)
    if len(matching) > 1:
        names = ", ".join(one.letter.place for one in matching)
        raise typer.BadParameter(f"{uuid} is in {names}; say which with --in")
    return matching[0]


def _line(letter: Letter) -> str:
    at = f"{to_datetime(letter.at):%Y-%m-%d %H:%M:%S}"
    tries = "" if letter.attempts is None else f" after {letter.attempts} attempts"
    where = f"{letter.field}: " if letter.field else ""
    end = "" if letter.discarded is None else f" (discarded: {letter.discarded})"
    return f"{letter.uuid}  {at}  {letter.place}  {letter.sender}{tries}  {where}{letter.reason}{end}"
