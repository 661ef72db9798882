"""`vedette hosts`: which host runs what of a fleet, and what each needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from registry.directory import AgentEntry, Directory
from vedette.cli.host_lines import host_lines, on_no_host
from vedette.cli.host_pack import HostPack
from vedette.cli.host_status import host_states
from vedette.cli.output import JSON_OPTION, Exit, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.agents import Agent
from vedette.clock import SystemClock
from vedette.configuration.hosts import Hosts, load_hosts

app = typer.Typer(no_args_is_help=True, help="Which host runs what: list, ask who is there, pack what one needs.")

HOST_OPTION = typer.Option(Path("hosts.yml"), "--host", help="The file that says which host runs what.")
OUTPUT_OPTION = typer.Option(..., "-o", "--output", help="The archive to write, .tar.gz; it holds secrets.")
NAME_ARGUMENT = typer.Argument(help="The host, as the file names it.")


@app.command(name="list")
def list_hosts(host: Path = HOST_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Say what each host runs, and what none does."""
    hosts = load_hosts(host)
    if as_json:
        known = hosts.configuration.hosts.items()
        print_json({"hosts": {name: section.described() for name, section in known}, "on_no_host": hosts.missing()})
        return
    for line in host_lines(hosts):
        print_line(line)


@app.command()
def status(
    host: Path = HOST_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Say whether each host's agents are there; 0 only if all are, and no host lacks."""
    hosts = load_hosts(host)
    states = host_states(hosts, _known(hosts, url=url, key_file=key_file, ca=ca))
    missing = hosts.missing()
    if as_json:
        print_json({"hosts": [state.described() for state in states], "on_no_host": missing})
    else:
        for line in (*(line for state in states for line in state.lines()), *on_no_host(missing)):
            print_line(line)
    if missing or not all(state.is_up for state in states):
        raise typer.Exit(Exit.NO)


def _known(hosts: Hosts, *, url: str | None, key_file: Path | None, ca: Path | None) -> Sequence[AgentEntry | Agent]:
    """Return all agents that were ever enrolled: from the hub that is asked, else from the store."""
    if is_remote(url, key_file=key_file, ca=ca):
        with asking(url, key_file=key_file, ca=ca) as hub:
            return list(hub.rows(lambda hub: hub.agents.list(revoked=True)))
    _, paths = open_fleet(hosts.paths.file)
    with open_store(paths) as database:
        return asyncio.run(Directory(database=database, clock=SystemClock()).agents(revoked=True))


@app.command()
def pack(
    name: str = NAME_ARGUMENT,
    output: Path = OUTPUT_OPTION,
    host: Path = HOST_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write what a host needs besides the program: its files, credentials and CA, and nothing else."""
    packed = HostPack(hosts=load_hosts(host), name=name).write(output)
    if as_json:
        print_json({"file": str(output), "holds": packed})
        return
    print_line(f"{output}: {len(packed)} files, secrets among them; bring it to {name} on a safe way, then delete it")
    for path in packed:
        print_line(f"  {path}")
