"""`vedette users`: passwords come by stdin, never by argument, and every change is recorded."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from registry.audit import Audit, AuditRecord
from registry.database import Database
from registry.setup_links import SetupLinks
from registry.users import Users
from vedette.access.password_hash import Passwords
from vedette.cli.users import app
from vedette.clock import SystemClock

PASSWORD = "correct horse battery"


class People:
    """A fleet's folder, and the command over it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "vedette.yml"
        self.config.write_text("data: var\n")
        (folder / "var" / "run").mkdir(parents=True)
        self.url = f"sqlite:///{folder / 'var' / 'store.db'}"
        Database(self.url).migrate()

    def run(self, *arguments: str, password: str | None = None) -> Result:
        given = None if password is None else f"{password}\n"
        return CliRunner().invoke(app, [*arguments, "-c", str(self.config)], input=given)

    def hash_of(self, name: str) -> str:
        with Database(self.url) as database:
            found = asyncio.run(Users(database=database, clock=SystemClock()).find(name))
        assert found is not None
        return found[1]

    def recorded(self) -> list[AuditRecord]:
        with Database(self.url) as database:
            return asyncio.run(Audit(database=database, clock=SystemClock()).page()).entries


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def test_people_are_added_listed_changed_and_disabled(people: People) -> None:
    assert "Nobody can log in yet" in people.run("list").output
    assert people.run("add", "Anna", "--role", "admin", password=PASSWORD).exit_code == 0
    assert people.run("add", "bert", password=PASSWORD).exit_code == 0
    listed = json.loads(people.run("list", "--json").output)
    assert [(user["name"], user["role"], user["disabled_at"]) for user in listed] == [
        ("anna", "admin", None),
        ("bert", "viewer", None),
    ]
    assert Passwords().verify(people.hash_of("anna"), PASSWORD)
    assert people.run("passwd", "bert", password="another horse").exit_code == 0
    assert Passwords().verify(people.hash_of("bert"), "another horse")
    assert people.run("role", "bert", "operator").exit_code == 0
    assert people.run("disable", "bert").exit_code == 0
    assert "bert" in people.run("list").output
    assert "disabled" in people.run("list").output
    assert people.run("enable", "bert").exit_code == 0
    entries = people.recorded()
    assert [entry.action for entry in reversed(entries)] == [
        "user.add",
        "user.add",
        "user.password",
        "user.role",
        "user.disable",
        "user.enable",
    ]
    assert all(entry.who.startswith("command line ") and entry.origin == "command line" for entry in entries)


def test_what_is_refused_is_the_answer_no_and_says_why(people: People) -> None:
    people.run("add", "anna", "--role", "admin", password=PASSWORD)
    for arguments, reason in (
        (("disable", "anna"), "only administrator"),
        (("role", "anna", "viewer"), "only administrator"),
        (("disable", "nobody"), "nobody called"),
    ):
        done = people.run(*arguments)
        assert done.exit_code == 1, arguments
        assert reason in done.output
    done = people.run("add", "ANNA", password=PASSWORD)
    assert (done.exit_code, "taken" in done.output) == (1, True)


def test_a_bad_password_is_refused(people: People) -> None:
    for password in ("", "short", "aaaaaaaaaaaaaaa", "x" * 5000):
        done = people.run("add", "anna", password=password)
        assert done.exit_code != 0
        assert "password" in str(done.exception)
    assert json.loads(people.run("list", "--json").output) == []


def test_a_password_cannot_be_an_argument(people: People) -> None:
    assert people.run("add", "anna", PASSWORD).exit_code == 2
    assert people.run("add", "anna", "--password", PASSWORD).exit_code == 2


def test_a_set_up_link_is_printed_and_works_once(people: People) -> None:
    (people.config.parent / "var" / "run" / "api.json").write_text('{"port": 8123}')
    printed = json.loads(people.run("setup-link", "--json").output)
    address, _, token = printed["link"].partition("#")
    assert (address, printed["seconds"]) == ("http://127.0.0.1:8123/setup", 3600)
    assert people.run("setup-link").output.count("#") == 1
    with Database(people.url) as database:
        links = SetupLinks(database=database, clock=SystemClock())
        with pytest.raises(Exception, match="not good any more"):
            asyncio.run(links.check(token))
    assert token not in repr(people.recorded())


def test_a_person_gets_a_link_of_their_own(people: People) -> None:
    assert people.run("add", "anna", "--role", "operator", password=PASSWORD).exit_code == 0
    before = people.hash_of("anna")
    token = json.loads(people.run("setup-link", "anna", "--json").output)["link"].partition("#")[2]
    assert people.hash_of("anna") == before
    with Database(people.url) as database:
        links = SetupLinks(database=database, clock=SystemClock())
        asyncio.run(links.use(token, name="anna", password_hash="new", origin="192.0.2.1"))
    assert people.hash_of("anna") == "new"
    assert json.loads(people.run("list", "--json").output)[0]["role"] == "operator"
    done = people.run("setup-link", "nobody")
    assert (done.exit_code, "nobody called nobody" in done.output) == (1, True)
