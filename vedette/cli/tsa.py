"""`vedette tsa`: the fleet's time-stamping authorities, and the local one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.tsa_add import add
from vedette.cli.tsa_list import list_authorities, remove
from vedette.clock import SystemClock, to_datetime
from vedette.errors import VedetteError
from vedette.evidence.authority.identity import create_identity, roots_path
from vedette.evidence.authority.process import serve

app = typer.Typer(no_args_is_help=True, help="Time-stamping authorities: external ones, and the local one.")

app.command("add")(add)
app.command("list")(list_authorities)
app.command("remove")(remove)

_Folder = Annotated[Path, typer.Option(help="Where the authority's keys and certificates are.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _refuse(error: VedetteError) -> typer.Exit:
    """Say what is wrong on stderr and return exit 2: wrong use or configuration."""
    typer.echo(str(error), err=True)
    return typer.Exit(2)


@app.command()
def init(folder: _Folder, as_json: _AsJson = False) -> None:
    """Make a root, a time-stamping certificate and their keys."""
    try:
        identity = create_identity(folder, clock=SystemClock())
    except VedetteError as error:
        raise _refuse(error) from error
    roots = roots_path(folder)
    until = to_datetime(identity.not_after).date().isoformat()
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "roots": str(roots), "not_after": identity.not_after}))
        return
    typer.echo(f"Made a local time-stamping authority in {folder}, valid until {until}.")
    typer.echo("Its time is self-asserted: it proves order and integrity to those who trust this machine's clock.")
    typer.echo(f"Verifiers need {roots}.")


@app.command("serve")
def serve_command(
    folder: _Folder,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    parent_pid: Annotated[int | None, typer.Option(help="End when this parent process ends.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The ready line is JSON either way.")] = False,
) -> None:
    """Answer RFC 3161 requests over HTTP; prints one line of JSON with the URL when ready."""
    del as_json
    try:
        asyncio.run(serve(folder=folder, host=host, port=port, parent_pid=parent_pid))
    except VedetteError as error:
        raise _refuse(error) from error
