"""`vedette xmpp person`: people who see the fleet and speak to it from their chat client."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from ejabberd.accounts import Accounts, check_name, new_password
from registry.directory import AgentEntry, Directory
from vedette.cli.carrier import accounts_of, carrier_of
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.cli.tsa_files import read_text, replace_text
from vedette.cli.tsa_records import record, refused_edit
from vedette.clock import SystemClock
from vedette.configuration.editing import EditError, with_person, without_person
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError, RefusedError
from vedette.people.contacts import Contact
from vedette.people.person import PersonRole

app = typer.Typer(
    no_args_is_help=True, help="People at a chat client: who sees the fleet and may speak to it. Works at once."
)

JID_ARGUMENT = typer.Argument(help="A name, which becomes an account here, or a whole JID: anna@example.org.")
ROLE_OPTION = typer.Option(
    PersonRole.READ, "--role", help="read sees; operate also runs tools and cancels jobs; admin whatever else."
)
EXISTING_OPTION = typer.Option(False, "--existing", help="The account is there already: only put it in the list.")


@app.command()
def add(
    jid: str = JID_ARGUMENT,
    role: PersonRole = ROLE_OPTION,
    existing: bool = EXISTING_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a person's account, show its password once, and put the person in the list `people`."""
    configuration, paths = open_fleet(config)
    whole = _whole(jid, configuration)
    text = read_text(paths.file)
    try:
        changed = with_person(text, {"jid": whole, "role": role.value}, place=str(paths.file))
    except EditError as error:
        raise refused_edit(error) from error
    agents = _agents(paths)
    if whole in {agent.jid for agent in agents}:
        complain(f"{whole} is an agent's; take another name")
        raise typer.Exit(Exit.NO)
    accounts = accounts_of(configuration, paths)
    password = None if accounts is None or existing else _new_account(accounts, whole)
    replace_text(paths.file, text, changed)
    record(paths, action="person.add", name=whole, detail=f"role {role.value}")
    seen = 0 if password is None else _fill_in(agents, whole, password, configuration, paths)
    if as_json:
        print_json({"jid": whole, "role": role.value, "password": password, "contacts": seen})
        return
    print_line(f"{whole} may see the fleet and speak to it (role {role.value})")
    if password is not None:
        print_line(f"password, shown this once: {password}")
    if not seen:
        registry = f"{configuration.registry.name}@{configuration.xmpp.domain}"
        print_line(f"add the contact {registry} in the chat client; it offers the others")


@app.command(name="list")
def list_people(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """List who is in the allow-list."""
    configuration, _ = open_fleet(config)
    if as_json:
        print_json([person.model_dump(mode="json") for person in configuration.people])
        return
    for person in configuration.people:
        print_line(f"{person.jid:<40} {person.role.value}")
    if not configuration.people:
        print_line("Nobody sees the fleet from a chat client yet; run: vedette xmpp person add NAME")


@app.command()
def password(jid: str = JID_ARGUMENT, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Give a person a new password, shown once; who is logged in with the old one is thrown out."""
    configuration, paths = open_fleet(config)
    whole = _whole(jid, configuration)
    _listed(whole, configuration, paths)
    accounts = None if _is_agent(whole, paths) else accounts_of(configuration, paths)
    if accounts is None:
        raise ConfigurationError(str(paths.file), "xmpp.server", "has the account, and it is not ours to change")
    new = new_password()
    accounts.create(check_name(whole.partition("@")[0]), new)
    record(paths, action="person.password", name=whole, detail="")
    if as_json:
        print_json({"jid": whole, "password": new})
    else:
        print_line(f"new password of {whole}, shown this once: {new}")


@app.command()
def remove(
    jid: str = JID_ARGUMENT,
    existing: bool = typer.Option(False, "--keep-account", help="Take the person out of the list only."),
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Take a person out of the list and their account away; their sessions end."""
    configuration, paths = open_fleet(config)
    whole = _whole(jid, configuration)
    text = read_text(paths.file)
    _listed(whole, configuration, paths)
    try:
        changed = without_person(text, whole, place=str(paths.file))
    except EditError as error:
        raise refused_edit(error) from error
    # The list first: an account without a role is a stranger's, a role without an account could be taken by anybody.
    replace_text(paths.file, text, changed)
    accounts = accounts_of(configuration, paths)
    if accounts is not None and not existing and not _is_agent(whole, paths):
        accounts.remove(whole.partition("@")[0])
    record(paths, action="person.remove", name=whole, detail="")
    if as_json:
        print_json({"jid": whole, "removed": True})
    else:
        print_line(f"{whole} sees the fleet no more")


def _whole(jid: str, configuration: FleetConfiguration) -> str:
    return jid if "@" in jid else f"{jid}@{configuration.xmpp.domain.lower()}"


def _listed(jid: str, configuration: FleetConfiguration, paths: FleetPaths) -> None:
    if jid not in {person.jid for person in configuration.people}:
        complain(f"{jid} is not in the list 'people' of {paths.file}; see: vedette xmpp person list")
        raise typer.Exit(Exit.NO)


def _is_agent(jid: str, paths: FleetPaths) -> bool:
    return jid in {agent.jid for agent in _agents(paths)}


def _agents(paths: FleetPaths) -> list[AgentEntry]:
    """Return who has or had an agent's account: it must get neither a person's rights nor another password."""
    with open_store(paths) as database:
        return asyncio.run(Directory(database=database, clock=SystemClock()).agents(revoked=True))


def _fill_in(
    agents: list[AgentEntry], jid: str, password: str, configuration: FleetConfiguration, paths: FleetPaths
) -> int:
    """Fill the person's contact list in; returns how many are in it."""
    contacts = [Contact(jid=agent.jid, role=agent.role.value) for agent in agents if agent.revoked_at is None]
    try:
        carrier = carrier_of(configuration, paths)
    except ConfigurationError:
        return 0
    # Only now: a command about a list needs no XMPP client.
    from vedette.cli.person_contacts import fill_in

    return fill_in(contacts, jid=jid, password=password, carrier=carrier)


def _new_account(accounts: Accounts, jid: str) -> str:
    name = jid.partition("@")[0]
    try:
        check_name(name)
        if name in accounts.names():
            complain(f"{name} is an account already; take another name, or say --existing if it is this person's")
            raise typer.Exit(Exit.NO)
        password = new_password()
        accounts.create(name, password)
    except RefusedError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error
    return password
