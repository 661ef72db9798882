"""`vedette findings`: what the correlation found."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from registry.finding_list import FindingList, FindingsWanted, RecordedFinding
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.findings import Finding
from vedette.clock import to_datetime
from vedette.correlation.finding import FindingKind

app = typer.Typer(no_args_is_help=True, help="What changed, deviates, is missing, or contradicts.")

KIND_OPTION = typer.Option(None, "--kind", help="Only those of this kind.")
SUBJECT_OPTION = typer.Option(None, "--subject", help="Only what is about this.")
ITEM_OPTION = typer.Option(None, "--item", help="Only what the item with this uuid shows.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Findings to show.")


@app.callback()
def findings() -> None:
    """Keep `list` a subcommand, also while it is the only one."""


@app.command(name="list")
def list_findings(
    kind: FindingKind | None = KIND_OPTION,
    subject: str | None = SUBJECT_OPTION,
    item: str | None = ITEM_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List findings, newest first."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            call = hub.rows(lambda hub: hub.findings.list(kind=kind, subject=subject, item=item, limit=limit))
            _show([(one, one.model_dump(mode="json")) for one in call], as_json=as_json)
        return
    _, paths = open_fleet(config)
    wanted = FindingsWanted(kind=kind, subject=subject, item=item)
    with open_store(paths) as database:
        page = asyncio.run(FindingList(database=database).page(wanted=wanted, limit=limit))
    _show([(one, asdict(one)) for one in page.rows], as_json=as_json)


def _show(found: list[tuple[RecordedFinding | Finding, dict[str, object]]], *, as_json: bool) -> None:
    if as_json:
        print_json([described for _, described in found])
        return
    for one, _ in found:
        text = f": {one.text}" if one.text else ""
        at = f"{to_datetime(one.at):%Y-%m-%d %H:%M:%S}"
        print_line(f"{one.id:>5}  {at}  {one.severity:<8} {one.kind:<13} {one.subject}{text}")
    if not found:
        print_line("No findings.")
