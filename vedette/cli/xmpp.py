"""`vedette xmpp`: a private ejabberd from nothing to checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ejabberd.account_database import AccountDatabase
from ejabberd.check import Report, Target, check_server
from ejabberd.cluster import Cluster
from ejabberd.configuration import initialise, load
from ejabberd.server import EjabberdServer, stop_by_api
from ejabberd.settings import Layout, XmppSettings
from vedette.cli.output import Exit, complain, print_line
from vedette.cli.person import app as person_app
from vedette.cli.readiness import tell_ready
from vedette.cli.running import stop_on_signals
from vedette.clock import to_datetime
from vedette.errors import ConfigurationError, ConnectionFailedError, VedetteError

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, help="The production XMPP server: make, start, stop and check a private ejabberd."
)

app.add_typer(person_app, name="person")

Folder = Annotated[Path, typer.Option(help="Folder of the server: configuration, certificates, database, logs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what to connect to where all is listened on


@app.command()
def init(
    folder: Folder,
    domain: Annotated[str, typer.Option(help="The XMPP domain: what stands after the @ of every JID.")],
    host: Annotated[list[str] | None, typer.Option(help="A further name or address, for the certificate.")] = None,
    listen: Annotated[str, typer.Option(help="Address to listen on; :: for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for clients; 0 chooses a free one.")] = 5222,
    node: Annotated[
        str, typer.Option(help="Name of its Erlang node in a cluster: NAME@HOST.")
    ] = "ejabberd@localhost",
    node_address: Annotated[str, typer.Option(help="Private address of the node, for the others.")] = "127.0.0.1",
    node_port: Annotated[int, typer.Option(help="Port of the node, the same on each; 0 chooses one.")] = 0,
    accounts: Annotated[
        str,
        typer.Option(
            envvar="VEDETTE_XMPP_ACCOUNTS",
            help="PostgreSQL with the accounts, postgresql://USER:PASSWORD@HOST/DATABASE; best as the variable.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Render the configuration and make the private CA and the server's certificate. Safe to run again."""

    def work() -> dict[str, Any]:
        settings = XmppSettings(
            domain=domain,
            hosts=tuple(host or ()),
            listen=listen,
            port=port,
            node=node,
            node_interface=node_address,
            node_port=node_port,
            accounts=accounts,
        )
        settings = initialise(folder, settings)
        if settings.accounts:
            AccountDatabase.parse(settings.accounts).prepare()
        return {"folder": str(folder), **_public(settings), "ca_file": str(Layout(folder=folder).tls / "ca.pem")}

    result = _guard(work, as_json)
    _show(
        result,
        as_json,
        f"{folder}: ejabberd for {domain} on port {result['port']}; start it with: vedette xmpp up --folder {folder}",
    )


@app.command()
def up(
    folder: Folder,
    detach: Annotated[bool, typer.Option(help="Leave it running in the background.")] = False,
    as_json: Json = False,
) -> None:
    """Start the server and wait until it accepts connections; in the foreground it stops with Ctrl-C."""
    server = _guard(lambda: EjabberdServer(folder, tied=not detach), as_json)

    def announce() -> None:
        result = {"domain": server.domain, "port": server.port, "pid": server.pid, "ca_file": str(server.ca_file)}
        _show(result, as_json, f"ejabberd for {server.domain} is up on port {server.port} (process {server.pid})")

    _guard(lambda: asyncio.run(_up(server, announce, detach=detach)), as_json)


@app.command()
def down(folder: Folder, as_json: Json = False) -> None:
    """Stop the server; exit 1 if none was running."""
    stopped = _guard(lambda: stop_by_api(folder), as_json)
    _show({"stopped": stopped}, as_json, "stopped" if stopped else "no server is running")
    raise typer.Exit(Exit.GOOD if stopped else Exit.NO)


@app.command()
def check(
    folder: Annotated[Path | None, typer.Option(help="Folder of a server made by `vedette xmpp init`.")] = None,
    domain: Annotated[str | None, typer.Option(help="Instead of a folder: the XMPP domain.")] = None,
    server: Annotated[str | None, typer.Option(help="Instead of a folder: HOST:PORT.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Instead of a folder: PEM of the CA to trust.")] = None,
    as_json: Json = False,
) -> None:
    """Connect as a client would, verify TLS and report; exit 1 if the server cannot be reached or trusted."""
    target = _guard(lambda: _target(folder, domain, server, ca_file), as_json)
    report = _guard(lambda: check_server(target), as_json)
    result = asdict(report) | {"domain": target.domain, "good": not report.problems}
    _show(result, as_json, _describe(target, report))
    raise typer.Exit(Exit.NO if report.problems else Exit.GOOD)


@app.command()
def join(
    folder: Folder,
    node: Annotated[str, typer.Argument(help="A node that is in the cluster: NAME@HOST.")],
    as_json: Json = False,
) -> None:
    """Make the running node one of another node's cluster."""
    nodes = _guard(lambda: Cluster(folder).join(node), as_json)
    _show({"nodes": nodes}, as_json, "\n".join(nodes))


@app.command()
def leave(
    folder: Folder,
    node: Annotated[str, typer.Argument(help="The node that goes, running or dead; ask another one: NAME@HOST.")],
    as_json: Json = False,
) -> None:
    """Take another node out of the cluster for good."""
    nodes = _guard(lambda: Cluster(folder).leave(node), as_json)
    _show({"nodes": nodes}, as_json, "\n".join(nodes))


@app.command()
def cluster(folder: Folder, as_json: Json = False) -> None:
    """Print the nodes that are up, as the running node sees it."""
    nodes = _guard(lambda: Cluster(folder).nodes(), as_json)
    _show({"nodes": nodes}, as_json, "\n".join(nodes))


async def _up(server: EjabberdServer, announce: Callable[[], None], *, detach: bool) -> None:
    stop = asyncio.Event() if detach else stop_on_signals()
    await server.start()
    announce()
    tell_ready()
    if detach:
        server.release()
        return
    ended = asyncio.create_task(server.wait())
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    if not asked.done():
        asked.cancel()
        if ended.result() != 0:
            raise ConnectionFailedError(f"the XMPP server ended by itself with status {ended.result()}")
    await server.stop()
    await ended


def _target(folder: Path | None, domain: str | None, server: str | None, ca_file: Path | None) -> Target:
    if folder is not None:
        settings, layout = load(folder), Layout(folder=folder)
        host = _WILDCARDS.get(settings.listen, settings.listen)
        return Target(domain=settings.domain, host=host, port=settings.port, ca_file=layout.tls / "ca.pem")
    if domain is None or server is None or ca_file is None:
        raise ConfigurationError("xmpp check", "", "give --folder, or --domain, --server and --ca-file")
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigurationError("xmpp check", "server", f"{server!r} is not of the form HOST:PORT")
    return Target(domain=domain, host=host.strip("[]"), port=int(port), ca_file=ca_file)


def _public(settings: XmppSettings) -> dict[str, Any]:
    return {key: value for key, value in asdict(settings).items() if key not in ("api_secret", "accounts")}


def _describe(target: Target, report: Report) -> str:
    expires = to_datetime(report.certificate_expires).date()
    lines = [
        f"{target.domain} at {report.address}: {report.tls}, certificate verified, valid until {expires}",
        f"login by {', '.join(report.mechanisms) or 'nothing'}",
        *(f"PROBLEM: {problem}" for problem in report.problems),
    ]
    return "\n".join(lines)


def _show(result: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        # One line: who starts `up` in the foreground reads it while the server runs.
        print(json.dumps(result), flush=True)
        return
    for line in text.splitlines():
        print_line(line)


def _guard(work: Callable[[], T], as_json: bool) -> T:
    try:
        return work()
    except VedetteError as error:
        if as_json:
            print(json.dumps({"good": False, "error": str(error)}), flush=True)
        else:
            complain(str(error))
        raise typer.Exit(Exit.USAGE if isinstance(error, ConfigurationError) else Exit.NO) from error
