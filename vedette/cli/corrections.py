"""`vedette corrections`: what people correct in what was read of texts; and what a model can learn from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import Any, TypeVar

import orjson
import typer

from registry.callers import Actor
from registry.corrections import Corrections, NoAnnotationError, UnknownCorrectionError
from registry.graph import graph_database
from registry.graph_corrections import CorrectionLine
from vedette.cli.actor import command_line_actor
from vedette.cli.output import JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.places import Place, at_a_place
from vedette.cli.remote import asking
from vedette.cli.store import open_fleet, open_store
from vedette.client.client import VedetteClient
from vedette.client.corrections import ReadCorrection
from vedette.clock import SystemClock, to_datetime
from vedette.errors import RefusedError
from vedette.extraction.prose.corrections.kinds import Correction, parse_correction

app = typer.Typer(no_args_is_help=True, help="What was read wrongly: list, add, undo; export as training data.")


class Kind(StrEnum):
    """What is learnt."""

    ENTITIES = "entities"
    RELATIONS = "relations"


ITEM_ARGUMENT = typer.Argument(help="The item's uuid.")
CORRECTION_ARGUMENT = typer.Argument(help="What is corrected, as JSON (see docs/corrections.md); - reads it.")
NUMBER_ARGUMENT = typer.Argument(min=1, help="The correction's number; list shows it.")
WHY_OPTION = typer.Option("", "--why", help="The reason, if that is not plain; it is kept.")
OF_OPTION = typer.Option(Kind.ENTITIES, "--of", help="Tagged sentences, or related pairs.")

T = TypeVar("T")
Answer = dict[str, Any]


@app.command(name="list")
@at_a_place
def list_corrections(place: Place, item: str = ITEM_ARGUMENT, as_json: bool = JSON_OPTION) -> None:
    """List the corrections of an item in their order; those that were taken back are among them."""
    if place.is_hub:
        found = [_sent(one) for one in _ask(place, lambda hub: hub.corrections.of_item(item))]
    else:
        annotated = _here(place, lambda known: known.of_item(item, tokens=False))
        found = [_told(line, annotated.unfit.get(line.id, "")) for line in annotated.lines]
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        _print(one)
    if not found and not as_json:
        print_line("Nobody corrected it.")


@app.command()
@at_a_place
def add(
    place: Place,
    item: str = ITEM_ARGUMENT,
    correction: str = CORRECTION_ARGUMENT,
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Correct what was read of an item; the graph follows."""
    said = _parsed(sys.stdin.read() if correction == "-" else correction)
    made = _changed(
        place,
        of_hub=lambda hub: hub.corrections.add(item, said, why=why),
        here=lambda known, by: known.add(item, said, why=why, by=by),
    )
    print_json(made) if as_json else _print(made)


@app.command()
@at_a_place
def undo(
    place: Place,
    item: str = ITEM_ARGUMENT,
    number: int = NUMBER_ARGUMENT,
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Take a correction back; the graph says again what it would say without it."""
    undone = _changed(
        place,
        of_hub=lambda hub: hub.corrections.undo(item, number, why=why),
        here=lambda known, by: known.undo(item, number, why=why, by=by),
    )
    print_json(undone) if as_json else _print(undone)


@app.command()
@at_a_place
def export(place: Place, of: Kind = OF_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Print what a model can learn from all corrections: an object a line, in the form of the data sets."""
    if place.is_hub:
        with asking(place.url, key_file=place.key_file, ca=place.ca) as hub:
            _print_lines(hub.rows(lambda hub: hub.corrections.lessons(of=of.value)), as_json=as_json)
    else:
        _print_lines(iter(_here(place, lambda known: _lessons(known, of))), as_json=as_json)


async def _lessons(known: Corrections, of: Kind) -> list[Answer]:
    return [
        line
        async for lessons in known.lessons()
        for line in (lessons.entities if of is Kind.ENTITIES else lessons.relations)
    ]


def _print_lines(lines: Iterator[Answer], *, as_json: bool) -> None:
    if as_json:
        print_json(list(lines))
        return
    for line in lines:
        sys.stdout.write(orjson.dumps(line).decode() + "\n")


def _parsed(text: str) -> Correction:
    try:
        return parse_correction(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise RefusedError("correction", f"is no JSON: {error}") from error


def _changed(
    place: Place,
    *,
    of_hub: Callable[[VedetteClient], Coroutine[Any, Any, ReadCorrection]],
    here: Callable[[Corrections, Actor], Coroutine[Any, Any, CorrectionLine]],
) -> Answer:
    """Change something where the options say, and return the correction as it is then."""
    if place.is_hub:
        return _sent(_ask(place, of_hub))
    by = command_line_actor()
    return _told(_here(place, lambda known: here(known, by)))


def _ask(place: Place, work: Callable[[VedetteClient], Coroutine[Any, Any, T]]) -> T:
    with asking(place.url, key_file=place.key_file, ca=place.ca) as hub:
        return hub.run(work)


def _here(place: Place, work: Callable[[Corrections], Coroutine[Any, Any, T]]) -> T:
    with _corrections(place) as known:
        try:
            return asyncio.run(work(known))
        except (NoAnnotationError, UnknownCorrectionError) as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error


@contextmanager
def _corrections(place: Place) -> Iterator[Corrections]:
    """Give the corrections of the graph here."""
    _, paths = open_fleet(place.config)
    with open_store(paths) as store, graph_database(paths.graph_url) as graph:
        yield Corrections.over(graph, store=store, clock=SystemClock())


def _sent(one: ReadCorrection) -> Answer:
    return one.model_dump(mode="json")


def _told(line: CorrectionLine, unfit: str = "") -> Answer:
    return asdict(line) | {"correction": line.correction.model_dump(), "unfit": unfit}


def _print(one: Answer) -> None:
    state = "taken back" if one["undone_at"] is not None else "does not fit" if one["unfit"] else "counts"
    at = f"{to_datetime(one['made_at']):%Y-%m-%d %H:%M:%S}"
    why = f": {one['why']}" if one["why"] else ""
    print_line(f"{one['id']:>6}  {at}  {state:<12} {parse_correction(one['correction'])} ({one['made_by']}{why})")
