"""`vedette xmpp person`: account, role and list together; no agent's account is ever touched."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ejabberd.accounts import EmbeddedAccounts, matches
from registry.audit import Audit, AuditRecord
from registry.database import Database
from registry.directory import Directory
from vedette.cli.person import app
from vedette.clock import SystemClock
from vedette.messages.card import Role
from vedette.signing import SigningKey


class Fleet:
    """A fleet's folder, and the command over it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "vedette.yml"
        self.config.write_text("# ours\ndata: var\n")
        self.xmpp = folder / "var" / "xmpp"
        self.xmpp.mkdir(parents=True)
        self.accounts = EmbeddedAccounts(self.xmpp)
        self.url = f"sqlite:///{folder / 'var' / 'store.db'}"
        Database(self.url).migrate()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-c", str(self.config)])

    def enrol(self, name: str) -> None:
        """Let an agent in."""
        self.accounts.create(name, "a password of an agent")
        with Database(self.url) as database:
            directory = Directory(database=database, clock=SystemClock())
            key = SigningKey.generate().verifying.text
            asyncio.run(directory.enrol(f"{name}@localhost", role=Role.PROBE, public_key=key))

    def lets_in(self, name: str, password: str) -> bool:
        """Tell whether the server would let somebody in."""
        with sqlite3.connect(self.xmpp / "accounts.sqlite") as connection:
            row = connection.execute("SELECT hash_pwd FROM credentials WHERE jid = ?", (name,)).fetchone()
        connection.close()
        return row is not None and matches(password, row[0])

    def recorded(self) -> list[AuditRecord]:
        with Database(self.url) as database:
            return asyncio.run(Audit(database=database, clock=SystemClock()).page()).entries


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_somebody_is_added_gets_a_new_password_and_is_removed(fleet: Fleet) -> None:
    assert "Nobody sees the fleet" in fleet.run("list").output
    added = json.loads(fleet.run("add", "anna", "--role", "operate", "--json").output)
    assert (added["jid"], added["role"]) == ("anna@localhost", "operate")
    assert fleet.lets_in("anna", added["password"])
    assert json.loads(fleet.run("list", "--json").output) == [{"jid": "anna@localhost", "role": "operate"}]
    # A new password ends the old one
    again = json.loads(fleet.run("password", "anna", "--json").output)
    assert fleet.lets_in("anna", again["password"])
    assert not fleet.lets_in("anna", added["password"])
    # Removed: the account is gone, and the file is as before
    assert fleet.run("remove", "anna").exit_code == 0
    assert fleet.accounts.names() == []
    assert fleet.config.read_text() == "# ours\ndata: var\n"
    # All of it is recorded, no password anywhere
    entries = fleet.recorded()
    assert [entry.action for entry in entries] == ["person.remove", "person.password", "person.add"]
    assert {entry.object for entry in entries} == {"anna@localhost"}
    assert added["password"] not in str(entries)


def test_an_account_that_is_there_is_left_alone(fleet: Fleet) -> None:
    fleet.accounts.create("anna", "her own password")
    refused = fleet.run("add", "anna")
    assert (refused.exit_code, "--existing" in refused.output) == (1, True)
    assert fleet.run("add", "anna", "--existing").exit_code == 0
    assert fleet.lets_in("anna", "her own password")
    assert fleet.run("remove", "anna", "--keep-account").exit_code == 0
    assert fleet.lets_in("anna", "her own password")


def test_no_agent_becomes_a_person(fleet: Fleet) -> None:
    fleet.enrol("probe1")
    for more in ([], ["--existing"]):
        refused = fleet.run("add", "probe1", "--role", "admin", *more)
        assert (refused.exit_code, "is an agent's" in refused.output) == (1, True)
    assert fleet.run("list", "--json").output.strip() == "[]"
    # Also where somebody wrote it into the file by hand, its account stays as it is
    fleet.config.write_text("data: var\npeople:\n- jid: probe1@localhost\n")
    assert fleet.run("password", "probe1").exit_code != 0
    assert fleet.run("remove", "probe1").exit_code == 0
    assert fleet.lets_in("probe1", "a password of an agent")


@pytest.mark.parametrize("name", ["Anna", "an na", "anna@elsewhere.example", "-x", "a/b", "registry"])
def test_who_cannot_be_a_person_gets_no_account(fleet: Fleet, name: str) -> None:
    assert fleet.run("add", "--", name).exit_code != 0
    assert fleet.accounts.names() == []
    assert fleet.config.read_text() == "# ours\ndata: var\n"


def test_who_is_not_in_the_list_is_neither_removed_nor_changed(fleet: Fleet) -> None:
    fleet.accounts.create("registry", "the registry's password")
    for command in ("remove", "password"):
        assert fleet.run(command, "registry").exit_code == 1
    assert fleet.lets_in("registry", "the registry's password")
