"""Jobs of a real fleet: agents as processes, killed in the middle, with a hub that is killed, too."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from registry.database import Database
from registry.jobs import Job, Jobs, Run
from tests.vedette.cli.commands import Running, called, complaint, running, until, vedette
from vedette.clock import SystemClock

CONFIGURATION = """
batch: {seconds: 0.2}
jobs:
  agents: 2
  idle: 4
  scope:
    commands:
      echo: [echo, seen, "{target}"]
      slow: [sh, -c, 'echo $$; sleep 300 & sleep 300', "--", "{target}"]
      pause: [sh, -c, 'echo began; sleep 6; echo over', "--", "{target}"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, put_databases: Callable[[Path], None]) -> Path:
    """A fleet without probes that may start two job agents."""
    folder = tmp_path_factory.mktemp("jobs")
    put_databases(folder)
    (folder / "vedette.yml").write_text(CONFIGURATION)
    return folder


@pytest.fixture(scope="module")
def fleet(folder: Path) -> Iterator[Running]:
    """The fleet, running."""
    with running("up", "--log-level", "warning", folder=folder, name="up") as fleet:
        fleet.until_said("The fleet is up")
        yield fleet


@pytest.fixture
def jobs(fleet: Running, folder: Path) -> Iterator[Jobs]:
    """The fleet's jobs, from its store."""
    with Database(f"sqlite:///{folder / 'var' / 'store.db'}") as database:
        yield Jobs(database=database, clock=SystemClock())


def shown(jobs: Jobs, uuid: str) -> Job:
    return asyncio.run(jobs.get(uuid))


def runs_of(jobs: Jobs, uuid: str) -> list[Run]:
    return list(asyncio.run(jobs.runs(uuid)).rows)


def texts(jobs: Jobs, uuid: str) -> list[str]:
    return [line.text for line in asyncio.run(jobs.output(uuid))]


def requested(folder: Path, *arguments: object) -> str:
    done = called("jobs", "run", *arguments, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["uuid"])


def agent_process(fleet: Running, name: str) -> psutil.Process | None:
    """Return the process of a job agent."""
    for process in psutil.Process(fleet.process.pid).children(recursive=True):
        try:
            if any(word.endswith(f"{name}.json") for word in process.cmdline()):
                return process
        except psutil.Error:
            continue
    return None


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_job_is_done_by_agents_that_come_and_go(fleet: Running, folder: Path, jobs: Jobs) -> None:
    done = called("jobs", "run", "echo", "127.0.0.0/29", "--parallel", 2, "--wait", folder=folder)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.strip().splitlines()
    assert sorted(lines) == [f"127.0.0.{number}: seen 127.0.0.{number}" for number in range(1, 7)]
    uuid = last.split()[0]
    runs = json.loads(called("jobs", "show", uuid, "--json", folder=folder).stdout)["runs"]
    assert {run["state"] for run in runs} == {"done"}

    def stored() -> set[str]:
        return {item["uuid"] for item in json.loads(called("items", "--json", folder=folder).stdout)}

    until(lambda: {run["uuid"] for run in runs} == stored())
    output = called("jobs", "output", uuid, "--json", "--follow", folder=folder).stdout
    assert {json.loads(line)["run"] for line in output.splitlines()} == {run["uuid"] for run in runs}
    assert uuid in called("jobs", "list", folder=folder).stdout
    # With nothing to do the agents end by themselves.
    until(lambda: agent_process(fleet, "job1") is None and agent_process(fleet, "job2") is None)


def test_what_is_not_in_scope_is_refused_with_the_reason(fleet: Running, folder: Path, jobs: Jobs) -> None:
    done = called("jobs", "run", "echo", "127.0.0.1", "192.0.2.1", folder=folder)
    assert done.returncode == 1
    assert "192.0.2.1 is in no allowed network" in complaint(done)
    assert called("jobs", "run", "rm", "127.0.0.1", folder=folder).returncode == 1
    assert called("jobs", "run", "dns", "localhost", "--arg", "tpyes=A", folder=folder).returncode == 2
    assert called("jobs", "show", "nothing", folder=folder).returncode == 1


def test_a_killed_agents_run_is_taken_over_and_nothing_of_it_stays(fleet: Running, folder: Path, jobs: Jobs) -> None:
    # Given a run at work in a process of its own, with a child
    uuid = requested(folder, "slow", "127.0.0.1")
    until(lambda: len(texts(jobs, uuid)) == 1)
    (pid,) = map(int, texts(jobs, uuid))
    children = [process.pid for process in psutil.Process(pid).children(recursive=True)]
    (run,) = runs_of(jobs, uuid)
    agent = agent_process(fleet, run.agent.partition("@")[0])
    assert agent is not None
    # When its agent is killed
    os.kill(agent.pid, signal.SIGKILL)
    # Then what it ran is ended, and the run begins anew
    until(lambda: all(map(gone, [pid, *children])))
    until(lambda: len(texts(jobs, uuid)) == 2)
    (run,) = runs_of(jobs, uuid)
    assert (run.state, run.attempts) == ("running", 2)
    # And when it is cancelled, that one ends, too
    second = int(texts(jobs, uuid)[1])
    assert called("jobs", "cancel", uuid, folder=folder).returncode == 0
    until(lambda: gone(second))
    until(lambda: shown(jobs, uuid).state == "cancelled")


@pytest.mark.long
def test_a_hub_that_is_killed_in_the_middle_loses_no_run(fleet: Running, folder: Path, jobs: Jobs) -> None:
    uuid = requested(folder, "pause", "127.0.0.1", "127.0.0.2", "--parallel", 2)
    until(lambda: texts(jobs, uuid).count("began") == 2)
    (hub,) = [
        process
        for process in psutil.Process(fleet.process.pid).children()
        if "vedette.cli.process" in process.cmdline() and "hub" in process.cmdline()
    ]
    os.kill(hub.pid, signal.SIGKILL)
    until(lambda: shown(jobs, uuid).ended_at is not None)
    after = shown(jobs, uuid)
    assert (after.state, after.done) == ("done", 2)


@pytest.mark.long
def test_a_launcher_elsewhere_does_what_is_asked_of_it(fleet: Running, folder: Path, jobs: Jobs) -> None:
    # Given a host with a launcher and a job agent's credentials
    for name, role in (("site1", "launcher"), ("site1-job1", "job")):
        assert called("enroll", name, "--role", role, folder=folder).returncode == 0
    credentials = folder / "var" / "credentials"
    content = {
        "credentials": str(credentials / "site1.json"),
        "agents": [str(credentials / "site1-job1.json")],
        "place": "Luxembourg",
        "scope": {"allow": ["127.0.0.1"], "commands": {"echo": ["echo", "seen", "{target}"]}},
    }
    (folder / "launcher.json").write_text(json.dumps(content))
    command = ("agent", "launcher", "-c", "launcher.json", "--log-level", "warning")
    with running(*command, folder=folder, name="launcher") as launcher:
        launcher.until_said("is up")
        # When a job asks for its place
        uuid = requested(folder, "echo", "127.0.0.1", "127.0.0.2", "--place", "Luxembourg")
        until(lambda: shown(jobs, uuid).ended_at is not None)
        # Then its agent does it, within the launcher's own scope
        runs = {run.target: (run.state, run.agent) for run in runs_of(jobs, uuid)}
        assert runs["127.0.0.1"] == ("done", "site1-job1@localhost")
        assert runs["127.0.0.2"] == ("refused", "site1-job1@localhost")
        # And logs no more than it was told to, and its agent no more than it
        assert "[info" not in launcher.complained()


def test_the_wrong_credentials_are_said(folder: Path) -> None:
    content = {"credentials": "var/credentials/registry.json", "outbox": "x.db"}
    (folder / "wrong.json").write_text(json.dumps(content))
    done = vedette("agent", "job", "-c", "wrong.json", folder=folder)
    assert done.returncode == 2
    assert "vedette enroll registry --role job" in complaint(done)
