"""`vedette keys`: API keys of programs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import typer

from registry.callers import Scope
from registry.keys import ApiKey, Keys
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime
from vedette.errors import RefusedError

app = typer.Typer(no_args_is_help=True, help="API keys of programs: create, list, revoke.")

NAME_ARGUMENT = typer.Argument(help="What it is for, such as feeds; records name its holder so.")
SCOPES_OPTION = typer.Option(
    ..., "--scope", help="read, share, ingest, operate or admin; may be given more than once."
)
EXPIRES_OPTION = typer.Option(..., "--expires", help="After what time: 12h, 90d, 1y, or never.")
ID_ARGUMENT = typer.Argument(help="The key's id, as 'vedette keys list' shows it.")

_SPAN = re.compile(r"([1-9][0-9]{0,4})([hdy])\Z")
_SECONDS = {"h": 3600, "d": 86_400, "y": 365 * 86_400}
_DAY = 86_400_000_000


@app.command()
def create(
    name: str = NAME_ARGUMENT,
    scopes: list[Scope] = SCOPES_OPTION,
    expires: str = EXPIRES_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a key and print it, this once: the store keeps its hash only."""
    lifetime = _lifetime(expires)
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        keys = Keys(database=database, clock=SystemClock())
        try:
            wish = keys.issue(name=name, scopes=set(scopes), lifetime=lifetime, by=command_line_actor())
            key = asyncio.run(wish)
        except RefusedError as error:
            raise typer.BadParameter(str(error)) from error
    if as_json:
        print_json({"name": name, "scopes": sorted(set(scopes)), "expires": expires, "key": key})
    else:
        print_line(key)


@app.command(name="list")
def list_keys(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """List every key that was ever made; the keys themselves nobody can show."""
    _, paths = open_fleet(config)
    clock = SystemClock()
    with open_store(paths) as database:
        found = asyncio.run(Keys(database=database, clock=clock).all())
    if as_json:
        print_json([_described(key, clock.now()) for key in found])
        return
    for key in found:
        print_line(_line(key, clock.now()))
    if not found:
        print_line("There are no keys; run: vedette keys create NAME --scope read --expires 90d")


@app.command()
def revoke(id: str = ID_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Refuse a key from now on; a running hub does so within a second."""
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        try:
            asyncio.run(Keys(database=database, clock=SystemClock()).revoke(id, by=command_line_actor()))
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    if as_json:
        print_json({"id": id, "revoked": True})
    else:
        print_line(f"{id} is revoked")


def _lifetime(text: str) -> float | None:
    if text == "never":
        return None
    match = _SPAN.match(text)
    if match is None:
        raise typer.BadParameter("--expires: must be such as 12h, 90d, 1y, or never")
    return float(int(match[1]) * _SECONDS[match[2]])


def _state(key: ApiKey, now: int) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.is_good(now) else "expired"


def _described(key: ApiKey, now: int) -> dict[str, object]:
    names = ("id", "name", "agent", "created_at", "expires_at", "revoked_at", "last_used_day")
    return {name: getattr(key, name) for name in names} | {"scopes": sorted(key.scopes), "state": _state(key, now)}


def _line(key: ApiKey, now: int) -> str:
    used = "never used" if key.last_used_day is None else f"used {to_datetime(key.last_used_day * _DAY):%Y-%m-%d}"
    ends = "" if key.expires_at is None else f"  expires {_date(key.expires_at)}"
    return f"{key.id}  {_state(key, now):<8} {' '.join(sorted(key.scopes)):<12} {key.holder}  {used}{ends}"


def _date(at: int) -> str:
    try:
        return f"{to_datetime(at):%Y-%m-%d}"
    except (OverflowError, ValueError):
        return "after the calendar's end"
