"""`vedette users`: the people who may log in."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import typer

from registry.roles import UserRole
from registry.setup_links import LIFETIME
from registry.users import User, Users
from vedette.access.password_hash import Passwords
from vedette.access.rules import MAX_PASSWORD, check_name, check_password
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.setup_link import new_link
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime
from vedette.errors import RefusedError

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="People who may log in: add, list, passwd, role, disable, enable.")

NAME_ARGUMENT = typer.Argument(help="The name that the person types at the login.")
PERSON_ARGUMENT = typer.Argument(None, help="Whose password it sets; without, it makes an administrator.")
ROLE_OPTION = typer.Option(
    UserRole.VIEWER, "--role", help="viewer reads; operator also pauses, replays and runs; ingest only hands in."
)
ROLE_ARGUMENT = typer.Argument(help="viewer, operator, ingest or admin.")


@app.command()
def add(
    name: str = NAME_ARGUMENT,
    role: UserRole = ROLE_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let a person log in; the password is asked for, or is the first line of stdin."""
    stored = _new_hash(check_name(name))
    user = _do(config, lambda users: users.add(name=name, role=role, password_hash=stored, by=command_line_actor()))
    _say(as_json, {"name": user.name, "role": user.role}, f"{user.name} may log in as {user.role}")


@app.command(name="list")
def list_users(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """List everybody who may log in, or might once."""
    people = _do(config, lambda users: users.all())
    if as_json:
        print_json([asdict(user) for user in people])
        return
    for user in people:
        print_line(_line(user))
    if not people:
        print_line("Nobody can log in yet; run: vedette users setup-link")


@app.command()
def passwd(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Set a person's password; it is asked for, or is the first line of stdin. Their sessions end."""
    stored = _new_hash(check_name(name))
    _do(config, lambda users: users.set_password(name, stored, by=command_line_actor()))
    _say(as_json, {"name": name, "changed": "password"}, f"{name} has a new password and must log in again")


@app.command()
def role(
    name: str = NAME_ARGUMENT,
    role: UserRole = ROLE_ARGUMENT,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change what a person may do. Their sessions end."""
    _do(config, lambda users: users.set_role(name, role, by=command_line_actor()))
    _say(as_json, {"name": name, "role": role.value}, f"{name} is {role.value} now and must log in again")


@app.command()
def disable(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Keep a person out from now on. Their sessions end; what they did stays theirs."""
    _do(config, lambda users: users.disable(name, by=command_line_actor()))
    _say(as_json, {"name": name, "disabled": True}, f"{name} may not log in any more")


@app.command()
def enable(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Let a person who was disabled log in again."""
    _do(config, lambda users: users.enable(name, by=command_line_actor()))
    _say(as_json, {"name": name, "disabled": False}, f"{name} may log in again")


@app.command(name="setup-link")
def setup_link(
    name: str | None = PERSON_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION
) -> None:
    """Print a link that makes an administrator, or lets a person choose a new password: good once, for an hour."""
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        making = new_link(configuration, paths, database=database, clock=SystemClock(), person=name)
        try:
            link = asyncio.run(making)
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    _say(as_json, {"link": link, "seconds": LIFETIME}, f"Good once, for an hour: {link}")


def _do(config: Path | None, work: Callable[[Users], Awaitable[T]]) -> T:
    """Do something to the people of the store; what is refused is the answer no."""
    _, paths = open_fleet(config)

    async def run() -> T:
        return await work(Users(database=database, clock=SystemClock()))

    with open_store(paths) as database:
        try:
            return asyncio.run(run())
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error


def _new_hash(name: str) -> str:
    """Return the hash of a password that somebody gives now; on the command line everybody could read it."""
    return Passwords().hash(check_password(_ask(), name=name))


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(4 * MAX_PASSWORD).rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise typer.BadParameter("the two differ")
    return password


def _say(as_json: bool, value: dict[str, object], text: str) -> None:
    if as_json:
        print_json(value)
    else:
        print_line(text)


def _line(user: User) -> str:
    login = "never" if user.last_login_at is None else f"{to_datetime(user.last_login_at):%Y-%m-%d %H:%M}"
    state = "" if user.disabled_at is None else "  disabled"
    return f"{user.name:<24} {user.role:<9} last login {login}{state}"
