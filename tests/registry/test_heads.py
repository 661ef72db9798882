"""Given signed heads, when a log is cut off, rewritten or taken away, then the next look and every check say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, delete, text, update

from registry import tables
from registry.database import Database
from registry.directory import Directory
from registry.head_lists import read_lists
from registry.heads import SignedHeads
from registry.intake import Intake
from registry.receipts import check_receipts
from registry.tally_tables import item_tally
from vedette.canonical import parse_json
from vedette.clock import ManualClock
from vedette.errors import StoreError
from vedette.messages.batch import Signed, open_signed
from vedette.messages.card import Role
from vedette.messages.heads import ChainHead, HeadList
from vedette.signing import SigningKey

ENGINE = "engine@localhost"
REGISTRY = "registry@localhost"


class Watch:
    """A registry with its key, over a store with an engine's log."""

    def __init__(self, database: Database, clock: ManualClock, intake: Intake) -> None:
        self.database = database
        self.clock = clock
        self.intake = intake
        self.key = SigningKey.generate()
        self.heads = SignedHeads(database=database, clock=clock)

    async def enrol(self) -> None:
        directory = Directory(database=self.database, clock=self.clock)
        await directory.enrol(REGISTRY, role=Role.REGISTRY, public_key=self.key.verifying.text)

    async def sign(self) -> tuple[bool, list[str]]:
        """Sign; return whether there is a new list, and what kinds of findings there are."""
        done = await self.heads.sign(registry=REGISTRY, key=self.key)
        return done.signed is not None, [finding.kind for finding in done.findings]

    async def change(self, work: Any) -> None:
        await self.database.write(lambda connection: work(connection) and None)

    async def checked(self, *kept: Signed) -> tuple[int, list[str]]:
        """Return lists that verify, and the kinds of findings."""
        report = await check_receipts(self.database, [], heads=kept)
        return report.heads, [finding.kind for finding in report.findings]


@pytest.fixture
async def watch(database: Database, clock: ManualClock, intake: Intake, sender: Any) -> Watch:
    made = Watch(database, clock, intake)
    await made.enrol()
    await intake.commit([sender.deliver(count=3)])
    return made


async def test_what_is_signed_is_where_the_logs_stand(watch: Watch, sender: Any, clock: ManualClock) -> None:
    assert await watch.heads.latest() is None
    assert await watch.sign() == (True, [])
    (result,) = await watch.intake.commit([sender.deliver(count=2)])
    clock.advance(10)
    assert await watch.sign() == (True, [])
    assert await watch.sign() == (False, [])
    latest = await watch.heads.latest()
    assert latest is not None
    value = open_signed(HeadList, latest.signed, watch.key.verifying)
    head = ChainHead(engine=ENGINE, epoch=watch.intake.epoch, next_index=5, head=result.head)
    assert (value.registry, value.at, value.heads) == (REGISTRY, clock.now(), [head])
    first = await watch.heads.page(limit=1)
    second = await watch.heads.page(limit=1, cursor=first.next)
    assert ([*first.rows, *(stored.id for stored in second.rows)], second.next) == ([latest, latest.id - 1], None)
    assert latest.public_key == watch.key.verifying.text
    assert await watch.checked() == (2, [])


async def test_another_process_goes_on_from_the_store(watch: Watch, database: Database, clock: ManualClock) -> None:
    await watch.sign()
    watch.heads = SignedHeads(database=database, clock=clock)
    assert await watch.sign() == (False, [])


def _cut(connection: Connection) -> bool:
    item, chain = tables.item, tables.chain
    connection.execute(delete(item).where(item.c.log_index >= 1))
    connection.execute(update(chain).values(next_index=1))
    return True


def _take_away(connection: Connection) -> bool:
    for table in (item_tally, tables.item, tables.chain):
        connection.execute(delete(table))
    return True


def _rewrite(connection: Connection) -> bool:
    connection.execute(text("UPDATE item SET statement = :data WHERE log_index = 1").bindparams(data=b"{}"))
    connection.execute(update(tables.chain).values(head=b"x" * 32))
    return True


@pytest.mark.parametrize(
    ("harm", "kind"),
    [(_cut, "truncated"), (_take_away, "truncated"), (_rewrite, "rewritten")],
    ids=["cut", "taken away", "rewritten"],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
async def test_harm_is_found_and_never_signed(watch: Watch, harm: Any, kind: str, restarted: bool) -> None:
    await watch.sign()
    before = await watch.heads.latest()
    await watch.change(harm)
    if restarted:
        watch.heads = SignedHeads(database=watch.database, clock=watch.clock)
    assert await watch.sign() == (False, [kind])
    assert await watch.heads.latest() == before
    assert kind in (await watch.checked())[1]


async def test_a_kept_list_finds_what_was_cut_off_with_all_traces(watch: Watch) -> None:
    await watch.sign()
    kept = await watch.heads.latest()
    assert kept is not None
    await watch.change(_cut)
    await watch.change(lambda connection: connection.execute(text("DELETE FROM signed_heads")))
    assert await watch.checked() == (0, [])
    assert await watch.checked(kept.signed) == (1, ["truncated"])


async def test_other_logs_are_signed_on_while_one_is_wrong(watch: Watch, sender: Any) -> None:
    await watch.sign()
    await watch.change(_cut)
    other = Intake(database=watch.database, engine="other@localhost", clock=watch.clock)
    await other.open()
    assert await watch.sign() == (True, ["truncated"])
    latest = await watch.heads.latest()
    assert latest is not None
    assert [head["next_index"] for head in parse_json(latest.signed.text)["heads"]] == [3, 0]


async def test_a_list_that_the_registry_did_not_sign_is_a_finding(watch: Watch) -> None:
    value = HeadList(registry=REGISTRY, at=0, heads=[])
    stranger = HeadList(registry="stranger@localhost", at=0, heads=[])
    key = SigningKey.generate()
    lists = (Signed.seal(value, key), Signed.seal(stranger, key), Signed(text="{}", signature=""))
    assert await watch.checked(*lists) == (0, ["heads"] * 3)


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
async def test_lists_of_a_former_key_are_left_out_and_counted(watch: Watch, restarted: bool) -> None:
    await watch.sign()
    kept = await watch.heads.latest()
    assert kept is not None
    watch.key = SigningKey.generate()
    await watch.enrol()
    if restarted:
        watch.heads = SignedHeads(database=watch.database, clock=watch.clock)
    # The logs stand where they stood, and are signed again all the same: nothing confirms the former list.
    assert [await watch.sign() for _ in range(2)] == [(True, []), (False, [])]
    report = await check_receipts(watch.database, [])
    assert (report.heads, report.heads_left_out, report.findings) == (1, 1, ())
    # What somebody kept is not silenced by another key.
    assert await watch.checked(kept.signed) == (1, ["heads"])


async def test_kept_lists_are_read_from_a_file(watch: Watch, tmp_path: Path) -> None:
    await watch.sign()
    kept = await watch.heads.latest()
    assert kept is not None
    file = tmp_path / "heads.jsonl"
    file.write_text(kept.signed.model_dump_json() + "\n\n")
    assert read_lists(file) == [kept.signed]
    file.write_bytes(orjson.dumps(kept) + b"\n")
    assert read_lists(file) == [kept.signed]
    file.write_text(kept.signed.model_dump_json() + "\n[]\n")
    with pytest.raises(StoreError, match="line 2"):
        read_lists(file)
    with pytest.raises(StoreError, match="cannot be read"):
        read_lists(tmp_path / "missing")
