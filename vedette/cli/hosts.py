"""`vedette hosts`: which host runs what of a fleet, and what each needs."""

from __future__ import annotations

from pathlib import Path

import typer

from vedette.cli.host_lines import host_lines
from vedette.cli.host_pack import HostPack
from vedette.cli.output import JSON_OPTION, print_json, print_line
from vedette.configuration.hosts import load_hosts

app = typer.Typer(no_args_is_help=True, help="Which host runs what: list; pack what one needs.")

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
