"""Commands with `--url`: they say what they say where the store is, and a key is never an argument."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from registry.callers import Scope
from registry.jobs import Jobs, Report, Taker
from registry.repairs import Repairs
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, uuid_of
from vedette.cli.main import COMMANDS, build
from vedette.cli.remote import KEY_VARIABLE, read_key
from vedette.client import ApiError
from vedette.clock import SystemClock
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.repairs.repair import Repair, RepairKind, Severity
from vedette.repairs.rules import Judgement

__all__ = ["database", "filled", "hub", "hub_view", "paths"]

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def run(hub: Hub) -> Run:
    """Runs a command in the fleet's folder, beside the hub that answers it."""
    folder = hub.paths.file.parent
    (folder / "vedette.yml").write_text("data: var\n")
    key = await hub.key(*Scope)

    async def invoke(*arguments: object, here: bool = False, key: str = key) -> Result:
        where = ["-c", str(folder / "vedette.yml")] if here else ["--url", hub.server.url]
        words = [*map(str, arguments), *where]
        runner = CliRunner(env={KEY_VARIABLE: key})
        return await asyncio.to_thread(runner.invoke, build(words), words)

    return invoke


async def test_a_hub_says_what_the_store_says(run: Run) -> None:
    for command in (
        ["items", "--limit", 3],
        ["items", "list", "--verdict", "deviates"],
        ["items", "list", "--source", "vedette.#", "--since", "2020-01-01"],
        ["documents", "list"],
        ["findings", "list", "--kind", "first seen"],
        ["checks", "list"],
        ["audit", "list", "--limit", 4],
    ):
        for form in ([], ["--json"]):
            there, here = await run(*command, *form), await run(*command, *form, here=True)
            assert (there.exit_code, there.output) == (here.exit_code, here.output) == (0, there.output), command
            assert there.output.strip(), command
    there = await run("items", "show", uuid_of(3), "--json")
    here = await run("items", "show", uuid_of(3), "--json", here=True)
    assert json.loads(there.output) == json.loads(here.output)
    there, here = await run("status"), await run("status", here=True)
    assert there.output == here.output
    assert "probe1@localhost" in there.output


async def test_who_of_a_host_is_there_is_asked_of_the_hub_as_of_the_store(run: Run, hub: Hub) -> None:
    file = hub.paths.file.parent / "hosts.yml"
    file.write_text("hosts: {main: {hub: true}}")
    asked = ("hosts", "status", "--host", file)
    there = await run(*asked)
    # It reads the store that the file's configuration names.
    words = [str(word) for word in asked]
    here = await asyncio.to_thread(CliRunner().invoke, build(words), words)
    assert (there.exit_code, there.output) == (here.exit_code, here.output) == (1, there.output)
    assert there.output.startswith("main: ")
    assert "  registry@localhost is not enrolled" in there.output


async def test_repairs_are_told_and_the_answer_is_no_while_one_is_open(run: Run, hub: Hub) -> None:
    known = Repairs(database=hub.database, clock=SystemClock())
    nothing = await run("repairs", here=True)
    assert (nothing.exit_code, nothing.stdout) == (0, "Nothing is wrong.\n")
    assert "nobody has looked yet" in nothing.stderr
    wrong = Repair(
        kind=RepairKind.AGENT,
        place="probe9\x1b[2J",
        severity=Severity.WARNING,
        what="It is gone.",
        cause="cut",
        remedy="Start it.",
    )
    await known.note(Judgement(repairs=(wrong,), checks=()), observer="e@l", kept=10**15)
    for command, code in (([], 1), (["--json"], 1), (["--state", "noted"], 0), (["--state", "ended", "--json"], 0)):
        there, here = await run("repairs", *command), await run("repairs", *command, here=True)
        assert (there.exit_code, there.output) == (here.exit_code, here.output) == (code, there.output), command
    assert "\x1b" not in there.output
    (one,) = await known.waiting()
    await known.acknowledge(one.id, reason="it is known")
    noted = await run("repairs")
    assert (noted.exit_code, "it is known" in noted.output) == (0, True)
    await known.note(Judgement(repairs=(), checks=()), observer="e@l", kept=10**15)
    assert (await run("repairs")).output == "Nothing is wrong.\n"
    assert [row["state"] for row in json.loads((await run("repairs", "--state", "ended", "--json")).output)] == [
        "ended"
    ]


async def test_jobs_are_asked_for_watched_and_cancelled_at_a_hub(run: Run, hub: Hub) -> None:
    asked = ("jobs", "run", "tcp-connect", "127.0.0.0/30", "--arg", "ports=22,80", "--parallel", 2, "--json")
    uuid = json.loads((await run(*asked)).output)["uuid"]
    jobs = Jobs(database=hub.database, clock=SystemClock())
    taker = Taker(jid="job1@localhost", life="a")
    first, second = await jobs.take(taker, held=[], limit=2)
    await jobs.hear(taker, [Report(run=first.run, attempt=1, first=0, lines=["22: open", "80: no"], dropped=0)])
    await jobs.finish(taker, first.run, outcome="done", exit_code=0)
    for command in (["list", "--state", "running"], ["show", uuid], ["output", uuid]):
        for form in ([], ["--json"]):
            there, here = await run("jobs", *command, *form), await run("jobs", *command, *form, here=True)
            assert (there.exit_code, there.output) == (here.exit_code, here.output) == (0, there.output), command
            assert there.output.strip(), command
    assert "127.0.0.1: 22: open" in (await run("jobs", "output", uuid)).output
    cancelled = await run("jobs", "cancel", uuid)
    assert cancelled.exit_code == 0, cancelled.output
    await jobs.finish(taker, second.run, outcome="cancelled")
    followed = await run("jobs", "output", uuid, "--follow", "--after", 1)
    assert (followed.exit_code, followed.output) == (0, "127.0.0.1: 80: no\n")
    assert (await run("jobs", "show", uuid_of(999))).exit_code == 1


@pytest.mark.parametrize("here", [False, True], ids=["hub", "store"])
async def test_a_job_that_cannot_be_is_no_and_a_wrong_one_a_mistake(run: Run, here: bool) -> None:
    for code, words in (
        (1, ["tcp-connect", "192.0.2.1", "--arg", "ports=22"]),
        (1, ["packages", "localhost"]),
        (2, ["tcp-connect", "127.0.0.1", "--arg", "prots=22"]),
        (2, ["tcp-connect", "127.0.0.1", "--arg", "ports=22", "--parallel", "99"]),
    ):
        done = await run("jobs", "run", *words, here=here)
        said = done.exit_code if done.exit_code < 2 or done.exception is None else 2
        assert (2 if isinstance(done.exception, ConfigurationError) else said) == code, (words, done.output)


async def test_bytes_come_whole_and_overwrite_nothing(run: Run, tmp_path: Path) -> None:
    for here in (False, True):
        for number, content in ((3, b"payload 3"), (29, b"a large payload")):
            file = tmp_path / f"{number}{here}"
            done = await run("items", "payload", uuid_of(number), "-o", file, here=here)
            assert done.exit_code == 0, done.output
            assert file.read_bytes() == content
            again = await run("items", "payload", uuid_of(number), "-o", file, here=here)
            assert isinstance(again.exception, ConfigurationError)
        zipped = tmp_path / f"{here}.zip"
        assert (await run("bundle", uuid_of(3), "-o", zipped, here=here)).exit_code == 0
    assert (tmp_path / "False.zip").read_bytes() == (tmp_path / "True.zip").read_bytes()
    assert (await run("bundle", uuid_of(27), "-o", tmp_path / "no.zip")).exit_code == 1
    assert (await run("items", "show", uuid_of(99))).exit_code == 1
    assert (await run("items", "show", uuid_of(99), here=True)).exit_code == 1


async def test_documents_are_handed_in_and_deleted(run: Run, tmp_path: Path) -> None:
    for here in (False, True):
        file = tmp_path / f"{here}.txt"
        file.write_text(f"document {here}")
        put = await run("documents", "put", file, "--name", f"report:{here}", "--title", "A report", here=here)
        assert (put.exit_code, put.output) == (0, f"report:{here}\n"), put.output
        shown = json.loads((await run("documents", "show", f"report:{here}", "--json", here=here)).output)
        assert (shown["content_type"], shown["description"]) == ("text/plain", {"title": "A report"})
        back = tmp_path / f"back{here}"
        assert (await run("documents", "get", f"report:{here}", "-o", back, here=here)).exit_code == 0
        assert back.read_bytes() == file.read_bytes()
        file.write_text("something else")
        taken = await run("documents", "put", file, "--name", f"report:{here}", here=here)
        assert (taken.exit_code, "Traceback" in taken.output) == (1, False)
        for code in (0, 1):
            gone = await run("documents", "delete", shown["sha256"], "--reason", "old", here=here)
            assert gone.exit_code == code, gone.output
        assert (await run("documents", "get", shown["sha256"], "-o", tmp_path / "x", here=here)).exit_code == 1


async def test_payloads_and_dead_letters_are_decided_about(run: Run) -> None:
    deleted = await run("items", "delete", uuid_of(4), "--reason", "asked for", "--json")
    assert json.loads(deleted.output)["deleted"]["reason"] == "asked for"
    assert (await run("items", "delete", uuid_of(4), "--reason", "again")).exit_code == 1
    (letter,) = json.loads((await run("dead-letters", "list", "--json")).output)
    assert '"payload"' in (await run("dead-letters", "show", letter["uuid"])).output
    shown = json.loads((await run("dead-letters", "show", letter["uuid"], "--json")).output)
    assert shown["item"]["meta"]["uuid"] == letter["uuid"]
    assert (await run("dead-letters", "discard", letter["uuid"], "--reason", " ")).exit_code == 2
    replayed = await run("dead-letters", "replay", letter["uuid"], "--in", "queue:rt")
    assert replayed.output == f"{letter['uuid']} replayed in queue:rt\n"
    assert (await run("dead-letters", "discard", letter["uuid"], "--reason", "late")).exit_code == 1


async def test_events_are_printed_one_a_line(run: Run, hub: Hub) -> None:
    item = {"version": "1", "format": "text", "meta": {"ts": 1, "type": "scan"}, "payload": {"raw": "aGk="}}
    async with await hub.client(Scope.INGEST) as source:
        printing = asyncio.create_task(run("events", "--topics", "scan", "--count", 2, "--json"))
        number = 0
        while not printing.done():
            meta = {"uuid": uuid_of(1000 + number), "ts": 1, "type": "scan"}
            assert (await source.post("/items/", json=item | {"meta": meta})).status_code == 201
            number += 1
            await asyncio.wait([printing], timeout=0.1)
    printed = [json.loads(line) for line in (await printing).output.splitlines()]
    assert [event["topic"] for event in printed] == ["scan", "scan"]
    again = await run("events", "--topics", "scan", "--count", 1, "--json", "--after", printed[0]["id"])
    assert json.loads(again.output) == printed[1]


async def test_wrong_use_is_told_from_no(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "vedette.yml"
    assert (await run("items", "list", "-c", config)).exit_code == 2
    assert (await run("items", "list", "--ca", config, here=True)).exit_code == 2
    assert (await run("events", here=True)).exit_code == 2
    assert (await run("audit", "list", "--cursor", "x")).exit_code == 2
    assert isinstance((await run("items", key="vdt_wrong")).exception, ApiError)
    assert isinstance((await run("items", key="")).exception, ConfigurationError)
    runner, words = CliRunner(env={KEY_VARIABLE: "vdt_x"}), ["items", "--url", "http://127.0.0.1:1"]
    done = await asyncio.to_thread(runner.invoke, build(words), words)
    assert isinstance(done.exception, ConnectionFailedError)


def test_a_key_comes_from_a_file_that_only_its_owner_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("vdt_secret\n")
    for mode in (0o644, 0o640, 0o604):
        file.chmod(mode)
        with pytest.raises(ConfigurationError, match="chmod 600"):
            read_key(file)
    file.chmod(0o600)
    monkeypatch.setenv(KEY_VARIABLE, "vdt_other")
    assert (read_key(file), read_key(None)) == ("vdt_secret", "vdt_other")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_key(tmp_path / "missing")


@pytest.mark.parametrize(
    "command", ["items", "documents", "findings", "checks", "events", "audit", "status", "bundle"]
)
def test_no_command_takes_a_key_as_an_argument(command: str) -> None:
    assert command in COMMANDS
    for words in ([command, "--help"], [command, "list", "--help"]):
        text = CliRunner(env={"COLUMNS": "200"}).invoke(build(words), words).output
        assert "--api-key" not in text
        assert "--token" not in text
