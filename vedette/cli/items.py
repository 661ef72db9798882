"""`vedette items`: what was observed, and how far its proof is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from registry.content import ContentFolder
from registry.database import Database
from registry.documents import Documents, UnknownDocumentError
from registry.fleet_evidence import documents_of
from registry.item_detail import ItemDetail, ItemDetails
from registry.item_list import ItemList, ItemsWanted
from registry.items import ItemSummary, UnknownItemError
from registry.proof_state import ProofState
from registry.retention import Retention
from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.remote import CA_OPTION, KEY_FILE_OPTION, URL_OPTION, asking, is_remote
from vedette.cli.store import open_fleet, open_store
from vedette.client.files import write_new
from vedette.client.items import Item
from vedette.clock import SystemClock, from_datetime, to_datetime
from vedette.errors import RefusedError

LIMIT_OPTION = typer.Option(50, "--limit", min=1, max=1000, help="Items to show.")
AGENT_OPTION = typer.Option(None, "--agent", help="Only those of this JID.")
STATE_OPTION = typer.Option(None, "--state", help="Only those whose proof is in this state.")
UUID_ARGUMENT = typer.Argument(help="The item's uuid, as 'vedette items' lists it.")
REASON_OPTION = typer.Option(..., "--reason", help="Why; kept in the tombstone, shown in bundles.")
UNPROVED_OPTION = typer.Option(False, "--unproved", help="Even if its proof is not there yet.")
VERDICT_OPTION = typer.Option(None, "--verdict", help="Only those with this verdict.")
TYPE_OPTION = typer.Option(None, "--type", help="Only those of this meta.type.")
TARGET_OPTION = typer.Option(None, "--target", help="Only those about this target.")
CHECK_OPTION = typer.Option(None, "--check", help="Only those of this check.")
SOURCE_OPTION = typer.Option(None, "--source", help="Only those of this routing key, or pattern with * and #.")
SINCE_OPTION = typer.Option(None, "--since", help="Only those received then or later, UTC.")
UNTIL_OPTION = typer.Option(None, "--until", help="Only those received before, UTC.")
OUT_OPTION = typer.Option(..., "-o", "--output", help="The file to write; an existing one is kept.")


app = typer.Typer(invoke_without_command=True, help="What was observed, and how far its proof is.")


@app.callback()
def items(
    context: typer.Context,
    limit: int = LIMIT_OPTION,
    agent: str | None = AGENT_OPTION,
    state: ProofState | None = STATE_OPTION,
    verdict: str | None = VERDICT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List items, newest first, with the state of their proof; or do something with one."""
    if context.invoked_subcommand is None:
        wanted = ItemsWanted(agent=agent, state=state, verdict=verdict)
        _list(wanted, limit, Place(url=url, key_file=key_file, ca=ca, config=config), as_json=as_json)


@app.command(name="list")
def list_items(
    limit: int = LIMIT_OPTION,
    agent: str | None = AGENT_OPTION,
    state: ProofState | None = STATE_OPTION,
    verdict: str | None = VERDICT_OPTION,
    type_: str | None = TYPE_OPTION,
    target: str | None = TARGET_OPTION,
    check: str | None = CHECK_OPTION,
    source: str | None = SOURCE_OPTION,
    since: datetime | None = SINCE_OPTION,
    until: datetime | None = UNTIL_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List items, newest first, with the state of their proof."""
    wanted = ItemsWanted(
        agent=agent,
        type=type_,
        check=check,
        target=target,
        source=source,
        verdict=verdict,
        state=state,
        since=_moment(since),
        until=_moment(until),
    )
    _list(wanted, limit, Place(url=url, key_file=key_file, ca=ca, config=config), as_json=as_json)


@app.command()
def show(
    uuid: str = UUID_ARGUMENT,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show all that is known of an item, its payload apart: meta, times, statement, tokens."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            found = hub.run(lambda hub: hub.items.get(uuid)).model_dump(mode="json")
    else:
        _, paths = open_fleet(config)
        with open_store(paths) as database:
            found = asdict(_known(database, uuid))
    if not as_json:
        # For people; the statement and the tokens are for programs.
        found = {name: value for name, value in found.items() if name not in ("statement", "tokens")}
    print_json(found)


@app.command()
def payload(
    uuid: str = UUID_ARGUMENT,
    output: Path = OUT_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the bytes that were collected into a new file, compared with their SHA-256."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            size = hub.run(lambda hub: hub.items.payload(uuid, output))
    else:
        configuration, paths = open_fleet(config)
        with open_store(paths) as database:
            known = _known(database, uuid)
            pieces = _pieces(database, documents_of(configuration, paths), known)
            size = asyncio.run(write_new(output, pieces, sha256=known.payload_sha256))
    if as_json:
        print_json({"uuid": uuid, "payload": str(output), "size": size})
    else:
        print_line(f"{output}: {size} bytes")


@app.command()
def delete(
    uuid: str = UUID_ARGUMENT,
    reason: str = REASON_OPTION,
    unproved: bool = UNPROVED_OPTION,
    config: Path | None = CONFIG_OPTION,
    url: str | None = URL_OPTION,
    key_file: Path | None = KEY_FILE_OPTION,
    ca: Path | None = CA_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Delete an item's payload for good; the item, its statement, its proof and a tombstone stay. Exit 1: refused."""
    if is_remote(url, key_file=key_file, ca=ca, config=config):
        with asking(url, key_file=key_file, ca=ca) as hub:
            gone = hub.run(lambda hub: hub.items.delete(uuid, reason=reason, unproved=unproved))
        text = f"deleted by {gone.deleted_by}: {gone.reason}"
        _say({"uuid": uuid, "deleted": gone.model_dump(mode="json")}, f"{uuid}: {text}", as_json=as_json)
        return
    configuration, paths = open_fleet(config)
    with open_store(paths) as database:
        retention = Retention(database=database, clock=SystemClock(), documents=documents_of(configuration, paths))
        deed = retention.delete(uuid, actor=command_line_actor(), reason=reason, unproved=unproved)
        try:
            deletion = asyncio.run(deed)
        except RefusedError as error:
            complain(str(error))
            raise typer.Exit(Exit.NO) from error
    _say({"uuid": uuid, "deleted": deletion.as_json()}, f"{uuid}: {deletion.text}", as_json=as_json)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a command looks: a hub, or the store here."""

    url: str | None
    """The hub's address; None: the store."""
    key_file: Path | None
    """File of the key for the hub."""
    ca: Path | None
    """Roots for the hub's certificate."""
    config: Path | None
    """The configuration that names the store."""


def _list(wanted: ItemsWanted, limit: int, place: Place, *, as_json: bool) -> None:
    found: Sequence[ItemSummary | Item]
    if is_remote(place.url, key_file=place.key_file, ca=place.ca, config=place.config):
        filters = {"payload_format" if name == "format" else name: value for name, value in asdict(wanted).items()}
        with asking(place.url, key_file=place.key_file, ca=place.ca) as hub:
            listed = list(hub.rows(lambda hub: hub.items.list(**filters, limit=limit)))
        found, described = listed, [item.model_dump(mode="json") for item in listed]
    else:
        _, paths = open_fleet(place.config)
        with open_store(paths) as database:
            stored = asyncio.run(_stored(ItemList(database=database), wanted, limit))
        found, described = stored, [asdict(item) | {"state": item.state.value} for item in stored]
    if as_json:
        print_json(described)
        return
    if not found:
        print_line("No items yet; they appear here as soon as a probe's first run is confirmed.")
    for item in found:
        print_line(_line(item))


async def _stored(items: ItemList, wanted: ItemsWanted, limit: int) -> Sequence[ItemSummary]:
    """Return the newest items; a page that looked long and found few is not the end."""
    found, cursor = list[ItemSummary](), None
    while True:
        page = await items.page(wanted=wanted, limit=limit - len(found), cursor=cursor)
        found, cursor = [*found, *page.rows], page.next
        if cursor is None or len(found) >= limit:
            return found


def _known(database: Database, uuid: str) -> ItemDetail:
    try:
        return asyncio.run(ItemDetails(database=database).find(uuid))
    except UnknownItemError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error


async def _pieces(database: Database, folder: ContentFolder, known: ItemDetail) -> AsyncIterator[bytes]:
    if known.deleted is not None:
        complain(f"the payload was deleted: {known.deleted.reason}; statement and proof stay")
        raise typer.Exit(Exit.NO)
    if known.inline:
        yield await ItemDetails(database=database).inline(known.uuid) or b""
        return
    documents = Documents(database=database, folder=folder, clock=SystemClock())
    try:
        async for piece in documents.read(known.payload_sha256, verify=True):
            yield piece
    except UnknownDocumentError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error


def _moment(given: datetime | None) -> int | None:
    return None if given is None else from_datetime(given.replace(tzinfo=UTC))


def _say(value: dict[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        print_line(text)


def _line(item: ItemSummary | Item) -> str:
    received = f"{to_datetime(item.received_at):%Y-%m-%d %H:%M:%S}"
    marks = "".join([" unsigned" if item.unsigned else "", " skewed clock" if item.skew else ""])
    verdict = f" {item.verdict}" if item.verdict else ""
    return f"{item.uuid}  {received}  {item.state:<13} {item.agent}  {item.format}{verdict}{marks}"
