"""`vedette evidence heads`: where the logs stood when the registry signed it last, to be kept elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import typer

from registry.heads import SignedHeads, StoredHeads
from vedette.canonical import canonical_json, parse_json
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock, to_datetime
from vedette.errors import ConfigurationError
from vedette.messages.batch import parse_model
from vedette.messages.heads import HeadList

KEEP_OPTION = typer.Option(
    None, "--keep", dir_okay=False, help="Add the list to this file, a line each, for 'check-receipts --heads'."
)


def heads_command(
    keep: Path | None = KEEP_OPTION, config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION
) -> None:
    """Show the newest signed heads of the logs, to be kept on another machine; exit 1 while there are none."""
    _, paths = open_fleet(config)
    with open_store(paths) as database:
        latest = asyncio.run(SignedHeads(database=database, clock=SystemClock()).latest())
    if latest is None:
        if as_json:
            print_json(None)
        else:
            print_line("Nothing is signed yet: the registry signs within seconds of its start.")
        raise typer.Exit(Exit.NO)
    if keep is not None:
        _keep(latest, keep)
    if as_json:
        print_json(latest.signed.model_dump())
        return
    value = parse_model(HeadList, parse_json(latest.signed.text))
    print_line(f"signed by {value.registry} at {to_datetime(value.at):%Y-%m-%d %H:%M:%S} UTC")
    for head in value.heads:
        print_line(f"{head.engine}/{head.epoch}: {head.next_index} entries, head {head.head}")


def _keep(latest: StoredHeads, file: Path) -> None:
    line = canonical_json(latest.signed.model_dump()) + b"\n"
    try:
        with file.open("ab") as opened:
            opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be written: {error.strerror}") from error
