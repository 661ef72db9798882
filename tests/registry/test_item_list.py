"""The list of items: filters find exactly theirs, pages go both ways, and indexes carry what is promised."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Select, text
from sqlalchemy.dialects import postgresql, sqlite

from registry import listing
from registry.database import Database
from registry.intake import Intake
from registry.item_list import ITEMS, ItemList, ItemsWanted, leading_of, list_query
from registry.items import ItemSummary
from registry.listing import Page
from registry.proof_state import ProofState
from registry.proofs import Proofs
from vedette.clock import ManualClock
from vedette.errors import RefusedError

ALL = ItemsWanted()
FEED = "vedette.in.unstructured.feed.daily"
SCAN = "vedette.in.structured.nmap.probe1"


@pytest.fixture
def items(database: Database) -> ItemList:
    return ItemList(database=database)


def uuids(page: Page[ItemSummary]) -> list[str]:
    return [item.uuid for item in page.rows]


async def walk(items: ItemList, wanted: ItemsWanted, *, limit: int) -> list[Page[ItemSummary]]:
    """Return all pages, forward."""
    pages = [await items.page(wanted=wanted, limit=limit)]
    while (cursor := pages[-1].next) is not None:
        pages.append(await items.page(wanted=wanted, limit=limit, cursor=cursor))
    return pages


async def test_pages_go_forward_and_back_over_the_same_rows_while_items_arrive(
    intake: Intake, items: ItemList, sender: Any
) -> None:
    first = sender.deliver(count=25)
    await intake.commit([first])
    newest_first = [item.uuid for item in reversed(first.items)]

    pages = await walk(items, ALL, limit=10)
    await intake.commit([sender.deliver(count=5, received_at=first.received_at + 1)])

    assert [uuid for page in pages for uuid in uuids(page)] == newest_first
    assert [page.previous is None for page in pages] == [True, False, False]
    back = await items.page(wanted=ALL, limit=10, cursor=pages[2].previous)
    assert uuids(back) == uuids(pages[1])
    assert back.next is not None
    assert uuids(await items.page(wanted=ALL, limit=10, cursor=back.next)) == uuids(pages[2])
    front = await items.page(wanted=ALL, limit=10, cursor=back.previous)
    assert uuids(front) == uuids(pages[0])
    # What arrived since is before it.
    newer = await items.page(wanted=ALL, limit=10, cursor=front.previous)
    assert (len(newer.rows), newer.previous) == (5, None)


async def test_filters_find_exactly_theirs(
    intake: Intake, items: ItemList, sender: Any, make_sender: Callable[[str], Any]
) -> None:
    other = make_sender("other@x")
    plain = sender.item(source=SCAN, verdict="as expected")
    checked = sender.item(check="nmap", verdict="deviates", target="10.0.0.1", type="flow", source=SCAN)
    foreign = other.item(check="nmap", source=FEED, target="x" * 900)
    await intake.commit([sender.deliver(plain, checked), other.deliver(foreign, received_at=5)])

    async def found(**wanted: Any) -> list[str]:
        return uuids(await items.page(wanted=ItemsWanted(**wanted), limit=10))

    assert await found(agent="other@x") == [foreign.uuid]
    assert await found(check="nmap") == [checked.uuid, foreign.uuid]
    assert await found(check="nmap", type="flow") == [checked.uuid]
    assert await found(verdict="deviates", target="10.0.0.1") == [checked.uuid]
    assert await found(verdict="as expected") == [plain.uuid]
    assert await found(target="x" * 900) == [foreign.uuid]
    assert await found(target="x" * 600) == []
    assert await found(source=SCAN) == [checked.uuid, plain.uuid]
    assert await found(source="vedette.in.unstructured.#") == [foreign.uuid]
    assert await found(source="vedette.in.*.nmap.*", type="flow") == [checked.uuid]
    assert await found(format="text", type="flow") == [checked.uuid]
    assert await found(format="nothing") == []
    assert await found(until=6) == [foreign.uuid]
    assert await found(since=6) == [checked.uuid, plain.uuid]
    assert await found(agent="a\0b") == []
    assert await found(state=ProofState.PROVED) == []
    with pytest.raises(RefusedError, match="pattern"):
        await found(source="vedette..in")


async def test_the_state_of_the_proof_is_listed_and_filtered(
    intake: Intake, items: ItemList, database: Database, clock: ManualClock, sender: Any
) -> None:
    proofs = Proofs(database=database, engine="engine@localhost", clock=clock)
    delivery = sender.deliver(count=5)
    await intake.commit([delivery])
    batch = await proofs.close_batch(max_items=2)
    assert batch is not None
    await proofs.set_failed(batch, "test")

    failed = await items.page(wanted=ItemsWanted(state=ProofState.FAILED), limit=10)

    assert uuids(failed) == [delivery.items[1].uuid, delivery.items[0].uuid]
    assert len((await items.page(wanted=ItemsWanted(state=ProofState.PENDING), limit=10)).rows) == 3


async def test_a_filter_that_finds_little_looks_at_so_many_and_goes_on(
    intake: Intake, items: ItemList, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "EXAMINED", 8)
    monkeypatch.setattr(listing, "_PIECE", 4)
    rare = [sender.item(source=FEED), *(sender.item(source=SCAN) for _ in range(40)), sender.item(source=FEED)]
    await intake.commit([sender.deliver(*rare)])

    pages = await walk(items, ItemsWanted(source="#.feed.#"), limit=2)

    assert [uuid for page in pages for uuid in uuids(page)] == [rare[-1].uuid, rare[0].uuid]
    assert len(pages) > 3
    back, seen = pages[-1], list[str]()
    while back.previous is not None:
        back = await items.page(wanted=ItemsWanted(source="#.feed.#"), limit=2, cursor=back.previous)
        seen = uuids(back) + seen
    assert seen + uuids(pages[-1]) == [rare[-1].uuid, rare[0].uuid]


def cursor_of(*parts: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "A" * 9000,
        cursor_of("items"),
        cursor_of("items", 1, 2, 3),
        cursor_of("items", 1, 2, 3, "4"),
        cursor_of("items", 1, 2, 3, True),
        cursor_of("items", 2, 2, 3, 4),
        cursor_of("items", True, 2, 3, 4),
        cursor_of("items", 1, 2.5, 3, 4),
        cursor_of("batches", 1, 2, 3, 4),
        cursor_of("items", 1, 2**63, 3, 4),
        cursor_of("items", 1, 2, 3, 4) + "=",
    ],
)
async def test_a_foreign_cursor_is_refused(items: ItemList, cursor: str) -> None:
    with pytest.raises(RefusedError, match="cursor"):
        await items.page(wanted=ALL, limit=10, cursor=cursor)


INDEXED = {
    "ix_item_received": ItemsWanted(since=1, until=2),
    "ix_item_agent_received": ItemsWanted(agent="a@b", type="scan", since=1),
    "ix_item_type_received": ItemsWanted(type="scan", state=ProofState.PENDING),
    "ix_item_check_received": ItemsWanted(check="nmap", agent="a@b"),
    "ix_item_target_received": ItemsWanted(target="10.0.0.1", verdict="deviates"),
    "ix_item_source_received": ItemsWanted(source=SCAN, agent="a@b"),
    "ix_item_verdict_received": ItemsWanted(verdict="deviates", agent="a@b"),
}


def plan(connection: Connection, query: Select[Any]) -> str:
    """Return how the database would find a page."""
    ordered = query.order_by(*(column.desc() for column in ITEMS.columns)).limit(101)
    if connection.dialect.name == "sqlite":
        statement = str(ordered.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        rows = connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all()
        return "\n".join(row[3] for row in rows)
    # In an empty table reading all of it is cheapest: what counts is whether an index can be used.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    connection.execute(text("SET LOCAL enable_bitmapscan = off"))
    statement = str(ordered.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    return "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {statement}")))


@pytest.mark.parametrize("index", list(INDEXED))
def test_an_index_leads(database: Database, index: str) -> None:
    query = list_query(INDEXED[index], leading_of(INDEXED[index]), state=True)
    shown = database.read_sync(lambda connection: plan(connection, query))
    assert index in shown, shown
