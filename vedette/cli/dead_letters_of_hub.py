"""`vedette dead-letters --url`: what a hub gave up, through its API."""

from __future__ import annotations

from pathlib import Path

import typer

from vedette.cli.output import Exit, complain, print_json, print_line
from vedette.cli.remote import asking
from vedette.client import BlockingClient
from vedette.client.operations import DeadLetter
from vedette.clock import to_datetime


def list_at_hub(
    url: str | None, key_file: Path | None, ca: Path | None, *, place: str | None, discarded: bool, as_json: bool
) -> None:
    """List the dead letters of a hub's queues and of its machine's outboxes."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        found = list(hub.rows(lambda hub: hub.dead_letters.list(place=place, discarded=discarded)))
    if as_json:
        print_json([letter.model_dump(mode="json") for letter in found])
        return
    for letter in found:
        print_line(_line(letter))
    if not found:
        print_line("No dead letters.")


def show_at_hub(
    url: str | None, key_file: Path | None, ca: Path | None, uuid: str, *, place: str | None, as_json: bool
) -> None:
    """Show a dead letter with its reason, its sender and the whole item."""
    with asking(url, key_file=key_file, ca=ca) as hub:
        found = _only(hub, uuid, place=place)
        letter = hub.run(lambda hub: hub.dead_letters.get(found.place, found.uuid))
    if as_json:
        print_json(letter.model_dump(mode="json"))
    else:
        print_line(_line(letter))
        print_json(letter.item)


def decide_at_hub(
    url: str | None,
    key_file: Path | None,
    ca: Path | None,
    uuids: list[str],
    *,
    place: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Replay dead letters, or with a reason discard them; all are found before the first is changed."""
    verb = "replayed" if reason is None else "discarded"
    with asking(url, key_file=key_file, ca=ca) as hub:
        chosen = [_only(hub, uuid, place=place) for uuid in dict.fromkeys(uuids)]
        for letter in chosen:
            _decide(hub, letter, reason)
            if not as_json:
                print_line(f"{letter.uuid} {verb} in {letter.place}")
    if as_json:
        print_json([{"uuid": letter.uuid, "place": letter.place, "done": verb} for letter in chosen])


def _decide(hub: BlockingClient, letter: DeadLetter, reason: str | None) -> None:
    if reason is None:
        hub.run(lambda hub: hub.dead_letters.replay(letter))
    else:
        hub.run(lambda hub: hub.dead_letters.discard(letter, reason=reason))


def _only(hub: BlockingClient, uuid: str, *, place: str | None) -> DeadLetter:
    found = hub.run(lambda hub: hub.dead_letters.find(uuid, place=place))
    if not found:
        complain(f"{uuid}: there is no such dead letter")
        raise typer.Exit(Exit.NO)
    if len(found) > 1:
        names = ", ".join(letter.place for letter in found)
        raise typer.BadParameter(f"{uuid} is in {names}; say which with --in")
    return found[0]


def _line(letter: DeadLetter) -> str:
    at = f"{to_datetime(letter.at):%Y-%m-%d %H:%M:%S}"
    tries = "" if letter.attempts is None else f" after {letter.attempts} attempts"
    where = f"{letter.field}: " if letter.field else ""
    end = "" if letter.discarded_at is None else f" (discarded: {letter.why})"
    return f"{letter.uuid}  {at}  {letter.place}  {letter.sender}{tries}  {where}{letter.reason}{end}"
