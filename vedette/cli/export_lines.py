"""Exports, plans and what was left out, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer

from vedette.cli.output import Exit, complain, print_json, print_line
from vedette.clock import to_datetime
from vedette.sharing.exporter import Exported, Plan
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.request import Export

SHOWN = 50
"""Changes, and things that were left out, that are printed; `--json` has them all."""


COUNTED: Final = ("facts", "edges", "scans", "proofs")
"""What an investigation has so many of."""


def export_line(export: Export) -> str:
    """Return an export as a line."""
    at = f"{to_datetime(export.requested_at):%Y-%m-%d %H:%M:%S}"
    kind = "  (dry run)" if export.dry_run else ""
    about = export.title or export.key
    reason = f"  {export.reason}" if export.reason else ""
    return f"{export.uuid}  {at}  {export.state:<9}  {export.destination}  {about}{kind}{reason}"


def print_export(export: Export) -> None:
    """Print an export, with its plan or what was done."""
    print_line(export_line(export))
    if export.exported is not None:
        _print_exported(export.exported)
    elif export.plan is not None:
        _print_plan(export.plan)
    if export.state == "approval":
        print_line(f"It waits for a person: vedette export approve {export.uuid}")


def print_withheld(withheld: Sequence[Withheld]) -> None:
    """Print what was left out, and why."""
    _print_some((f"! {one.what}: {one.reason}" for one in withheld), total=len(withheld), noun="left out")


def contents(investigation: Investigation) -> dict[str, Any]:
    """Return how much is in an investigation."""
    return {
        "key": investigation.key,
        "title": investigation.title,
        "tlp": investigation.tlp.value,
        "facts": len(investigation.facts),
        "edges": len(investigation.edges),
        "scans": len(investigation.scans),
        "proofs": len(investigation.proofs),
    }


def print_file(
    found: Mapping[str, Any], withheld: Sequence[Withheld], *, output: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Print what a file has of an investigation, and what was left out.

    Args:
        found: its `contents`.
        withheld: what was left out.
        output: where the file is; None: on standard output.
        dry_run: whether there is none.
        as_json: whether it is read by a program.

    Raises:
        typer.Exit: nothing is in it.
    """
    if as_json:
        file = None if output is None or dry_run else str(output)
        print_json({"file": file, **found, "withheld": [asdict(one) for one in withheld]})
    elif output is None and not dry_run:
        for one in withheld:
            complain(f"left out: {one.what}: {one.reason}")
    else:
        parts = ", ".join(f"{found[name]} {name}" for name in COUNTED)
        print_line(f"{found['title']} (tlp:{found['tlp']}): {parts}")
        print_withheld(withheld)
    if not (found["facts"] or found["scans"] or found["proofs"]):
        raise typer.Exit(Exit.NO)


def _print_plan(plan: Plan) -> None:
    if not plan.total:
        print_line("Nothing would be sent: it is all there.")
    _print_some((str(change) for change in plan.changes), total=plan.total, noun="changes")
    _print_notes(plan.notes)
    print_withheld(plan.withheld)


def _print_exported(exported: Exported) -> None:
    there = f"  {exported.address}" if exported.address else ""
    print_line(
        f"{exported.sent} sent in {exported.requests} requests, {exported.unchanged} were there already{there}"
    )
    _print_notes(exported.notes)
    print_withheld(exported.withheld)


def _print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        print_line(f"  note: {note}")


def _print_some(lines: Iterable[str], *, total: int, noun: str) -> None:
    """Print the first lines, and how many more there are."""
    printed = 0
    for line in lines:
        if printed == SHOWN:
            break
        print_line(f"  {line}")
        printed += 1
    if total > printed:
        print_line(f"  … and {total - printed} more {noun}")
