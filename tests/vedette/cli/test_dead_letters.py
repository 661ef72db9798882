"""`vedette dead-letters` over real outboxes, one of them open, and real queues."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from registry.audit import Audit
from registry.database import Database
from registry.intake import Delivery, Intake
from registry.items import Items
from registry.outbox import Outbox
from registry.queues import Asker, Queues
from vedette.cli.actor import command_line_actor
from vedette.cli.dead_letters import app
from vedette.clock import SystemClock
from vedette.messages.item import ReceivedItem

RT = Asker(jid="rt@localhost", role="rt")
CLOCK = SystemClock()


def item(payload: bytes = b"seen") -> dict[str, Any]:
    meta = {"uuid": str(uuid4()), "ts": CLOCK.now() // 1_000_000, "type": "scan"}
    return {
        "version": "1",
        "format": "text",
        "meta": meta,
        "payload": {"raw": base64.b64encode(payload).decode()},
    }


class Fleet:
    """A fleet's folder with dead letters in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "vedette.yml"
        self.config.write_text("data: var\n")
        (folder / "var" / "outbox").mkdir(parents=True)
        Database(self.store_url).migrate()

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.folder / 'var' / 'store.db'}"

    def outbox(self, name: str) -> Outbox:
        path = self.folder / "var" / "outbox" / f"{name}.db"
        agent = f"{name}@localhost"
        return Outbox(path, agent=agent, clock=CLOCK, limit_items=10, limit_bytes=10**6, max_attempts=1)

    async def bury_in_outbox(self, outbox: Outbox, *, count: int = 1) -> list[str]:
        await outbox.open()
        stored = await outbox.add([item() for _ in range(count)])
        uuids = [one["meta"]["uuid"] for one in stored]
        for uuid in uuids:
            await outbox.refuse(uuid, "meta.type", "is\x1b[31m wrong")
        return uuids

    async def bury_in_queue(self, data: dict[str, Any], *, queue: str = "rt") -> str:
        with Database(self.store_url) as database:
            queues = Queues(database=database, clock=CLOCK, max_attempts=1)
            await queues.bind(queue, owner="rt", asker=RT, patterns=["#"])
            intake = Intake(database=database, engine="engine@localhost", clock=CLOCK)
            await intake.open()
            received = ReceivedItem(data)
            delivery = Delivery(
                sender="p@localhost", signed=None, manifest=None, items=(received,), received_at=CLOCK.now()
            )
            await intake.commit([delivery])
            (held,) = await queues.lease(queue, asker=RT, life="1", limit=9, max_bytes=10**6, lease_seconds=60)
            await queues.reject(queue, asker=RT, life="1", failures=[(held.id, "no columns")])
            return held.uuid

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-c", str(self.config)])

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run("list", "--json", *arguments)
        assert done.exit_code == 0, done.output
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


@pytest.fixture
def running() -> Iterator[asyncio.Runner]:
    """A loop in which an agent's outbox stays open while the commands run."""
    with asyncio.Runner() as runner:
        yield runner


def test_nothing_dead_is_said_and_good(fleet: Fleet) -> None:
    done = fleet.run("list")
    assert (done.exit_code, done.stdout) == (0, "No dead letters.\n")


def test_outboxes_and_queues_are_listed_and_shown(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox, data = fleet.outbox("probe1"), item(b"the content")
    (in_outbox,) = running.run(fleet.bury_in_outbox(outbox))
    in_queue = running.run(fleet.bury_in_queue(data))

    places = {letter["place"]: letter for letter in fleet.listed()}

    assert set(places) == {"outbox:probe1", "queue:rt"}
    first, second = places["outbox:probe1"], places["queue:rt"]
    assert (first["uuid"], first["sender"], first["attempts"]) == (in_outbox, "probe1@localhost", 1)
    assert (second["uuid"], second["sender"], second["reason"]) == (in_queue, "p@localhost", "no columns")
    text = fleet.run("list").stdout
    assert in_outbox in text
    assert "\x1b" not in text
    assert json.loads(fleet.run("show", in_queue, "--json").stdout)["item"] == data
    assert json.loads(fleet.run("show", in_outbox, "--json").stdout)["item"]["meta"]["uuid"] == in_outbox
    running.run(outbox.close())


def test_replay_reaches_a_running_agent(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    uuids = running.run(fleet.bury_in_outbox(outbox, count=2))

    done = fleet.run("replay", *uuids, "--json")

    assert done.exit_code == 0, done.output
    assert [one["done"] for one in json.loads(done.stdout)] == ["replayed", "replayed"]
    waiting = running.run(outbox.next_batch(max_items=10, max_bytes=10**6))
    assert [one.uuid for one in waiting] == uuids
    # The agent's own count of what waits follows: its limit still holds.
    running.run(outbox.add([item() for _ in range(8)]))
    assert running.run(outbox.status()).items == 10
    assert fleet.listed() == []
    running.run(outbox.close())


def test_discard_needs_a_reason_and_leaves_a_tombstone(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    (in_outbox,) = running.run(fleet.bury_in_outbox(outbox))
    running.run(outbox.close())
    in_queue = running.run(fleet.bury_in_queue(item()))
    assert fleet.run("discard", in_outbox).exit_code == 2
    assert fleet.run("discard", in_outbox, "--reason", " ").exit_code == 2
    assert len(fleet.listed()) == 2

    assert fleet.run("discard", in_outbox, in_queue, "--reason", "a test of ours").exit_code == 0

    assert fleet.listed() == []
    assert {one["discarded"] for one in fleet.listed("--discarded")} == {"a test of ours"}
    assert fleet.run("replay", in_outbox).exit_code == 1

    async def still_there() -> None:
        with Database(fleet.store_url) as database:
            await Items(database=database).get(in_queue)

    running.run(still_there())


def test_a_queue_s_letter_is_replayed_and_an_ambiguous_one_needs_a_place(
    fleet: Fleet, running: asyncio.Runner
) -> None:
    data = item()
    uuid = running.run(fleet.bury_in_queue(data))

    async def bury_again() -> None:
        with Database(fleet.store_url) as database:
            queues = Queues(database=database, clock=CLOCK, max_attempts=1)
            await queues.bind("misp", owner="rt", asker=RT, patterns=["#"], from_start=True)
            (held,) = await queues.lease("misp", asker=RT, life="1", limit=9, max_bytes=10**6, lease_seconds=60)
            await queues.reject("misp", asker=RT, life="1", failures=[(held.id, "no field")])

    running.run(bury_again())
    ambiguous = fleet.run("replay", uuid)
    assert (ambiguous.exit_code, "--in" in ambiguous.output) == (2, True)
    assert fleet.run("replay", uuid, "--in", "queue:rt").exit_code == 0
    assert [one["place"] for one in fleet.listed()] == ["queue:misp"]


def test_an_unknown_uuid_changes_nothing(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    (uuid,) = running.run(fleet.bury_in_outbox(outbox))
    running.run(outbox.close())
    for command in (["show", "none"], ["replay", uuid, "none"], ["discard", "none", "--reason", "x"]):
        assert fleet.run(*command).exit_code == 1
    assert len(fleet.listed()) == 1


def test_a_file_that_cannot_be_read_is_said_and_hides_nothing(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    (uuid,) = running.run(fleet.bury_in_outbox(outbox))
    running.run(outbox.close())
    folder = fleet.folder / "var" / "outbox"
    (folder / "garbage.db").write_bytes(b"x" * 5000)
    other = sqlite3.connect(folder / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()

    done = fleet.run("list")

    assert done.exit_code == 1
    assert uuid in done.stdout
    assert "garbage.db" in done.stderr
    assert "is not an outbox" in done.stderr


def test_a_missing_store_hides_no_outbox(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    (uuid,) = running.run(fleet.bury_in_outbox(outbox))
    running.run(outbox.close())
    (fleet.folder / "var" / "store.db").unlink()
    done = fleet.run("list")
    assert (done.exit_code, uuid in done.stdout) == (1, True)


def test_without_a_fleet_it_is_wrong_use(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["list", "-c", str(tmp_path / "none.yml")])
    assert done.exit_code != 0
    assert "does not exist" in str(done.exception)


def test_what_was_decided_is_in_the_audit_log(fleet: Fleet, running: asyncio.Runner) -> None:
    outbox = fleet.outbox("probe1")
    first, second = running.run(fleet.bury_in_outbox(outbox, count=2))
    queued = running.run(fleet.bury_in_queue(item()))

    for words in (("replay", first), ("discard", second, "--reason", "a test"), ("replay", queued)):
        assert fleet.run(*words).exit_code == 0

    with Database(fleet.store_url) as database:
        page = asyncio.run(Audit(database=database, clock=CLOCK).page())
    assert [(entry.action, entry.object, entry.detail) for entry in reversed(page.entries)] == [
        ("dead-letter.replay", f"{first} in outbox:probe1", ""),
        ("dead-letter.discard", f"{second} in outbox:probe1", "a test"),
        ("dead-letter.replay", f"{queued} in queue:rt", ""),
    ]
    assert {entry.who for entry in page.entries} == {command_line_actor().who}
    running.run(outbox.close())


def test_without_the_store_an_outbox_is_served_and_the_missing_entry_said(
    fleet: Fleet, running: asyncio.Runner
) -> None:
    outbox = fleet.outbox("probe1")
    (uuid,) = running.run(fleet.bury_in_outbox(outbox))
    running.run(outbox.close())
    Path(fleet.store_url.removeprefix("sqlite:///")).unlink()

    done = fleet.run("replay", uuid)

    assert done.exit_code == 0, done.output
    assert "is not in the audit log" in done.stderr
