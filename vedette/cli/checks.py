"""`vedette checks`: what the correlation remembers of each check."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from registry.finding_list import FindingList, RememberedCheck
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.findings import Check
from vedette.clock import to_datetime

app = typer.Typer(no_args_is_help=True, help="What is looked at, since when it is steady, and what is missing.")

SUBJECT_OPTION = typer.Option(None, "--subject", help="Only those that look at this.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Checks to show.")


@app.callback()
def checks() -> None:
    """Keep `list` a subcommand, also while it is the only one."""


@app.command(name="list")
def list_checks(
    subject: str | None = SUBJECT_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List checks, those that looked last first."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            call = hub.rows(lambda hub: hub.checks.list(subject=subject, limit=limit))
            _show([(one, one.model_dump(mode="json")) for one in call], as_json=as_json)
        return
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        page = asyncio.run(FindingList(database=database).checks(subject=subject, limit=limit))
    _show([(one, asdict(one)) for one in page.rows], as_json=as_json)


def _show(found: list[tuple[RememberedCheck | Check, dict[str, object]]], *, as_json: bool) -> None:
    if as_json:
        print_json([described for _, described in found])
        return
    for one, _ in found:
        at = f"{to_datetime(one.last_seen):%Y-%m-%d %H:%M:%S}"
        marks = (" missing" if one.missing else "") + (" flapping" if one.flapping else "")
        error = f": {one.error}" if one.error else ""
        print_line(f"{at}  {one.agent}  {one.check}  {one.subject}  {one.verdict or 'no verdict'}{marks}{error}")
    if not found:
        print_line("No checks are remembered.")
