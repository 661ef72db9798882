"""`vedette audit list` and `vedette bundle --audit` over a real store; what the commands themselves write down."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.alarms import Alarms
from registry.audit import Audit, AuditEntry
from registry.database import Database
from registry.proofs import Proofs
from vedette.cli.main import build
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.finding import Finding

ENGINE = "aggregation@localhost"
CLOCK = SystemClock()
ME = f"command line {pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture
def paths(tmp_path: Path) -> FleetPaths:
    """A fleet's folder with an empty store."""
    file = tmp_path / "vedette.yml"
    file.write_text("data: var\n")
    _, paths = load_fleet(file)
    paths.make()
    Database(paths.store_url).migrate()
    return paths


def run(paths: FleetPaths, *arguments: object) -> Result:
    words = [*map(str, arguments), "-c", str(paths.file)]
    return CliRunner().invoke(build(words), words)


def listed(paths: FleetPaths, *arguments: object) -> list[dict[str, Any]]:
    done = run(paths, "audit", "list", "--json", *arguments)
    assert done.exit_code == 0, done.output
    entries: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
    return entries


def deeds(paths: FleetPaths) -> list[tuple[str, str, str]]:
    """Who did what to what, the newest first."""
    return [(entry["who"], entry["action"], entry["object"]) for entry in listed(paths)]


def record(paths: FleetPaths, *entries: AuditEntry) -> None:
    async def work(database: Database) -> None:
        for entry in entries:
            await Audit(database=database, clock=CLOCK).record(entry)

    with Database(paths.store_url) as database:
        asyncio.run(work(database))


def entry(action: str, who: str = "user anna") -> AuditEntry:
    return AuditEntry(who=who, action=action, object="x", origin="192.0.2.1", detail="why\x1b[31m not")


def stamp(paths: FleetPaths) -> None:
    """Do what the engine does."""

    async def work(database: Database) -> None:
        proofs = Proofs(database=database, engine=ENGINE, clock=CLOCK)
        await proofs.log_audits()
        batch = await proofs.close_batch(max_items=10)
        assert batch is not None
        authority = LocalAuthority.open(paths.tsa, clock=CLOCK, create=True)
        token = await authority.stamp(batch.root)
        await proofs.store_token(batch=batch, tsa="local", external=False, token=token)

    with Database(paths.store_url) as database:
        asyncio.run(work(database))


def test_an_empty_log_says_so(paths: FleetPaths) -> None:
    done = run(paths, "audit", "list")
    assert (done.exit_code, done.stdout) == (0, "No entries.\n")


def test_entries_are_listed_filtered_and_paged(paths: FleetPaths) -> None:
    record(paths, entry("agent.enroll"), entry("agent.revoke", "key feeds"), entry("key.issue"))

    done = run(paths, "audit", "list")
    assert [line.split("  ")[-1].split(" ")[0] for line in done.stdout.splitlines()] == [
        "key.issue",
        "agent.revoke",
        "agent.enroll",
    ]
    assert "user anna (192.0.2.1)" in done.stdout
    assert "\x1b" not in done.stdout
    assert [one["action"] for one in listed(paths, "--action", "agent.")] == ["agent.revoke", "agent.enroll"]
    assert [one["action"] for one in listed(paths, "--who", "key feeds", "--object", "x")] == ["agent.revoke"]
    assert listed(paths, "--until", "2020-01-01") == []
    assert len(listed(paths, "--since", "2020-01-01T00:00:00")) == 3
    first = run(paths, "audit", "list", "--limit", 2)
    cursor = first.stdout.splitlines()[-1].rpartition(" ")[2]
    assert [one["action"] for one in listed(paths, "--cursor", cursor)] == ["agent.enroll"]


def test_an_entry_is_bundled_once_it_is_stamped(paths: FleetPaths, tmp_path: Path) -> None:
    record(paths, entry("document.delete"))
    (found,) = listed(paths)
    target = tmp_path / "deed.zip"
    pending = run(paths, "bundle", "--audit", found["id"], "-o", target)
    assert (pending.exit_code, target.exists()) == (1, False)
    assert "no engine has logged it yet" in pending.stderr
    stamp(paths)

    done = run(paths, "bundle", "--audit", found["id"], "-o", target, "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["uuid"] == found["uuid"]
    words = ["verify", str(target), "--trust", str(paths.roots), "--json"]
    verified = CliRunner().invoke(build(words), words)
    assert verified.exit_code == 0, verified.output
    assert listed(paths)[0]["state"] == "self-asserted"
    assert run(paths, "bundle", "--audit", 10**6, "-o", tmp_path / "none.zip").exit_code == 1


@pytest.mark.parametrize(
    "named", [(), ("0b6c3f6e-6f0e-4a3e-9a55-3f2f7a7a1d01", "--audit", "1")], ids=["none", "both"]
)
def test_a_bundle_is_of_one_thing(paths: FleetPaths, tmp_path: Path, named: tuple[str, ...]) -> None:
    done = run(paths, "bundle", *named, "-o", tmp_path / "x.zip")
    assert done.exit_code == 2
    assert "name one thing" in done.output


def test_enrolling_revoking_and_migrating_are_written_down(paths: FleetPaths) -> None:
    paths.file.write_text("data: var\nxmpp:\n  port: 5222\napi:\n  port: 8080\n")
    for words in (("migrate",), ("enroll", "scout", "--role", "probe"), ("enroll", "scout", "--role", "probe")):
        done = run(paths, *words)
        assert done.exit_code == 0, done.output
    assert run(paths, "revoke", "scout").exit_code == 0
    assert run(paths, "revoke", "scout").exit_code == 1

    jid = "scout@localhost"
    found = [deed for deed in deeds(paths) if deed[0] == ME]
    key = found[2][2]
    assert key.startswith("key ")
    assert found == [
        (ME, "account.remove", jid),
        (ME, "agent.revoke", jid),
        (ME, "key.revoke", key),
        (ME, "agent.enroll", jid),
        (ME, "account.make", jid),
        (ME, "store.migrate", "schema"),
    ]
    by_action = {one["action"]: one["detail"] for one in listed(paths)}
    assert by_action["agent.enroll"].startswith("role probe; key ")
    secrets = json.dumps(listed(paths))
    assert "password" not in secrets
    assert "key vdt_" not in secrets


def test_taking_note_of_an_alarm_and_renewing_are_written_down(paths: FleetPaths) -> None:
    with Database(paths.store_url) as database:
        finding = Finding(kind="gap", place="somewhere", text="x")
        asyncio.run(Alarms(database=database, clock=CLOCK).report([finding]))
    record(paths, entry("a.b"))
    stamp(paths)
    assert run(paths, "evidence", "alarms", "--acknowledge", 1).exit_code == 0
    assert run(paths, "evidence", "renew", "--dry-run").exit_code == 0
    assert run(paths, "evidence", "renew").exit_code == 0

    assert deeds(paths)[:2] == [(ME, "evidence.renew", "evidence records"), (ME, "alarm.acknowledge", "alarm 1")]
