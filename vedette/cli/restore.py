"""`vedette restore`: a safety copy back in its place, in a new epoch, and what is gone since."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from registry.backup_check import check_backup, opened
from registry.backup_losses import Losses
from vedette.cli.backup import findings_of, summary
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.restoring import Restored, restore_here, restore_to
from vedette.cli.store import open_fleet
from vedette.errors import ConfigurationError

PATH_ARGUMENT = typer.Argument(help="The safety copy: a folder or a .tar.zst file.", exists=True)
TO_OPTION = typer.Option(None, "--to", help="A new folder for the whole fleet, instead of the fleet of --config.")
REPLACE_OPTION = typer.Option(
    False, "--replace", help="Also where there is a store: it is moved aside, never deleted."
)
RECEIPTS_OPTION = typer.Option(
    [], "--receipts", help="A folder of senders' outboxes from other machines. Repeatable.", file_okay=False
)

_SHOWN = 20
"""Uuids of a lost range that are shown to a person; --json has them all."""


def restore(
    path: Path = PATH_ARGUMENT,
    to: Path | None = TO_OPTION,
    replace: bool = REPLACE_OPTION,
    receipts: list[Path] = RECEIPTS_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Restore a safety copy in a new epoch and report what is gone; exit 1 where the copy is not good."""
    if to is not None and config is not None:
        raise typer.BadParameter("give --to or --config, not both")
    beside = to.parent if to is not None else open_fleet(config)[1].file.parent
    if not beside.is_dir():
        raise ConfigurationError(str(beside), "", "does not exist; make it first")
    with opened(path, beside=beside) as folder:
        report = check_backup(folder)
        if report.findings:
            _refuse(path, findings_of(report), as_json=as_json)
        if to is not None:
            restored = restore_to(to, folder, report.manifest, replace=replace, receipts=receipts)
        else:
            restored = restore_here(*open_fleet(config), folder, report.manifest, replace=replace, receipts=receipts)
    if as_json:
        print_json(asdict(restored))
        return
    print_line(f"{restored.fleet}: restored from {path}: {summary(report.manifest)}")
    _show(restored)


def _refuse(path: Path, findings: list[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json({"restored": False, "findings": findings})
    else:
        for one in findings:
            print_line(f"{one['kind']}: {one['place']}: {one['text']}")
        print_line(f"NOT GOOD: {path}: nothing was restored")
    raise typer.Exit(Exit.NO)


def _show(restored: Restored) -> None:
    if restored.aside:
        print_line(f"what was there is now {restored.aside}")
    for one in restored.epochs:
        print_line(f"{one.engine} goes on in the new epoch {one.epoch}")
    for text in restored.withdrawn:
        print_line(f"again as after the safety copy: {text}")
    for text in restored.notes:
        print_line(f"note: {text}")
    _show_losses(restored.losses)


def _show_losses(losses: Losses) -> None:
    for log in losses.logs:
        print_line(f"LOST: {log.engine}/{log.epoch}, items {log.first} to {log.last}, {log.unknown} without a name")
        for index, uuid in log.items[:_SHOWN]:
            print_line(f"  item {index}: {uuid}")
        if len(log.items) > _SHOWN:
            print_line(f"  and {len(log.items) - _SHOWN} more (--json)")
    for uuid in losses.elsewhere:
        print_line(f"LOST: {uuid}, confirmed as being in another engine's log")
    for numbers in losses.numbers:
        ranges = ", ".join(f"{first} to {last}" for first, last in numbers.ranges)
        print_line(f"LOST: {numbers.count} items of {numbers.agent}, by its own numbers: {ranges}")
    for agent, count in losses.waiting.items():
        print_line(f"{agent} still has {count} items and sends them when the fleet runs")
    if not (losses.logs or losses.elsewhere or losses.numbers):
        print_line("Nothing is known to be lost.")
