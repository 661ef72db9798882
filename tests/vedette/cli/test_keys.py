"""`vedette keys`: made, shown once, listed, revoked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.database import Database
from registry.keys import KeyRefusedError, Keys, Scope
from vedette.cli.keys import app
from vedette.clock import SystemClock

DAY = 86_400_000_000


class Desk:
    """A fleet's folder, and the command over it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "vedette.yml"
        self.config.write_text("data: var\n")
        (folder / "var").mkdir()
        self.url = f"sqlite:///{folder / 'var' / 'store.db'}"
        Database(self.url).migrate()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "-c", str(self.config)])

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("list", "--json").output)
        return found

    def scopes(self, key: str) -> frozenset[Scope]:
        with Database(self.url) as database:
            return asyncio.run(Keys(database=database, clock=SystemClock()).check(key)).scopes


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_key_is_shown_once_listed_and_revoked(desk: Desk) -> None:
    assert "There are no keys" in desk.run("list").output
    done = desk.run("create", "feeds", "--scope", "read", "--scope", "ingest", "--expires", "90d")
    key = done.output.strip()
    assert (done.exit_code, key[:4]) == (0, "vdt_")
    assert desk.scopes(key) == {Scope.READ, Scope.INGEST}
    (listed,) = desk.listed()
    assert (listed["name"], listed["scopes"], listed["state"]) == ("feeds", ["ingest", "read"], "good")
    assert listed["expires_at"] - listed["created_at"] == 90 * DAY
    assert key not in desk.run("list").output + json.dumps(listed)
    assert desk.run("revoke", listed["id"]).exit_code == 0
    with pytest.raises(KeyRefusedError):
        desk.scopes(key)
    assert desk.listed()[0]["state"] == "revoked"
    assert desk.run("revoke", listed["id"]).exit_code == 1


def test_a_key_that_never_expires_is_asked_for_by_name(desk: Desk) -> None:
    assert desk.run("create", "a", "--scope", "read").exit_code == 2
    printed = json.loads(desk.run("create", "a", "--scope", "operate", "--expires", "never", "--json").output)
    assert desk.scopes(printed["key"]) == {Scope.OPERATE}
    assert desk.listed()[0]["expires_at"] is None


def test_another_time_is_wrong_use(desk: Desk) -> None:
    for expires in ("", "0d", "90", "90days", "-1d", "1.5d", "999999999y"):
        assert desk.run("create", "a", "--scope", "read", "--expires", expires).exit_code == 2
    assert desk.listed() == []


def test_the_longest_time_can_be_kept_and_shown(desk: Desk) -> None:
    assert desk.run("create", "a", "--scope", "read", "--expires", "99999y").exit_code == 0
    assert "good" in desk.run("list").output


def test_a_name_must_be_readable(desk: Desk) -> None:
    for name in ("", "x" * 101, "a\nb"):
        assert desk.run("create", name, "--scope", "read", "--expires", "1d").exit_code == 2
