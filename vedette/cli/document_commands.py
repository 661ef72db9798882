"""`vedette documents put`, `get`, `list`, `show` and `delete`: in the store here, or at a hub."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import typer

from registry.document_list import DocumentLine, DocumentList
from registry.documents import Document, Documents, UnknownDocumentError
from registry.fleet_evidence import documents_of
from registry.holds import HeldError
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.documents import Document as HubDocument
from vedette.client.files import write_new
from vedette.clock import SystemClock, to_datetime
from vedette.documents.description import description_of, is_name, read_description
from vedette.documents.quota import Quotas
from vedette.errors import ConfigurationError, ConflictError, RefusedError

T = TypeVar("T")

PIECE = 256 * 1024
"""Bytes of a file that are read at once."""

FILE_ARGUMENT = typer.Argument(help="The file.")
ID_ARGUMENT = typer.Argument(help="The document's SHA-256, or a name of it.")
TYPE_OPTION = typer.Option(None, "--type", help="MIME type; guessed from the file's name unless said.")
NAME_OPTION = typer.Option(None, "--name", help="What it shall be called beside its SHA-256.")
TITLE_OPTION = typer.Option(None, "--title", help="Kept with it.")
OUT_OPTION = typer.Option(..., "-o", "--output", help="The file to write; an existing one is kept.")
LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Documents to show.")
BY_OPTION = typer.Option(None, "--by", help="Only those that this agent or key handed in.")
REASON_OPTION = typer.Option(..., "--reason", help="Why; kept in the tombstone.")


def put(
    file: Path = FILE_ARGUMENT,
    content_type: str | None = TYPE_OPTION,
    name: str | None = NAME_OPTION,
    title: str | None = TITLE_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Hand a file in; its id is printed once it is on disk."""
    kind = content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    said = {} if title is None else {"title": title}
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            stored = hub.run(lambda hub: hub.documents.put(file, content_type=kind, name=name, description=said))
        key, size, message = stored.key, stored.size, stored.message
    else:
        if name is not None and not is_name(name):
            raise typer.BadParameter("--name: letters, digits and . _ ~ : @ -, and nothing that looks like a digest")
        document, new = _do(config, lambda documents: _receive(documents, file, kind, name or "", said))
        key, size, message = document.key, document.size, "stored" if new else "was stored before"
    if as_json:
        print_json({"key": key, "size": size, "message": message})
    else:
        print_line(key)


def get(
    id: str = ID_ARGUMENT,
    output: Path = OUT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write a document into a new file, compared with its SHA-256."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            size = hub.run(lambda hub: hub.documents.get(id, output))
    else:
        size = _do(config, lambda documents: write_new(output, documents.read(id, verify=True)))
    if as_json:
        print_json({"id": id, "file": str(output), "size": size})
    else:
        print_line(f"{output}: {size} bytes")


def list_documents(
    by: str | None = BY_OPTION,
    limit: int = LIMIT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List documents, newest first."""
    found: list[DocumentLine] | list[HubDocument]
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            found = list(hub.rows(lambda hub: hub.documents.list(by=by, limit=limit)))
    else:
        _, paths = open_fleet(config)
        with open_store(paths) as database:
            found = list(asyncio.run(DocumentList(database=database).page(by=by, limit=limit)).rows)
    if as_json:
        print_json([_described(document) for document in found])
        return
    for document in found:
        print_line(_line(document))
    if not found:
        print_line("No documents.")


def show(
    id: str = ID_ARGUMENT,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what is known of a document, its bytes apart."""
    found: DocumentLine | HubDocument
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            found = hub.run(lambda hub: hub.documents.metadata(id))
    else:
        known = asdict(_do(config, lambda documents: documents.find(id)))
        known.pop("name")
        found = DocumentLine(**known | {"description": read_description(known["description"])})
    if as_json:
        print_json(_described(found))
    else:
        print_line(_line(found))
        for key, value in found.description.items():
            print_line(f"  {key}: {value}")


def delete(
    id: str = ID_ARGUMENT,
    reason: str = REASON_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Delete a document's bytes under all its names; a tombstone stays, and so does every proof."""
    if not reason.strip():
        raise typer.BadParameter("--reason: say why")
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            hub.run(lambda hub: hub.documents.delete(id, reason=reason))
    else:
        actor = command_line_actor()
        _do(config, lambda documents: documents.delete(id, by=actor.who, reason=reason, origin=actor.origin))
    if as_json:
        print_json({"id": id, "deleted": True})
    else:
        print_line(f"{id} is deleted; a tombstone stays")


def _do(config: Path | None, work: Callable[[Documents], Awaitable[T]]) -> T:
    """Do something with the documents of the store here; that there is no such thing is the answer no."""
    configuration, paths = open_fleet(config)
    section = configuration.api
    quotas = Quotas(usual=section.document_quota, own=section.document_quotas)

    async def run() -> T:
        folder = documents_of(configuration, paths)
        documents = Documents(database=database, folder=folder, clock=SystemClock(), quotas=quotas)
        await documents.open()
        return await work(documents)

    with open_store(paths) as database:
        try:
            return asyncio.run(run())
        except (UnknownDocumentError, ConflictError, HeldError) as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
        except RefusedError as error:
            raise typer.BadParameter(str(error)) from error


async def _receive(
    documents: Documents, file: Path, kind: str, name: str, said: dict[str, str]
) -> tuple[Document, bool]:
    async with _reading(file) as pieces:
        return await documents.receive(
            pieces,
            content_type=kind,
            by=command_line_actor().who,
            name=name,
            description=description_of(said.items()),
        )


@asynccontextmanager
async def _reading(file: Path) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    try:
        opened = await asyncio.to_thread(file.open, "rb")
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror}") from error

    async def pieces() -> AsyncGenerator[bytes, None]:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece

    with opened:
        yield pieces()


def _described(document: DocumentLine | HubDocument) -> dict[str, object]:
    return document.model_dump(mode="json") if isinstance(document, HubDocument) else asdict(document)


def _line(document: DocumentLine | HubDocument) -> str:
    at = f"{to_datetime(document.created_at):%Y-%m-%d %H:%M:%S}"
    return f"{document.sha256}  {at}  {document.size:>11}  {document.content_type}  {document.created_by}"
