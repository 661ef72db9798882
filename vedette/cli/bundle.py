"""`vedette bundle`: everything that a third party needs to verify one item, as a zip."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from registry.content import ContentFolder
from registry.proofs import Proofs
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.errors import EvidenceError
from vedette.evidence.bundle import build_bundle

UUID_ARGUMENT = typer.Argument(help="The item's uuid, as 'vedette items' lists it.")
OUT_OPTION = typer.Option(..., "-o", "--output", help="The zip to write; an existing file is kept.")


def bundle(
    uuid: str = UUID_ARGUMENT,
    output: Path = OUT_OPTION,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the bundle of an item: payload, statement, signatures, tokens, and how to verify them."""
    configuration, paths = open_fleet(config)
    engine = f"{configuration.aggregation.name}@{configuration.xmpp.domain}"
    with open_store(paths) as database:
        documents = ContentFolder(paths.documents, limit=configuration.api.document_limit)
        proofs = Proofs(database=database, engine=engine, clock=SystemClock(), documents=documents)
        try:
            data = build_bundle(asyncio.run(proofs.bundle_contents(uuid)))
        except EvidenceError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    write_new(output, data)
    if as_json:
        print_json({"uuid": uuid, "bundle": str(output), "size": len(data)})
    else:
        print_line(f"{output}: {len(data)} bytes; verify it with: vedette verify {output} --trust ROOTS.pem")


def write_new(path: Path, data: bytes) -> None:
    """Write a file that does not exist yet.

    Raises:
        typer.BadParameter: it exists, or cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise typer.BadParameter(f"{path} exists already; choose another name or remove it") from error
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from error
