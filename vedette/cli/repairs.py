"""`vedette repairs`: what is wrong, why, and what to do about it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from registry.repairs import Look, RepairLine, Repairs, RepairState, RepairsWanted
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.repairs import Repair
from vedette.clock import MICROSECONDS, SystemClock, to_datetime

STATE_OPTION = typer.Option(None, "--state", help="Only those: open, noted or ended; those to be done unless said.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Repairs at most, those seen last first.")

STALE = 600 * MICROSECONDS
"""A fleet that runs looks much more often."""


def repairs(
    state: RepairState | None = STATE_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what is wrong, why, and what to do; exit 1 if some of it is open: nobody took note of it."""
    ended = False if state is None else None
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            call = hub.rows(lambda hub: hub.repairs.list(state=state, ended=ended, limit=limit))
            _show([(one, one.model_dump(mode="json")) for one in call], as_json=as_json)
        return
    _, paths = open_fleet(config)
    wanted, clock = RepairsWanted(state=state, ended=ended), SystemClock()
    with open_store(paths) as database:
        known = Repairs(database=database, clock=clock)
        page = asyncio.run(known.page(wanted=wanted, limit=limit))
        looks = asyncio.run(known.looks())
    _say_who_looked(looks, clock.now())
    _show([(one, asdict(one)) for one in page.rows], as_json=as_json)


def _say_who_looked(looks: list[Look], now: int) -> None:
    """Say that the list is old, which it is while no fleet runs."""
    last = max((look.at for look in looks), default=None)
    if last is None:
        complain("nobody has looked yet; start the fleet: vedette up")
    elif now - last > STALE:
        complain(f"nobody has looked since {_at(last)} UTC; is the fleet up?")


def _show(found: list[tuple[RepairLine | Repair, dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        print_json([described for _, described in found])
    for one, _ in () if as_json else found:
        print_line(
            f"{one.id:>5}  {_at(one.since)}  {one.state:<5} {one.severity:<8} {one.kind} {one.place}: {one.what}"
        )
        print_line(f"       why: {one.cause}; what to do: {one.remedy}")
        if one.noted_by:
            print_line(f"       noted by {one.noted_by}: {one.noted_why}")
    if not found and not as_json:
        print_line("Nothing is wrong.")
    if any(one.state == RepairState.OPEN for one, _ in found):
        raise typer.Exit(Exit.NO)


def _at(microseconds: int) -> str:
    return f"{to_datetime(microseconds):%Y-%m-%d %H:%M:%S}"
