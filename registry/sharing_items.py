"""The items of an investigation, read from the store: which ones a selection means, and what decides about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping, Select, select

from registry import tables
from registry.graph_reading_nodes import chunks
from registry.item_list import ItemsWanted, chooser_of, leading_of, list_query, others_of
from registry.items import state_column
from registry.job_tables import job, job_run
from registry.proof_state import ProofState
from vedette.errors import RefusedError
from vedette.sharing.investigation import Stamp
from vedette.sharing.judging import SharedItem
from vedette.sharing.markings import tlp_of_meta
from vedette.sharing.selection import Selection

MAX_ITEMS: Final = 50_000
"""Items of one investigation; more must be asked for in parts."""

_COLUMNS: Final = ("uuid", "agent", "format", "target", "collected_at", "received_at", "verdict", "exit_code")
_SIZES: Final = ("size", "payload_sha256", "statement", "chain_id", "log_index")


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedItem:
    """An item, without its payload."""

    uuid: str
    agent: str
    format: str
    target: str | None
    collected_at: int | None
    received_at: int
    verdict: str | None
    exit_code: int | None
    size: int
    payload_sha256: str
    statement: bytes
    chain_id: int
    log_index: int
    state: ProofState
    meta: Mapping[str, Any]
    """Of its statement."""

    @property
    def observed_at(self) -> int:
        """When it was observed, by its agent's clock where that said so; UTC, microseconds."""
        return self.received_at if self.collected_at is None else self.collected_at

    @property
    def judged(self) -> SharedItem:
        """What decides whether it may leave."""
        source, command = self.meta.get("source"), self.meta.get("command")
        return SharedItem(
            uuid=self.uuid,
            source=source if isinstance(source, str) else "",
            tlp=tlp_of_meta(self.meta),
            state=self.state.value,
            words=(self.target or "", *map(str, command if isinstance(command, list) else ())),
        )


def select_items(connection: Connection, selection: Selection) -> list[str]:
    """Return the uuids of the items that a selection means, sorted; it is none of the graph.

    Raises:
        RefusedError: they are too many.
    """
    if selection.kind == "item":
        return [selection.words["item"]]
    wanted = wanted_items(selection)
    run = selection.words.get("job")
    rows = _of_job(connection, wanted, run) if run is not None else _of_list(connection, wanted)
    found: list[str] = []
    for uuid in rows:
        found.append(uuid)
        if len(found) > MAX_ITEMS:
            raise RefusedError(
                "select", f"means more than {MAX_ITEMS} items; ask for them in parts, such as a day each"
            )
    return sorted(found)


def read_items(connection: Connection, uuids: Iterable[str]) -> dict[str, SelectedItem]:
    """Return items by their uuids; those that are not in the store are not there."""
    item, found = tables.item, dict[str, SelectedItem]()
    columns = [item.c[name] for name in (*_COLUMNS, *_SIZES)]
    for some in chunks(sorted(set(uuids))):
        query = select(*columns, state_column().label("state")).where(item.c.uuid.in_(some))
        for row in connection.execute(query).mappings():
            found[row["uuid"]] = _item(row)
    return dict(sorted(found.items()))


def read_stamps(connection: Connection, items: Sequence[SelectedItem]) -> dict[str, tuple[Stamp, ...]]:
    """Return the tokens over the batch of each item, in the order in which they came; none for those without."""
    item, batch, token = tables.item, tables.batch, tables.token
    held = select(batch.c.id).where(batch.c.chain_id == item.c.chain_id, batch.c.last_index >= item.c.log_index)
    number = held.order_by(batch.c.last_index).limit(1).correlate(item).scalar_subquery()
    batches: dict[str, int] = {}
    for some in chunks([one.uuid for one in items]):
        for uuid, id in connection.execute(select(item.c.uuid, number).where(item.c.uuid.in_(some))):
            if id is not None:
                batches[uuid] = id
    stamps: dict[int, list[Stamp]] = {}
    for ids in chunks(sorted(set(batches.values()))):
        query = select(token.c.batch_id, token.c.tsa, token.c.gen_time, token.c.external)
        for row in connection.execute(query.where(token.c.batch_id.in_(ids)).order_by(token.c.id)):
            stamp = Stamp(authority=row.tsa, gen_time=row.gen_time, external=bool(row.external))
            stamps.setdefault(row.batch_id, []).append(stamp)
    return {uuid: tuple(stamps.get(id, ())) for uuid, id in batches.items()}


def wanted_items(selection: Selection) -> ItemsWanted:
    """Return the filters that a selection of items has."""
    words = selection.words
    named = {name: words.get(name) for name in ("agent", "check", "format", "source", "target", "type", "verdict")}
    state = ProofState(words["state"]) if "state" in words else None
    return ItemsWanted(**named, state=state, since=selection.since, until=selection.until)


def _of_list(connection: Connection, wanted: ItemsWanted) -> Iterator[str]:
    others = others_of(wanted)
    names = [name for name in others if name != "state"]
    query = list_query(wanted, leading_of(wanted), columns=["uuid", *names], state="state" in others)
    return _chosen(connection, query, wanted, names)


def _of_job(connection: Connection, wanted: ItemsWanted, uuid: str) -> Iterator[str]:
    names = [*wanted.exact, *(["source"] if wanted.is_pattern else [])]
    query = list_query(wanted, None, columns=["uuid", *names], state=wanted.state is not None)
    runs = select(job_run.c.uuid).join(job, job.c.id == job_run.c.job_id).where(job.c.uuid == uuid)
    return _chosen(connection, query.where(tables.item.c.uuid.in_(runs)), wanted, names)


def _chosen(connection: Connection, query: Select[Any], wanted: ItemsWanted, names: Sequence[str]) -> Iterator[str]:
    keep = chooser_of(wanted, names)
    for row in connection.execute(query, execution_options={"yield_per": 1_000}).mappings():
        if keep(row):
            yield row["uuid"]


def _item(row: RowMapping) -> SelectedItem:
    values = {name: row[name] for name in (*_COLUMNS, *_SIZES)}
    # As it is in the store: who changed it there is found by those who check proofs.
    meta = orjson.loads(row["statement"])["meta"]
    return SelectedItem(**values, state=ProofState(row["state"]), meta=meta)
