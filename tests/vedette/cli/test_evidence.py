"""`vedette evidence` over a real store: exit codes, JSON, and what it says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from registry.database import Database
from registry.directory import Directory
from registry.heads import SignedHeads
from registry.intake import Intake
from registry.outbox import Outbox
from registry.proofs import Proofs
from tests.registry.conftest import Sender
from vedette.cli.evidence import app
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.batch import Receipt, Signed
from vedette.messages.card import Role
from vedette.signing import SigningKey

ENGINE = "aggregation@localhost"


@pytest.fixture
def paths(tmp_path: Path) -> FleetPaths:
    """A fleet's folder with a store of 5 stamped items, and an outbox with the receipt for them."""
    file = tmp_path / "vedette.yml"
    file.write_text("data: var\n")
    _, paths = load_fleet(file)
    paths.make()
    database = Database(paths.store_url)
    database.migrate()
    with database:
        asyncio.run(_fill(database, paths))
    return paths


async def _fill(database: Database, paths: FleetPaths) -> None:
    clock, sender, key = SystemClock(), Sender(), SigningKey.generate()
    directory = Directory(database=database, clock=clock)
    await directory.enrol(sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text)
    await directory.enrol(ENGINE, role=Role.AGGREGATION, public_key=key.verifying.text)
    intake = Intake(database=database, engine=ENGINE, clock=clock)
    await intake.open()
    delivery = sender.deliver(count=5)
    (result,) = await intake.commit([delivery])
    authority = LocalAuthority.open(paths.tsa, clock=clock, create=True)
    proofs = Proofs(database=database, engine=ENGINE, clock=clock)
    batch = await proofs.close_batch(max_items=10)
    assert batch is not None
    assert delivery.signed is not None
    token = await authority.stamp(batch.root)
    await proofs.store_token(batch=batch, tsa="local", external=False, token=token)
    receipt = Receipt(
        engine=ENGINE,
        epoch=intake.epoch,
        manifest_sha256=delivery.signed.sha256,
        committed=result.committed,
        refused=[],
        log_index=result.log_index,
        head=result.head,
    )
    outbox = Outbox(paths.outbox_of("probe"), agent=sender.jid, clock=clock, limit_items=10, limit_bytes=10_000)
    await outbox.open()
    await outbox.confirm(Signed.seal(receipt, key), [])
    await outbox.close()


def run(paths: FleetPaths, *arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "-c", str(paths.file)])


def answer(result: Result) -> Any:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return json.loads(result.stdout)


def change(paths: FleetPaths, statement: str) -> None:
    with Database(paths.store_url) as database:
        database.write_sync(lambda connection: connection.execute(text(statement)) and None)


def test_a_good_store(paths: FleetPaths) -> None:
    swept = run(paths, "sweep", "--json")
    assert (swept.exit_code, answer(swept)) == (0, {"items": 5, "findings": []})
    assert answer(run(paths, "sweep", "--all", "--json"))["items"] == 5
    assert (run(paths, "alarms").exit_code, answer(run(paths, "alarms", "--json"))) == (0, [])
    checked = run(paths, "check-receipts", paths.outbox_of("probe"), "--json")
    counts = {"receipts": 1, "items": 5, "heads": 0, "heads_left_out": 0}
    assert (checked.exit_code, answer(checked)) == (0, {"findings": []} | counts)
    status = answer(run(paths, "status", "--json"))
    assert (status["renewals"], status["alarms"]) == (0, 0)
    assert [(group["tsa"], group["count"]) for group in status["groups"]] == [("local", 1)]
    assert "1 records of local" in run(paths, "status").output


def test_renewal_with_a_date_and_a_dry_run(paths: FleetPaths) -> None:
    assert "Nothing is due" in run(paths, "renew", "--dry-run").output
    assert answer(run(paths, "renew", "--json")) == {"renewed": 0, "tokens": 0, "left": []}
    (due,) = answer(run(paths, "renew", "--dry-run", "--ends", "sha256=2020-01-01", "--json"))
    assert (due["kind"], due["digest"]) == ("hashtree", "sha512")
    assert "hashtree renewal with sha512" in run(paths, "renew", "--dry-run", "--ends", "sha256=2020-01-01").output
    renewed = run(paths, "renew", "--ends", "sha256=2020-01-01")
    assert (renewed.exit_code, "1 records renewed with 1 tokens" in renewed.output) == (0, True)
    assert run(paths, "sweep", "--all").exit_code == 0
    assert run(paths, "renew", "--ends", "sha256=tomorrow").exit_code == 2
    assert run(paths, "renew", "--ends", "rot13=2020-01-01").exit_code == 2


def test_what_cannot_be_renewed_is_said(paths: FleetPaths) -> None:
    left = run(paths, "renew", "--ends", "ecdsa-secp256r1=2020-01-01")
    assert (left.exit_code, "is no better" in left.output) == (1, True)
    assert run(paths, "alarms").exit_code == 1


def test_damage_is_found_listed_and_noted(paths: FleetPaths) -> None:
    change(paths, "UPDATE item_payload SET payload = 'x' WHERE log_index = 2")
    found = run(paths, "sweep")
    assert (found.exit_code, f"payload: {ENGINE}/" in found.output, ", item 2:" in found.output) == (1, True, True)
    assert run(paths, "sweep", "--all").exit_code == 1
    (alarm,) = answer(run(paths, "alarms", "--json"))
    assert alarm["kind"] == "payload"
    noted = run(paths, "alarms", "--acknowledge", alarm["id"])
    assert (noted.exit_code, "(noted)" in noted.output) == (0, True)
    assert run(paths, "alarms", "--acknowledge", 99).exit_code == 2


def test_a_cut_tail_shows_against_the_outbox(paths: FleetPaths) -> None:
    change(paths, "DELETE FROM item WHERE log_index >= 3")
    checked = run(paths, "check-receipts", paths.outbox_of("probe"))
    assert (checked.exit_code, "was confirmed and is not there" in checked.output) == (1, True)
    assert run(paths, "check-receipts", "missing.db").exit_code == 2


def test_signed_heads_are_shown_kept_and_held_against_the_log(paths: FleetPaths, tmp_path: Path) -> None:
    nothing = run(paths, "heads", "--json")
    assert (nothing.exit_code, answer(nothing)) == (1, None)
    with Database(paths.store_url) as database:
        asyncio.run(_sign_heads(database))
    kept = tmp_path / "kept.jsonl"
    shown = run(paths, "heads", "--keep", kept)
    assert (shown.exit_code, "5 entries" in shown.output) == (0, True)
    signed = answer(run(paths, "heads", "--json"))
    assert json.loads(kept.read_text()) == signed
    checked = run(paths, "check-receipts", "--heads", kept)
    assert (checked.exit_code, "2 lists of signed heads, 0 findings" in checked.output) == (0, True)
    assert "former key" not in checked.output
    with Database(paths.store_url) as database:
        asyncio.run(_sign_heads(database))
    renewed = run(paths, "check-receipts")
    assert (renewed.exit_code, "1 lists in the store were signed with a former key" in renewed.output) == (0, True)
    assert answer(run(paths, "check-receipts", "--json"))["heads_left_out"] == 1
    kept.unlink()
    assert run(paths, "heads", "--keep", kept).exit_code == 0
    change(paths, "DELETE FROM item WHERE log_index >= 3")
    change(paths, "UPDATE chain SET next_index = 3")
    change(paths, "DELETE FROM signed_heads")
    assert run(paths, "check-receipts").exit_code == 0
    found = run(paths, "check-receipts", "--heads", kept)
    assert (found.exit_code, "its tail was cut off" in found.output) == (1, True)
    assert run(paths, "heads", "--keep", tmp_path).exit_code == 2


async def _sign_heads(database: Database) -> None:
    clock, key = SystemClock(), SigningKey.generate()
    directory = Directory(database=database, clock=clock)
    await directory.enrol("registry@localhost", role=Role.REGISTRY, public_key=key.verifying.text)
    await SignedHeads(database=database, clock=clock).sign(registry="registry@localhost", key=key)
