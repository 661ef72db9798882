"""`vedette bundle`: everything that a third party needs to verify one item or audit entry, as a zip."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from registry.content import ContentFolder
from registry.proofs import Proofs
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.errors import EvidenceError
from vedette.evidence.bundle import BundleContents, build_bundle
from vedette.evidence.statement import read_statement

UUID_ARGUMENT = typer.Argument(None, help="The item's uuid, as 'vedette items' lists it.")
AUDIT_OPTION = typer.Option(None, "--audit", help="Instead: an audit entry's number, as 'vedette audit list' has it.")
OUT_OPTION = typer.Option(..., "-o", "--output", help="The zip to write; an existing file is kept.")


def bundle(
    uuid: str | None = UUID_ARGUMENT,
    audit: int | None = AUDIT_OPTION,
    output: Path = OUT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the bundle of an item: payload, statement, signatures, tokens, and how to verify them."""
    if (uuid is None) == (audit is None):
        raise typer.BadParameter("name one thing: an item's uuid, or --audit with an entry's number")
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        if uuid is None:
            raise typer.BadParameter("--audit is for where the store is; with --url name an item's uuid")
        with asking(url, key_file=key_file, ca=ca) as hub:
            size = hub.run(lambda hub: hub.items.bundle(uuid, output))
        _say(uuid, output, size, as_json=as_json)
        return
    configuration, paths = open_fleet(config)
    engine = f"{configuration.aggregation.name}@{configuration.xmpp.domain}"
    with open_store(paths) as database:
        documents = ContentFolder(paths.documents, limit=configuration.api.document_limit)
        proofs = Proofs(database=database, engine=engine, clock=SystemClock(), documents=documents)
        try:
            contents = asyncio.run(_contents(proofs, uuid=uuid, audit=audit))
            data = build_bundle(contents)
        except EvidenceError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    write_new(output, data)
    _say(read_statement(contents.statement).uuid, output, len(data), as_json=as_json)


def _say(uuid: str, output: Path, size: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"uuid": uuid, "bundle": str(output), "size": size})
    else:
        print_line(f"{output}: {size} bytes; verify it with: vedette verify {output} --trust ROOTS.pem")


async def _contents(proofs: Proofs, *, uuid: str | None, audit: int | None) -> BundleContents:
    if audit is not None:
        return await proofs.audit_bundle_contents(audit)
    return await proofs.bundle_contents(uuid or "")


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
