"""`vedette backup`: a safety copy of store, graph, documents, configuration while the fleet runs; and is one good."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import typer

from registry.audit import AuditEntry, record_audit
from registry.backup import Backup, open_target
from registry.backup_check import BackupReport, check_backup, opened
from registry.backup_manifest import BackupManifest
from registry.database import Database
from registry.fleet_evidence import documents_of
from vedette.cli.actor import command_line_actor
from vedette.cli.fleet_files import FleetFiles
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.store import open_fleet
from vedette.clock import SystemClock, to_datetime

TARGET_ARGUMENT = typer.Argument(
    ..., metavar="TARGET | verify PATH", help="A folder, or a file that ends in .tar.zst; or what to verify."
)
SECRETS_OPTION = typer.Option(
    False, "--with-secrets", help="Also keys, passwords and accounts: whoever has the copy is the fleet."
)
VERIFY = "verify"

_NICE = 10
"""How far a safety copy steps back behind the fleet for the processor."""


def backup(
    words: list[str] = TARGET_ARGUMENT,
    with_secrets: bool = SECRETS_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write a safety copy while the fleet runs, or verify one; exit 1 when something is missing or wrong."""
    if words[0] == VERIFY and len(words) == 2:
        _verify(Path(words[1]), as_json=as_json)
    if words[0] == VERIFY or len(words) != 1:
        raise typer.BadParameter("give one TARGET, or: verify PATH")
    configuration, paths = open_fleet(config)
    files = FleetFiles(configuration=configuration, paths=paths)
    entries = files.entries(secrets=with_secrets)
    with Database(paths.direct_store_url) as database:
        made = Backup(
            database=database,
            store_url=paths.direct_store_url,
            documents=documents_of(configuration, paths),
            files=entries,
            secrets=with_secrets,
            clock=SystemClock(),
            graph_url=paths.direct_graph_url,
        )
        manifest = _write_behind(made, Path(words[0]))
        _record(database, words[0], with_secrets=with_secrets)
    if as_json:
        print_json(described(manifest) | {"target": words[0], "left_out": files.left_out})
    else:
        _show(manifest, words[0], files.left_out)
    raise typer.Exit(Exit.NO if manifest.missing or manifest.graph_problem else Exit.GOOD)


def _record(database: Database, target: str, *, with_secrets: bool) -> None:
    """Write down that everything was copied: it left the reach of all access rules."""
    by, clock = command_line_actor(), SystemClock()
    detail = "with secrets" if with_secrets else "without secrets"
    entry = AuditEntry(who=by.who, action="store.backup", object=target, origin=by.origin, detail=detail)
    database.write_sync(lambda connection: record_audit(connection, entry, now=clock.now()))


def _write_behind(made: Backup, target: Path) -> BackupManifest:
    """Write it in a thread that gives way to the fleet (on Linux, niceness is a thread's own)."""

    def write() -> BackupManifest:
        os.nice(_NICE)
        opened_target = open_target(target, now=SystemClock().now())
        try:
            return made.write(opened_target)
        finally:
            opened_target.close()

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup") as thread:
        return thread.submit(write).result()


def _show(manifest: BackupManifest, target: str, left_out: list[str]) -> None:
    print_line(f"{target}: {summary(manifest)}")
    if manifest.secrets:
        print_line("keys, passwords and accounts are in it: whoever has it is the fleet")
    else:
        print_line("agents' keys, passwords and accounts are not in it (--with-secrets)")
        print_line("its store has the hashes of people's passwords and of API keys: keep it as you keep yours")
    for text in left_out:
        print_line(f"left out: {text}")
    if manifest.graph_problem:
        print_line(f"missing: the knowledge graph: {manifest.graph_problem}")
    for sha256 in manifest.missing:
        print_line(f"missing: the file of the document {sha256} was not there or is damaged")


def _verify(path: Path, *, as_json: bool) -> None:
    with opened(path) as folder:
        report = check_backup(folder)
    if as_json:
        print_json(described(report.manifest) | {"findings": findings_of(report)})
    else:
        for finding in report.findings:
            print_line(f"{finding.kind}: {finding.place}: {finding.text}")
        verdict = "GOOD" if not report.findings else "NOT GOOD"
        print_line(f"{verdict}: {path}: {summary(report.manifest)}")
    raise typer.Exit(Exit.NO if report.findings else Exit.GOOD)


def summary(manifest: BackupManifest) -> str:
    """Return what a safety copy is, in a line."""
    when = f"{to_datetime(manifest.made_at):%Y-%m-%d %H:%M:%S} UTC"
    items, documents = manifest.counts.get("items", 0), manifest.counts.get("documents", 0)
    graph = (
        "no graph" if manifest.graph is None else f"a graph of {manifest.graph.counts.get('mentions', 0)} mentions"
    )
    return f"{when}, {items} items, {documents} documents, {graph}, {manifest.dialect}, schema {manifest.revision}"


def described(manifest: BackupManifest) -> dict[str, Any]:
    """Return what a program wants to know of a safety copy."""
    return manifest.model_dump(
        mode="json",
        include={
            "made_at",
            "version",
            "dialect",
            "revision",
            "missing",
            "secrets",
            "logs",
            "counts",
            "graph",
            "graph_problem",
        },
    )


def findings_of(report: BackupReport) -> list[dict[str, str]]:
    """Return what is wrong with a safety copy, for JSON."""
    return [{"kind": one.kind, "place": one.place, "text": one.text} for one in report.findings]
