"""What SCANDALE's routes and the events read, on both databases."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete
from sqlalchemy import event as database_event

from registry import chain as chains
from registry.database import Database
from registry.intake import Intake
from registry.live_events import LiveEvent, LiveEvents, Position
from registry.proofs import Proofs
from registry.scandale import ScandaleView
from registry.scandale_check import ProofCheck
from registry.scandale_tables import batch_top
from registry.scandale_tokens import MAX_POSTED, PostedTokens, UnknownScanError
from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots

ENGINE = "engine@localhost"


class Stamping:
    """Batches that are stamped by a local authority."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path) -> None:
        self.authority = LocalAuthority.open(folder / "tsa", clock=clock, create=True)
        self.roots = {"local": TrustRoots.load(folder / "tsa" / "roots.pem")}
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)

    async def batch(self, max_items: int = 1000, *, stamped: bool = True) -> None:
        batch = await self.proofs.close_batch(max_items=max_items)
        assert batch is not None
        if stamped:
            token = await self.authority.stamp(batch.root)
            await self.proofs.store_token(batch=batch, tsa="local", external=False, token=token)


@pytest.fixture
def stamping(database: Database, clock: ManualClock, tmp_path: Path) -> Stamping:
    return Stamping(database, clock, tmp_path)


async def test_lists_counts_and_tokens_follow_the_log(
    database: Database, intake: Intake, stamping: Stamping, sender: Any
) -> None:
    view = ScandaleView(database=database)
    assert (await view.counts()).scans == 0
    assert await view.tokens(skip=0, limit=10) == []
    items = [sender.item(payload=b"%d" % number) for number in range(7)]
    await intake.commit([sender.deliver(*items)])
    await stamping.batch(2)
    await stamping.batch(1, stamped=False)
    await stamping.batch(1, stamped=False)
    await stamping.batch(2)

    uuids = [item.uuid for item in items]
    assert await view.page(skip=1, limit=3) == (await view.items(uuids[1:4]), [])
    assert [await view.item_at(6)] == await view.items(uuids[6:])
    assert await view.item_at(7) is None
    same, _ = await view.page(skip=0, limit=9, payload_sha256=hashlib.sha256(b"5").hexdigest())
    assert same == await view.items([uuids[5]])
    shown = [orjson.loads(item)["scan_data"]["payload"]["raw"] for item in await view.items(uuids[:2])]
    assert shown == [base64.b64encode(b"0").decode(), base64.b64encode(b"1").decode()]
    counts = await view.counts()
    assert (counts.scans, counts.tokens) == (7, 4)
    stamped = [uuids[0], uuids[1], uuids[4], uuids[5]]
    assert [token.uuid for token in await view.tokens(skip=0, limit=10)] == stamped
    assert [token.uuid for token in await view.tokens(skip=1, limit=2)] == stamped[1:3]
    assert await view.token(uuids[6]) is None


async def test_pages_and_payloads_are_found_by_an_index(migrated_file: Path, tmp_path: Path) -> None:
    # PostgreSQL plans by the size of tables, which are small in tests.
    shutil.copyfile(migrated_file, tmp_path / "store.db")
    plans: list[str] = []
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:

        @database_event.listens_for(database._reading, "before_cursor_execute", retval=True)
        def explain(
            connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
        ) -> tuple[str, Any]:
            explained = connection.connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.extend(row[3] for row in explained)
            return statement, parameters

        view = ScandaleView(database=database)
        await view.page(skip=1, limit=2)
        await view.page(skip=0, limit=2, payload_sha256="0" * 64)
        await view.tokens(skip=0, limit=2)
    assert any("ix_item_chain_index" in plan for plan in plans), plans
    assert any("ix_item_payload" in plan for plan in plans), plans
    assert not [plan for plan in plans if plan.startswith("SCAN item") and "INDEX" not in plan], plans


async def test_proofs_are_checked_with_and_without_the_stored_top(
    database: Database, intake: Intake, stamping: Stamping, sender: Any, clock: ManualClock
) -> None:
    items = [sender.item() for _ in range(70)]
    await intake.commit([sender.deliver(*items)])
    for size in (64, 5, 1):
        await stamping.batch(size)
    for _ in range(2):
        check = ProofCheck(database=database, roots=stamping.roots, clock=clock)
        assert {await check.flaw(item.uuid) for item in items} == {""}
        await database.write(lambda connection: connection.execute(delete(batch_top)))
    assert await ProofCheck(database=database, roots={}, clock=clock).flaw(items[0].uuid)


async def test_posted_tokens_are_bounded(
    database: Database, intake: Intake, stamping: Stamping, sender: Any, clock: ManualClock
) -> None:
    item = sender.item(payload=b"payload")
    await intake.commit([sender.deliver(item)])
    tokens = PostedTokens(database=database, roots=stamping.roots, clock=clock)
    imprint = hashlib.sha256(b"payload").digest()
    for _ in range(MAX_POSTED):
        token = (await stamping.authority.stamp(imprint)).token
        assert await tokens.post(uuid=item.uuid, token=token, by="key one") is True
        assert await tokens.post(uuid=item.uuid, token=token, by="key one") is False
    with pytest.raises(RefusedError, match="posted tokens already"):
        await tokens.post(uuid=item.uuid, token=(await stamping.authority.stamp(imprint)).token, by="key one")
    with pytest.raises(UnknownScanError):
        await tokens.post(uuid="00000000-0000-4000-8000-000000000000", token=token, by="key one")


async def test_events_are_read_once_and_in_order_over_epochs_and_engines(
    database: Database, intake: Intake, stamping: Stamping, clock: ManualClock, make_sender: Callable[[str], Any]
) -> None:
    live, sender = LiveEvents(database=database), make_sender("one@localhost")
    start = await live.now()
    first = [sender.item() for _ in range(5)]
    await intake.commit([sender.deliver(*first)])
    await stamping.batch()
    await database.write(lambda connection: chains.start_chain(connection, engine=ENGINE, now=0))
    await intake.open()
    second = [sender.item() for _ in range(5)]
    await intake.commit([sender.deliver(*second)])
    other = Intake(database=database, engine="other@localhost", clock=clock)
    await other.open()
    third = [sender.item() for _ in range(3)]
    await other.commit([sender.deliver(*third)])

    events = await read_all(live, start, limit=2)
    scans = [event.fields["uuid"] for event in events if event.topic == "scan"]
    assert sorted(scans) == sorted(item.uuid for item in [*first, *second, *third])
    mine = [uuid for uuid in scans if uuid not in {item.uuid for item in third}]
    assert mine == [item.uuid for item in [*first, *second]]
    assert [event.topic for event in events].count("tst") == 1
    for place, event in enumerate(events):
        # Whatever was the last that somebody got, the rest follows.
        rest = await read_all(live, Position.parse(str(event.position)), limit=3)
        assert len(rest) == len(events) - place - 1
        assert event.is_before(event.position)
        assert not any(one.is_before(event.position) for one in rest)
    assert (await live.now()).covers(events[-1].position)


async def read_all(live: LiveEvents, position: Position, *, limit: int) -> list[LiveEvent]:
    found: list[LiveEvent] = []
    while events := await live.after(position, limit=limit):
        found += events
        position = events[-1].position
    return found
