"""`vedette retention`, `vedette items delete` and `vedette documents check`: exit codes, JSON, and what they say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from registry.content import ContentFolder
from registry.database import Database
from registry.directory import Directory
from registry.documents import Documents
from registry.intake import Intake
from registry.proofs import Proofs
from tests.registry.conftest import RECEIVED_AT, Sender
from vedette.cli import documents, items, retention
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role

ENGINE = "aggregation@localhost"
DOCUMENT = b"a document"
CONFIGURATION = """
data: var
retention:
  - {name: court, type: court, keep: forever}
  - {name: old, keep: 24h}
"""


class Fleet:
    def __init__(self, paths: FleetPaths) -> None:
        self.paths = paths
        self.uuids: list[str] = []

    def run(self, app: typer.Typer, *arguments: object) -> Result:
        return CliRunner().invoke(app, [*map(str, arguments), "-c", str(self.paths.file)])

    def json(self, app: typer.Typer, *arguments: object) -> Any:
        done = self.run(app, *arguments, "--json")
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    async def fill(self, database: Database) -> None:
        clock, sender = SystemClock(), Sender()
        await Directory(database=database, clock=clock).enrol(
            sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text
        )
        intake = Intake(database=database, engine=ENGINE, clock=clock)
        await intake.open()
        made = [sender.item(), sender.item(), sender.item(type="court")]
        self.uuids = [item.uuid for item in made]
        await intake.commit([sender.deliver(*made, received_at=RECEIVED_AT - 10 * 86_400_000_000)])
        authority = LocalAuthority.open(self.paths.tsa, clock=clock, create=True)
        proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        batch = await proofs.close_batch(max_items=10)
        assert batch is not None
        token = await authority.stamp(batch.root)
        await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
        folder = ContentFolder(self.paths.documents, limit=2**20)
        store = Documents(database=database, folder=folder, clock=clock)
        await store.open()

        async def pieces() -> AsyncIterator[bytes]:
            yield DOCUMENT

        await store.receive(pieces(), content_type="text/plain", by=sender.jid)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    file = tmp_path / "vedette.yml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    _, paths = load_fleet(file)
    paths.make()
    database = Database(paths.store_url)
    database.migrate()
    made = Fleet(paths)
    with database:
        asyncio.run(made.fill(database))
    return made


def test_a_dry_run_deletes_nothing_and_a_run_what_it_said(fleet: Fleet) -> None:
    dry = fleet.json(retention.app, "--dry-run")
    assert (dry["dry_run"], dry["deleted"], dry["size"]) == (True, 0, 22)
    assert dry["policies"][1] == {"policy": "old", "due": 2, "held": 0, "unproved": 0, "queued": 0}
    assert "nothing was deleted" in fleet.run(retention.app, "--dry-run").stdout
    done = fleet.json(retention.app)
    assert (done["dry_run"], done["deleted"], done["size"]) == (False, 2, 22)
    assert fleet.json(retention.app)["deleted"] == 0
    assert "0 payloads deleted" in fleet.run(retention.app).stdout


def test_a_hold_is_made_listed_kept_to_and_released(fleet: Fleet) -> None:
    uuid = fleet.uuids[0]
    assert fleet.run(retention.app, "hold", uuid, "--reason", "a court wants it").exit_code == 0
    assert fleet.run(retention.app, "hold", uuid, "--reason", "again").exit_code == 1
    (held,) = fleet.json(retention.app, "holds")
    assert (held["uuid"], held["reason"], held["held_by"].partition(" ")[0]) == (uuid, "a court wants it", "command")
    assert fleet.json(retention.app)["policies"][1]["held"] == 1
    refused = fleet.run(items.app, "delete", uuid, "--reason", "law")
    assert (refused.exit_code, "on hold" in refused.stderr) == (1, True)
    assert fleet.json(retention.app, "release", uuid)["held"] is False
    assert fleet.run(retention.app, "release", uuid).exit_code == 1
    assert fleet.run(retention.app, "holds").stdout == "Nothing is on hold.\n"
    assert fleet.json(retention.app)["deleted"] == 1


def test_one_item_is_deleted_with_a_reason(fleet: Fleet) -> None:
    uuid = fleet.uuids[2]
    assert fleet.run(items.app, "delete", uuid).exit_code == 2
    done = fleet.json(items.app, "delete", uuid, "--reason", "asked for by Jane")
    assert (done["uuid"], done["deleted"]["reason"]) == (uuid, "asked for by Jane")
    again = fleet.run(items.app, "delete", uuid, "--reason", "again")
    assert (again.exit_code, "deleted already" in again.stderr) == (1, True)
    assert len(fleet.json(items.app)) == 3


def test_documents_are_checked_and_what_is_wrong_is_an_alarm_and_exit_1(fleet: Fleet) -> None:
    good = fleet.run(documents.app, "check")
    assert (good.exit_code, "1 documents" in good.stdout) == (0, True)
    sha256 = hashlib.sha256(DOCUMENT).hexdigest()
    path = fleet.paths.documents / sha256[:2] / sha256[2:]
    path.write_bytes(b"another")
    assert fleet.run(documents.app, "check").exit_code == 1
    found = fleet.json(documents.app, "check")
    assert [finding["place"] for finding in found["findings"]] == [f"document {sha256}"]


def test_without_policies_everything_is_kept_and_that_is_said(fleet: Fleet) -> None:
    fleet.paths.file.write_text("data: var\n", encoding="utf-8")
    done = fleet.run(retention.app)
    assert (done.exit_code, "everything is kept" in done.stdout) == (0, True)
