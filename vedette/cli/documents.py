"""`vedette documents`: large payloads, handed in, fetched, listed and deleted; and whether their files are intact."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from registry.alarms import Alarms
from registry.document_inspection import DocumentInspection, Orphan
from registry.fleet_evidence import documents_of
from vedette.cli.document_commands import delete, get, list_documents, put, show
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.evidence.finding import Finding

app = typer.Typer(no_args_is_help=True, help="Large payloads: put, get, list, show, delete; check their files.")
app.command(name="put")(put)
app.command(name="get")(get)
app.command(name="list")(list_documents)
app.command(name="show")(show)
app.command(name="delete")(delete)

RATE_OPTION = typer.Option(50.0, "--rate", min=0.1, help="MiB a second to read at most: collection shares the disk.")
REMOVE_OPTION = typer.Option(False, "--remove-orphans", help="Remove files that belong to no document.")

MIB = 1024 * 1024


@app.command()
def check(
    rate: float = RATE_OPTION,
    remove_orphans: bool = REMOVE_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Read every document and compare it with its digest; what is damaged or missing is an alarm, and exit 1."""
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        clock, folder = SystemClock(), documents_of(configuration, paths)
        folder.prepare()
        inspection = DocumentInspection(database=database, folder=folder, clock=clock, rate=rate * MIB)
        alarms = Alarms(database=database, clock=clock)
        findings, orphans = asyncio.run(_check(inspection, alarms, remove=remove_orphans))
    if as_json:
        counts = {"documents": inspection.documents, "size": inspection.size}
        listed = {"findings": [asdict(one) for one in findings], "orphans": [asdict(one) for one in orphans]}
        print_json({**counts, **listed, "orphans_removed": remove_orphans})
    else:
        _show(inspection, findings, orphans, removed=remove_orphans)
    raise typer.Exit(Exit.NO if findings else Exit.GOOD)


async def _check(
    inspection: DocumentInspection, alarms: Alarms, *, remove: bool
) -> tuple[list[Finding], list[Orphan]]:
    findings = []
    async for finding in inspection.findings():
        findings.append(finding)
        # At once: a command that is stopped half way has not looked in vain.
        await alarms.report([finding])
    return findings, await inspection.orphans(remove=remove)


def _show(inspection: DocumentInspection, findings: list[Finding], orphans: list[Orphan], *, removed: bool) -> None:
    for finding in findings:
        print_line(f"{finding.place}: {finding.text}")
    for orphan in orphans:
        print_line(f"{orphan.sha256}: belongs to no document, {orphan.size} bytes{', removed' if removed else ''}")
    print_line(f"{inspection.documents} documents, {inspection.size} bytes read, {len(findings)} findings")
    if orphans and not removed:
        print_line(f"{len(orphans)} files belong to no document; --remove-orphans removes them")
