"""`vedette audit`: who did what, when and from where."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from registry.audit import Audit, AuditFilter, AuditRecord
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client import BlockingClient
from vedette.client.records import AuditRecord as AuditLine
from vedette.clock import SystemClock, from_datetime, to_datetime

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what, when and from where; proved like an item.")

WHO_OPTION = typer.Option(None, "--who", help="Only what this one did, as 'user anna' or 'command line root'.")
ACTION_OPTION = typer.Option(None, "--action", help="Only this action; 'agent.', with the dot, means all of agents.")
OBJECT_OPTION = typer.Option(None, "--object", help="Only what was done to this.")
SINCE_OPTION = typer.Option(None, "--since", help="Only what was done then or later, UTC.")
UNTIL_OPTION = typer.Option(None, "--until", help="Only what was done before, UTC.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Entries to show.")
CURSOR_OPTION = typer.Option(None, "--cursor", help="Go on after a page: the cursor that it ended with.")


@app.callback()
def audit() -> None:
    """Keep `list` a subcommand, also while it is the only one."""


@app.command(name="list")
def list_entries(
    who: str | None = WHO_OPTION,
    action: str | None = ACTION_OPTION,
    object_: str | None = OBJECT_OPTION,
    since: datetime | None = SINCE_OPTION,
    until: datetime | None = UNTIL_OPTION,
    limit: int = LIMIT_OPTION,
    cursor: str | None = CURSOR_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List what was done, newest first, with the state of its proof."""
    wanted = AuditFilter(who=who, action=action, object=object_, since=_moment(since), until=_moment(until))
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        if cursor is not None:
            raise typer.BadParameter("--cursor is for the store here; with --url raise --limit, or use --until")
        with asking(url, key_file=key_file, ca=ca) as hub:
            _show_remote(hub, wanted, limit=limit, as_json=as_json)
        return
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        page = asyncio.run(
            Audit(database=database, clock=SystemClock()).page(wanted=wanted, limit=limit, cursor=cursor)
        )
    if as_json:
        entries = [asdict(entry) | {"state": entry.state.value} for entry in page.entries]
        print_json({"entries": entries, "cursor": page.cursor})
        return
    for entry in page.entries:
        print_line(_line(entry))
    if not page.entries:
        print_line("No entries.")
    if page.cursor is not None:
        print_line(f"There are more; go on with: --cursor {page.cursor}")


def _moment(given: datetime | None) -> int | None:
    return None if given is None else from_datetime(given.replace(tzinfo=UTC))


def _show_remote(hub: BlockingClient, wanted: AuditFilter, *, limit: int, as_json: bool) -> None:
    found = list(hub.rows(lambda hub: hub.audit.list(**asdict(wanted), limit=limit)))
    if as_json:
        print_json({"entries": [entry.model_dump(mode="json") for entry in found], "cursor": None})
        return
    for entry in found:
        print_line(_line(entry))
    if not found:
        print_line("No entries.")


def _line(entry: AuditRecord | AuditLine) -> str:
    at = f"{to_datetime(entry.at):%Y-%m-%d %H:%M:%S}"
    detail = f": {entry.detail}" if entry.detail else ""
    deed = f"{entry.who} ({entry.origin})  {entry.action} {entry.object}{detail}"
    return f"{entry.id:>5}  {at}  {entry.state:<13} {deed}"
