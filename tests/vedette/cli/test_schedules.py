"""`vedette schedules`: explain, add, list, show, pause, resume, run, remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.database import Database
from vedette.cli.schedules import app


class Fleet:
    """A fleet's folder, and the command over it."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "vedette.yml"
        self._config.write_text("data: var\n")
        (folder / "var" / "run").mkdir(parents=True)
        Database(f"sqlite:///{folder / 'var' / 'store.db'}").migrate()

    def run(self, *arguments: str) -> Result:
        """Run the command."""
        config = () if arguments[0] == "explain" else ("-c", str(self._config))
        return CliRunner().invoke(app, [*arguments, *config])

    def answer(self, *arguments: str) -> Any:
        """Run the command, and return the JSON that it prints."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A fleet that does not run."""
    return Fleet(tmp_path_factory.mktemp("schedules"))


def test_a_timetable_is_explained_without_a_fleet(fleet: Fleet) -> None:
    done = fleet.run("explain", "0 15 10 ? * MON-FRI", "--zone", "Europe/Prague")
    first, *runs = done.stdout.splitlines()
    assert first == "At 10:15, Monday through Friday, Europe/Prague"
    assert len(runs) == 5
    assert all("10:15:00 CE" in run for run in runs)
    assert fleet.answer("explain", "every 90s")["english"] == "Every 1 minute and 30 seconds"
    assert fleet.run("explain", "0 0 0 30 2 ?").exit_code == 1
    for wrong in (["0 0 0 * * *"], ["* * * * *"], ["@daily", "--zone", "Nowhere"]):
        assert fleet.run("explain", *wrong).exit_code == 2


def test_a_schedule_from_its_making_to_its_end(fleet: Fleet) -> None:
    assert "There are no schedules" in fleet.run("list").stdout
    made = fleet.run("add", "SSH here", "every 5m", "tcp-connect", "localhost", "--arg", "ports=22")
    assert made.exit_code == 0, made.output
    assert "Every 5 minutes, UTC" in made.stdout
    (one,) = fleet.answer("list")
    assert (one["name"], one["job"]["arguments"], one["state"]) == ("SSH here", {"ports": [22]}, "scheduled")
    assert one["responsible"].startswith("command line ")
    assert fleet.answer("pause", "SSH here")["state"] == "paused"
    assert "next not planned" in fleet.run("list", "--state", "paused").stdout
    assert fleet.answer("resume", one["uuid"])["state"] == "scheduled"
    job = fleet.answer("run", "SSH here")["job"]
    again = fleet.run("run", "SSH here")
    assert (again.exit_code, "has not ended" in again.output) == (1, True)
    shown = fleet.run("show", "SSH here").stdout
    assert job in shown
    assert "entered" in shown
    assert fleet.answer("show", "SSH here")["runs"][0]["job"] == job
    assert fleet.run("remove", "SSH here").exit_code == 0
    gone = fleet.run("show", "SSH here")
    assert (gone.exit_code, "no such schedule" in gone.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["x", "0 0 25 * * ?", "tcp-connect", "localhost", "--arg", "ports=22"], 2),
        (["x", "@daily", "tcp-connect", "192.0.2.1", "--arg", "ports=22"], 1),
        (["x", "@daily", "tcp-connect", "localhost", "--arg", "ports=22", "--misfire", "panic"], 2),
        (["x", "every 5s", "tcp-connect", "localhost", "--arg", "ports=22", "--jitter", "60"], 2),
    ],
    ids=["timetable", "scope", "misfire", "jitter"],
)
def test_what_cannot_be_scheduled_is_not(fleet: Fleet, arguments: list[str], code: int) -> None:
    assert fleet.run("add", *arguments).exit_code == code
    assert fleet.answer("list") == []
