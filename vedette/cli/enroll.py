"""`vedette enroll` and `vedette revoke`: who may speak, in which role."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from registry.database import Database
from vedette.cli.actor import command_line_actor
from vedette.cli.api_address import api_url
from vedette.cli.carrier import accounts_of, carrier_of
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.probe import load_probe
from vedette.errors import ConfigurationError, RefusedError
from vedette.messages.card import Role

NAME_ARGUMENT = typer.Argument(help="The account: the part of the JID before the @.")
ROLE_OPTION = typer.Option(..., "--role", help="What the agent does; nothing else is accepted from it.")
PASSWORD_OPTION = typer.Option(None, "--password-from", help="Take the password from this probe file's passwd.")
UNSIGNED_OPTION = typer.Option(False, "--unsigned", help="Also accept bare SCANDALE messages from it.")


def enroll(
    name: str = NAME_ARGUMENT,
    role: Role = ROLE_OPTION,
    unsigned: bool = UNSIGNED_OPTION,
    password_from: Path | None = PASSWORD_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make an account, allow the role, make the signing key, and write the credentials file (mode 0600)."""
    configuration, paths = open_fleet(config)
    paths.make()
    password = None if password_from is None else configured_password(password_from)
    with open_store(paths) as database:
        enrolment = _enrolment(configuration, paths, database)
        file = asyncio.run(enrolment.enrol(Wanted(name=name, role=role, unsigned=unsigned, password=password)))
        jid = enrolment.jid(name)
    if as_json:
        print_json({"jid": jid, "role": role.value, "credentials": str(file)})
    else:
        print_line(f"{jid} is enrolled as {role.value}; its credentials: {file}")


def configured_password(file: Path) -> str:
    """Return the password that a probe's configuration has: SCANDALE's files keep working as they are.

    Raises:
        ConfigurationError: the file is wrong, or has no `passwd`.
    """
    probe = load_probe(file)
    if probe.passwd is None:
        raise ConfigurationError(str(file), "passwd", "is not there; leave out --password-from")
    return probe.passwd.get_secret_value()


def revoke(name: str = NAME_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Take account, role and credentials away; what the agent sent before stays."""
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        enrolment = _enrolment(configuration, paths, database)
        try:
            asyncio.run(enrolment.revoke(name))
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
        jid = enrolment.jid(name)
    if as_json:
        print_json({"jid": jid, "revoked": True})
    else:
        print_line(f"{jid} is revoked: from now on it is a stranger")


def _enrolment(configuration: FleetConfiguration, paths: FleetPaths, database: Database) -> Enrolment:
    accounts = accounts_of(configuration, paths)
    if accounts is None:
        reason = f"accounts on {configuration.xmpp.server} are not ours to make; run this where its ejabberd runs"
        raise ConfigurationError(str(paths.file), "xmpp.server", reason)
    carrier = carrier_of(configuration, paths)
    return Enrolment(
        configuration=configuration,
        paths=paths,
        database=database,
        accounts=accounts,
        server=carrier.server,
        others=carrier.others,
        ca=carrier.ca,
        clock=SystemClock(),
        hub=api_url(configuration, paths),
        by=command_line_actor(),
    )
