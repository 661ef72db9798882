"""One fleet of real processes: its commands, its agents, and what happens when a process dies."""

from __future__ import annotations

import asyncio
import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from registry.database import Database
from registry.items import ItemFilter, Items, ItemSummary
from tests.vedette.cli.commands import Running, called, complaint, running, until, vedette


def write_probe(folder: Path, name: str, **changes: Any) -> Path:
    """Write a probe's configuration, with the credentials that `vedette enroll` makes."""
    content = {"command": ["echo", "alive"], "credentials": f"var/credentials/{name}.json"} | changes
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"jid": f"{name}@localhost", **content}))
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, put_databases: Callable[[Path], None]) -> Path:
    """A fleet with one probe that runs every second, and one collector that watches a folder."""
    folder = tmp_path_factory.mktemp("fleet")
    put_databases(folder)
    settings = "batch: {seconds: 0.2}\nprobes: [clock.json]\nlog_json: true\n"
    collector = {"name": "reader", "sources": "stucco.json", "section": "watched", "place": "here"}
    (folder / "vedette.yml").write_text(f"{settings}collectors: [{json.dumps(collector)}]\n")
    (folder / "incoming").mkdir()
    watched = {"type": "DIRECTORY", "source-name": "incoming", "source-URI": "incoming", "watch": True}
    (folder / "stucco.json").write_text(json.dumps({"default": {"watched": {"collectors": [watched]}}}))
    write_probe(folder, "clock", period=1.0, expected_value="alive")
    return folder


@pytest.fixture(scope="module")
def fleet(folder: Path) -> Iterator[Running]:
    """The fleet, running."""
    with running("up", "--log-level", "warning", folder=folder, name="up") as fleet:
        fleet.until_said("The fleet is up")
        yield fleet


def items(folder: Path, **wanted: Any) -> list[ItemSummary]:
    """Return the newest items in the fleet's store."""
    with Database(f"sqlite:///{folder / 'var' / 'store.db'}") as database:
        page = asyncio.run(Items(database=database).page(wanted=ItemFilter(**wanted), limit=1000))
    return list(page.items)


def stamped(folder: Path) -> set[str]:
    """Return the uuids of the items that have a token."""
    return {item.uuid for item in items(folder) if item.state.is_stamped}


def test_the_commands_show_what_the_fleet_does(fleet: Running, folder: Path) -> None:
    until(lambda: len(stamped(folder)) >= 2)
    done = called("status", "--json", folder=folder)
    agents = {agent["jid"]: agent for agent in json.loads(done.stdout)}
    assert {jid: (agent["role"], agent["presence"]) for jid, agent in agents.items()} == {
        "registry@localhost": ("registry", "available"),
        "aggregation@localhost": ("aggregation", "available"),
        "clock@localhost": ("probe", "available"),
        "reader@localhost": ("collector", "available"),
        "rt@localhost": ("rt", "available"),
        # They are there while there is work for them.
        "job1@localhost": ("job", "unknown"),
        "job2@localhost": ("job", "unknown"),
    }
    assert all(agent["since"] for agent in agents.values() if agent["role"] != "job")
    text = called("status", folder=folder).stdout
    assert re.search(r"^clock@localhost +probe +available +since 20..-", text, re.MULTILINE)

    done = called("items", "--json", "--agent", "clock@localhost", "--limit", 2, folder=folder)
    found = json.loads(done.stdout)
    assert len(found) == 2
    assert all((item["agent"], item["verdict"]) == ("clock@localhost", "as expected") for item in found)
    assert json.loads(called("items", "--json", "--agent", "nobody@localhost", folder=folder).stdout) == []
    assert "as expected" in called("items", folder=folder).stdout


def test_its_collector_takes_what_is_put_into_a_watched_folder(fleet: Running, folder: Path) -> None:
    report = folder / "incoming" / "report.txt"
    report.write_text("found")
    os.utime(report, (1, 1))
    until(lambda: items(folder, agent="reader@localhost"), what=fleet.complained)
    (item,) = items(folder, agent="reader@localhost")
    assert (item.source, item.target) == ("vedette.in.unstructured.incoming", str(report))


def test_sources_are_collected_by_commands_and_confirmed(fleet: Running, folder: Path) -> None:
    (folder / "flows.csv").write_text("1,2\n3,4\n")
    sources = [
        {"type": "FILEBYLINE", "source-name": "flows", "source-URI": "flows.csv", "content-type": "text/csv"},
        {"type": "FILE", "source-name": "missing", "source-URI": "missing.txt"},
    ]
    (folder / "sources.json").write_text(json.dumps({"default": {"demo": {"collectors": sources}}}))
    assert "vedette enroll collector --role collector" in complaint(
        vedette("collect", "--file", "sources.json", "--once", folder=folder)
    )
    assert called("enroll", "collector", "--role", "collector", folder=folder).returncode == 0
    done = vedette("collect", "--file", "sources.json", "--section", "demo", "--once", "--json", folder=folder)
    said = json.loads(done.stdout)
    assert (done.returncode, said["confirmed"]) == (1, True)
    flows, missing = said["sources"]
    assert (flows["items"], missing["items"], missing["errors"]) == (1, 0, 1)
    assert flows["uuids"] == [item.uuid for item in items(folder, agent="collector@localhost")]

    # As an agent of its own, from its own file, it goes on with the same state: nothing is new
    (folder / "collector.yml").write_text("{name: collector, sources: sources.json, place: elsewhere}")
    done = vedette("agent", "collector", "-c", "collector.yml", "--once", "--json", folder=folder)
    assert [source["items"] for source in json.loads(done.stdout)["sources"]] == [0, 0], done.stderr

    # What is replayed is sent although it is known
    command = ["replay", "demo", "--file", "sources.json", "--source", "flows", "--name", "collector", "--json"]
    done = vedette(*command, folder=folder)
    assert (done.returncode, json.loads(done.stdout)["sources"][0]["items"]) == (0, 1), done.stderr
    assert len(items(folder, agent="collector@localhost")) == 2


def test_each_agent_has_a_page(fleet: Running) -> None:
    pages = re.findall(r"^(\S+)@localhost .*(http://127\.0\.0\.1:\d+/)$", fleet.said(), re.MULTILINE)
    assert [name for name, _ in pages] == ["registry", "aggregation", "rt", "clock", "reader"]
    for name, url in pages:
        with urllib.request.urlopen(url) as page:  # noqa: S310
            assert f"{name}@localhost" in page.read().decode()
        with urllib.request.urlopen(f"{url}?format=json") as page:  # noqa: S310
            assert json.load(page)["jid"] == f"{name}@localhost"


def test_a_bundle_is_written_once_and_verifies(fleet: Running, folder: Path) -> None:
    until(lambda: stamped(folder))
    uuid = stamped(folder).pop()
    done = called("bundle", uuid, "-o", "item.zip", "--json", folder=folder)
    assert (done.returncode, json.loads(done.stdout)["uuid"]) == (0, uuid), done.stderr
    verified = called("verify", "item.zip", "--trust", "var/tsa/roots.pem", folder=folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "SELF-ASSERTED" in verified.stdout
    before = (folder / "item.zip").read_bytes()
    again = called("bundle", uuid, "-o", "item.zip", folder=folder)
    assert again.returncode == 2
    assert "exists already" in " ".join(again.stderr.split())
    assert (folder / "item.zip").read_bytes() == before
    unknown = called("bundle", "00000000-0000-4000-8000-000000000000", "-o", "other.zip", folder=folder)
    assert unknown.returncode == 1
    assert "00000000-0000-4000-8000-000000000000" in complaint(unknown)
    assert not (folder / "other.zip").exists()


def test_a_probe_of_its_own_runs_once_and_knows_whether_it_was_confirmed(fleet: Running, folder: Path) -> None:
    write_probe(folder, "guest", command=["sh", "-c", "echo broken >&2; exit 3"], expected_value="fine", period=5)
    unknown = vedette("agent", "probe", "-c", "guest.json", "--once", folder=folder)
    assert unknown.returncode == 2
    assert "vedette enroll guest --role probe" in complaint(unknown)

    done = called("enroll", "guest", "--role", "probe", "--json", folder=folder)
    enrolled = json.loads(done.stdout)
    assert (enrolled["jid"], enrolled["role"]) == ("guest@localhost", "probe")
    assert Path(enrolled["credentials"]).stat().st_mode & 0o777 == 0o600

    done = vedette("agent", "probe", "-c", "guest.json", "--once", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert (said["verdict"], said["confirmed"]) == ("deviates", True)
    until(lambda: said["uuid"] in stamped(folder))
    (item,) = items(folder, agent="guest@localhost")
    assert (item.uuid, item.verdict) == (said["uuid"], "deviates")
    plain = vedette("agent", "probe", "-c", "guest.json", "--once", folder=folder)
    assert re.search(r"^\S+ confirmed by aggregation@localhost, deviates$", plain.stdout.strip())


def test_a_result_that_nobody_confirms_stays_in_the_outbox(fleet: Running, folder: Path) -> None:
    called("enroll", "lonely", "--role", "probe", folder=folder)
    write_probe(folder, "lonely", up_agent="nobody@localhost")
    done = vedette("agent", "probe", "-c", "lonely.json", "--once", "--wait", 1, folder=folder)
    assert done.returncode == 1
    assert "is not confirmed within 1 s; it stays in the outbox" in complaint(done)
    write_probe(folder, "lonely")
    assert vedette("agent", "probe", "-c", "lonely.json", folder=folder).returncode == 0
    assert len(items(folder, agent="lonely@localhost")) == 2


def test_a_wrong_password_is_one_line(fleet: Running, folder: Path) -> None:
    called("enroll", "careless", "--role", "probe", folder=folder)
    file = folder / "var" / "credentials" / "careless.json"
    write_probe(folder, "careless")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"password": "something else"}))
    done = vedette("agent", "probe", "-c", "careless.json", "--once", folder=folder)
    assert done.returncode == 2, done.stdout
    assert "refuses the account careless@localhost: wrong name or password, or revoked" in complaint(done)


def test_a_revoked_agent_is_cut_off_and_refused(fleet: Running, folder: Path) -> None:
    called("enroll", "traitor", "--role", "probe", folder=folder)
    write_probe(folder, "traitor", period=0.2)
    with running("agent", "probe", "-c", "traitor.json", folder=folder, name="traitor") as agent:
        agent.until_said("traitor@localhost is up")
        until(lambda: items(folder, agent="traitor@localhost"))
        assert "traitor@localhost is revoked" in called("revoke", "traitor", folder=folder).stdout
        until(lambda: "refuses the account" in agent.complained(), what=agent.complained)
        before = len(items(folder, agent="traitor@localhost"))
        assert "traitor" not in called("status", folder=folder).stdout
        assert len(items(folder, agent="traitor@localhost")) == before
        assert agent.end() == 0
        assert "Traceback" not in agent.complained()
    assert not (folder / "var" / "credentials" / "traitor.json").exists()
    done = called("revoke", "traitor", folder=folder)
    assert done.returncode == 1
    assert "traitor@localhost is not enrolled" in complaint(done)


def test_a_store_in_use_is_not_migrated_and_a_folder_in_use_not_used_twice(fleet: Running, folder: Path) -> None:
    done = called("migrate", folder=folder)
    assert done.returncode == 2
    assert "another process holds the lock; stop it" in complaint(done)
    done = vedette("up", folder=folder)
    assert done.returncode == 2
    assert "a fleet runs in this folder already" in complaint(done)


@pytest.mark.parametrize("name", ["tsa", "hub", "field", "xmpp"])
def test_a_killed_process_is_started_again_and_items_go_on_being_stamped(
    fleet: Running, folder: Path, name: str
) -> None:
    victim = fleet.children()[name]
    before = len(stamped(folder))
    victim.kill()
    until(lambda: (child := fleet.children().get(name)) and child.pid != victim.pid, what=fleet.complained)
    until(lambda: len(stamped(folder)) >= before + 3, what=fleet.complained)
    assert fleet.process.poll() is None
    assert "Traceback" not in fleet.complained()
    assert f'"process": "{name}"' in fleet.complained()


def test_it_uses_little_memory_and_ends_within_seconds_leaving_nothing(fleet: Running, folder: Path) -> None:
    family = [psutil.Process(fleet.process.pid), *fleet.process.children(recursive=True)]
    proportional = sum(process.memory_full_info().pss for process in family)
    assert proportional < 400 * 1024**2
    assert fleet.end(within=10) == 0
    agents = json.loads(called("status", "--json", folder=folder).stdout)
    assert {agent["presence"] for agent in agents} == {"unknown"}
    done = called("migrate", "--json", folder=folder)
    assert (done.returncode, json.loads(done.stdout)["current"]) == (0, True)
