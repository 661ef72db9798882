"""`vedette export`: files for other programs, and servers that are brought what was found."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from registry.callers import Actor
from registry.database import Database
from registry.export_taking import ExportTaking
from registry.export_work import MAX_LEASE, Runner
from registry.exports import Exports
from tests.fake_misp import KEY as MISP_KEY
from tests.fake_misp import serving
from tests.sharing_memory import silent_port
from tests.timing import PATIENCE
from tests.vedette.cli.graph_fleet import PLACES, Fleet, answer, make_fleet, vedette
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.sharing.request import ExportRequest

__all__ = ["make_fleet"]

SHARING = """
sharing:
  organisation: CERT Example
  destinations:
    - {name: table, exporter: sql, url: "sqlite:///shared.db"}
    - {name: asked, exporter: sql, url: "sqlite:///asked.db", approval: true}
    - {name: hook, exporter: webhook, url: "http://127.0.0.1:PORT/hook", key_file: hook.key}
    - {name: broken, exporter: sql, url: "sqlite:///nowhere/shared.db"}
"""


@pytest.fixture
def fleet(make_fleet: Callable[[str], Fleet]) -> Iterator[Fleet]:
    made = make_fleet(PLACES[0])
    (made.file.parent / "hook.key").write_text("a-key-that-nobody-sees\n")
    with silent_port() as port:
        with made.file.open("a") as file:
            file.write(SHARING.replace("PORT", str(port)))
        yield made


def _export(fleet: Fleet, *arguments: object) -> Any:
    return vedette("export", *arguments, "-c", fleet.file)


def _rows(fleet: Fleet, name: str) -> list[str]:
    file = fleet.file.parent / name
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM vedette_fact ORDER BY name")]


def test_a_file_has_what_is_known(fleet: Fleet, tmp_path: Path) -> None:
    item, file = fleet.items[0].uuid, tmp_path / "shared.csv"
    told = answer(_export(fleet, "csv", "--item", item, "-o", file, "--json"))
    assert (told["file"], told["key"], told["tlp"]) == (str(file), f"item:{item}", "amber")
    rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert len(rows) == told["facts"] > 0
    assert {"192.0.2.1"} <= {row["name"] for row in rows}
    before = file.read_bytes()
    shown = _export(fleet, "csv", "--item", item, "-o", file)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(told["title"])
    assert file.read_bytes() == before


def test_without_o_the_file_is_printed(fleet: Fleet) -> None:
    item = fleet.items[0].uuid
    for words in ([], ["-o", "-"]):
        shown = _export(fleet, "ndjson", "--item", item, *words)
        assert shown.exit_code == 0, shown.output
        head, *lines = [json.loads(line) for line in shown.stdout.splitlines()]
        assert (head["kind"], head["organisation"]) == ("investigation", "CERT Example")
        assert {line["investigation"] for line in lines} == {head["id"]}


def test_every_form_of_a_file_is_written(fleet: Fleet, tmp_path: Path) -> None:
    for name in ("misp", "stix", "ndjson", "csv"):
        file = tmp_path / name
        shown = _export(fleet, name, "--search", "source=vedette.in.#", "-o", file)
        assert shown.exit_code == 0, shown.output
        assert file.stat().st_size > 100
    shown = _export(fleet, "feed", "--search", "source=vedette.in.#", "-o", tmp_path / "feed")
    assert shown.exit_code == 0, shown.output
    assert len(json.loads((tmp_path / "feed" / "manifest.json").read_text())) == 1
    nothing = _export(fleet, "taxii", "--search", "source=vedette.in.#", "-o", tmp_path / "taxii")
    assert "writes no files" in str(nothing.exception)


def test_a_dry_run_of_a_file_writes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "shared.csv"
    shown = _export(fleet, "csv", "--since", "2000-01-01", "-o", file, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert " facts, " in shown.stdout
    assert not file.exists()


def test_where_nothing_is_the_answer_is_no(fleet: Fleet, tmp_path: Path) -> None:
    shown = _export(fleet, "csv", "--target", "198.51.100.99", "-o", tmp_path / "shared.csv")
    assert shown.exit_code == 1, shown.output
    assert "0 facts" in shown.stdout


def test_wrong_use_is_2(fleet: Fleet) -> None:
    for words, reason in (
        (["csv"], "say what"),
        (["csv", "--item", "x"], "item"),
        (["csv", "--depth", "2"], "vertex"),
        (["csv", "--search", "nothing=here"], "nothing"),
        (["csv", "--item", "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001", "--json"], "--json goes with -o"),
        (["csv", "--target", "a", "--server", "table", "-o", "x"], "not both"),
        (["csv", "--target", "a", "--server", "table"], "vedette export sql"),
        (["sql", "--target", "a", "--server", "unknown"], "unknown"),
        (["sql", "--target", "a"], "is no file"),
        (["feed", "--target", "a"], "name a folder with -o"),
        (["check", "unknown"], "unknown"),
    ):
        shown = _export(fleet, *words)
        told = " ".join(f"{shown.output} {shown.exception}".replace("│", " ").split())
        assert reason in told
        assert shown.exit_code == 2 or type(shown.exception).__name__ in {"RefusedError", "ConfigurationError"}


def test_a_server_gets_it_and_the_second_time_nothing(fleet: Fleet) -> None:
    item = fleet.items[0].uuid
    planned = _export(fleet, "sql", "--item", item, "--server", "table", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "  + fact IP" in planned.stdout
    assert _rows(fleet, "shared.db") == []
    done = answer(_export(fleet, "sql", "--item", item, "--server", "table", "--json"))
    assert done["state"] == "done"
    assert done["exported"]["sent"] == done["exported"]["sent"] + done["exported"]["unchanged"] > 0
    assert "192.0.2.1" in _rows(fleet, "shared.db")
    again = _export(fleet, "sql", "--item", item, "--server", "table")
    assert again.exit_code == 0, again.output
    assert "0 sent in 0 requests, " in again.stdout
    listed = answer(_export(fleet, "list", "--json"))
    assert [one["state"] for one in listed] == ["done", "done", "planned"]
    assert listed[0]["requested_by"].startswith("command line ")
    assert "table" in _export(fleet, "list", "--server", "table").stdout
    assert "There are no exports." in _export(fleet, "list", "--state", "failed").stdout


def test_what_needs_a_person_waits_for_one(fleet: Fleet) -> None:
    item = fleet.items[0].uuid
    asked = _export(fleet, "sql", "--item", item, "--server", "asked")
    assert asked.exit_code == 0, asked.output
    uuid = asked.stdout.split()[0]
    assert f"vedette export approve {uuid}" in asked.stdout
    assert "  + fact IP" in asked.stdout
    assert _rows(fleet, "asked.db") == []
    other = _export(fleet, "approve", uuid, "--digest", "0" * 64)
    assert other.exit_code == 1, other.output
    approved = answer(_export(fleet, "approve", uuid, "--now", "--json"))
    assert (approved["state"], approved["uuid"]) == ("done", uuid)
    assert "192.0.2.1" in _rows(fleet, "asked.db")


def test_what_a_person_rejects_is_not_sent(fleet: Fleet) -> None:
    uuid = _export(fleet, "sql", "--item", fleet.items[0].uuid, "--server", "asked").stdout.split()[0]
    rejected = answer(_export(fleet, "reject", uuid, "--why", "not theirs", "--json"))
    assert (rejected["state"], rejected["reason"]) == ("rejected", "not theirs")
    assert "not theirs" in _export(fleet, "show", uuid).stdout
    assert _export(fleet, "approve", uuid).exit_code == 1
    assert _rows(fleet, "asked.db") == []
    again = answer(_export(fleet, "retry", uuid, "--json"))
    assert again["state"] == "waiting"


def test_what_fails_says_why_and_the_answer_is_no(fleet: Fleet) -> None:
    for form, server, reason in (("webhook", "hook", "cannot be reached"), ("sql", "broken", "cannot be made")):
        failed = _export(fleet, form, "--item", fleet.items[0].uuid, "--server", server)
        assert failed.exit_code == 1, failed.output
        assert reason in failed.stdout
        assert "a-key-that-nobody-sees" not in failed.output
        assert _export(fleet, "check", server).exit_code == 1
        assert answer(_export(fleet, "check", server, "--json"))["good"] is False


def test_a_server_is_asked_who_it_is(fleet: Fleet) -> None:
    assert _export(fleet, "check", "table").stdout.startswith("table: sqlite 3.")


def test_an_export_that_is_none_is_no(fleet: Fleet) -> None:
    for words in (["show"], ["approve"], ["retry"]):
        assert _export(fleet, *words, "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001").exit_code == 1


async def _other_of_the_same_server(fleet: Fleet, pool: ThreadPoolExecutor) -> tuple[Result, list[str]]:
    """Export while an agent has another export of the same server; returns what came of it, and the states."""
    configuration, paths = load_fleet(fleet.file)
    clock = SystemClock()
    with Database(paths.store_url) as database:
        exports = Exports(database=database, clock=clock, sharing=configuration.sharing)
        agent = ExportTaking(exports=exports, runner=Runner(name="misp@localhost", life="1"), seconds=MAX_LEASE)
        first = ExportRequest(select="target=192.0.2.9", destination="table")
        held = await exports.request(first, by=Actor(who="ann", origin="test"))
        await agent.take(held.uuid)
        command = pool.submit(_export, fleet, "sql", "--item", fleet.items[0].uuid, "--server", "table")
        async with asyncio.timeout(PATIENCE):
            while len((await exports.page(limit=5)).rows) < 2:
                await asyncio.sleep(0.02)
        await agent.failed(held.uuid, "enough")
        result = await asyncio.wrap_future(command)
        return result, [one.state for one in (await exports.page(limit=5)).rows]


def test_what_an_agent_has_is_waited_for(fleet: Fleet) -> None:
    with ThreadPoolExecutor(1) as pool:
        result, states = asyncio.run(_other_of_the_same_server(fleet, pool))
    assert result.exit_code == 0, result.output
    assert states == ["done", "failed"]
    assert "192.0.2.1" in _rows(fleet, "shared.db")


def test_misp_gets_an_event_and_the_second_time_no_request_that_writes(fleet: Fleet) -> None:
    (fleet.file.parent / "misp.key").write_text(MISP_KEY)
    wanted = ["misp", "--item", fleet.items[0].uuid, "--server", "cert"]
    with serving() as misp:
        with fleet.file.open("a") as file:
            file.write(f'    - {{name: cert, exporter: misp, url: "{misp.url}", key_file: misp.key}}\n')
        planned = _export(fleet, *wanted, "--dry-run")
        assert planned.exit_code == 0, planned.output
        assert "ip-dst 192.0.2.1" in planned.stdout
        assert misp.writes == []
        done = answer(_export(fleet, *wanted, "--json"))
        assert (done["state"], len(misp.store.events)) == ("done", 1)
        written = len(misp.writes)
        assert _export(fleet, *wanted).exit_code == 0
        assert len(misp.writes) == written > 0
        assert _export(fleet, "check", "cert").exit_code == 0
