"""`vedette demo`: the whole main job in real processes, its ending, and two of them."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.timing import PATIENCE, bound
from tests.vedette.cli.commands import (
    COMMAND,
    Running,
    complaint,
    environment,
    listening_ports,
    running,
    until,
    vedette,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder in which the demo runs several times."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def once(folder: Path) -> dict[str, Any]:
    """What `demo --once --json` says the first time."""
    done = vedette("demo", "--once", "--json", "--folder", "fleet", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def test_once_with_json_prints_exactly_what_was_promised(once: dict[str, Any], folder: Path) -> None:
    assert list(once) == ["items", "stamped", "verified", "bundle", "trust", "agents", "seconds", "setup_link"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/setup#[\w-]{43}", once["setup_link"])
    assert once["items"] == once["stamped"] == once["verified"] >= 2
    assert all(list(agent) == ["jid", "role", "presence"] for agent in once["agents"])
    assert [(agent["jid"], agent["role"], agent["presence"]) for agent in once["agents"]] == [
        ("registry@localhost", "registry", "available"),
        ("aggregation@localhost", "aggregation", "available"),
        ("rt@localhost", "rt", "available"),
        ("probe1@localhost", "probe", "available"),
        ("probe2@localhost", "probe", "available"),
    ]
    assert 0 < once["seconds"] < 60
    assert Path(once["bundle"]).is_relative_to(folder)


def test_its_bundle_verifies_with_vedette_and_with_openssl_alone(once: dict[str, Any], tmp_path: Path) -> None:
    done = vedette("verify", once["bundle"], "--trust", once["trust"], "--json", folder=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True)
    assert vedette("verify", once["bundle"], folder=tmp_path).returncode == 1
    with zipfile.ZipFile(once["bundle"]) as bundle:
        bundle.extractall(tmp_path / "bundle")
    for program in ("bash", "openssl", "xxd"):
        if shutil.which(program) is None:
            _missing(program)
    script = ["bash", "verify.sh", once["trust"]]
    said = subprocess.run(script, cwd=tmp_path / "bundle", capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_second_time_in_the_same_folder_goes_on_with_what_is_there(once: dict[str, Any], folder: Path) -> None:
    with running("demo", "--folder", "fleet", folder=folder) as demo:
        demo.until_said("Ctrl-C ends the fleet.")
        said = demo.said()
        assert re.search(r"(\d+) of \1 items verified", said), said
        assert int(re.findall(r"of (\d+) items", said)[0]) > once["items"]
        for agent in once["agents"]:
            assert re.search(rf"{agent['jid']} +http://127\.0\.0\.1:\d+/", said)
        _the_link_makes_the_administrator(said)
        assert "self-asserted" in said
        assert "\x1b" not in said
        _nothing_listens_outside(demo)
        _a_second_one_is_refused(folder)
        assert demo.process.poll() is None
        started = time.monotonic()
        assert demo.end(signal.SIGINT) == 0
        assert time.monotonic() - started < bound(8.0)
        assert demo.complained() == ""


def _the_link_makes_the_administrator(said: str) -> None:
    found = re.search(r"(http://[^/]+)/setup#([\w-]+)", said)
    assert found is not None, said
    password = "correct horse battery"
    form = {"link": found[2], "name": "anna", "password": password, "repeated": password}
    with httpx.Client(base_url=found[1], trust_env=False, timeout=PATIENCE) as client:
        assert client.post("/setup", data=form).status_code == 303
        assert client.get("/v1/me").json()["holder"] == "user anna"
        assert client.post("/setup", data=form).status_code == 403


def _nothing_listens_outside(demo: Running) -> None:
    # XMPP, the authority and four pages at least; that all are loopback is checked there.
    assert len(listening_ports(list(demo.children().values()))) >= 6


def _a_second_one_is_refused(folder: Path) -> None:
    done = vedette("demo", "--once", "--json", "--folder", "fleet", folder=folder)
    assert done.returncode == 2
    assert "a fleet runs in this folder already" in complaint(done)


def _killing_it_takes_everything_along(demo: Running) -> None:
    children = demo.children()
    assert set(children) == {"xmpp", "tsa", "hub", "field"}
    ports = listening_ports(list(children.values()))
    demo.process.kill()
    demo.process.wait()
    _, alive = psutil.wait_procs(list(children.values()), timeout=bound(4.0))
    assert not alive, [child.cmdline() for child in alive]
    assert not any(_answers(port) for port in ports)


def test_interrupted_while_it_starts_it_ends_at_once(tmp_path: Path) -> None:
    with running("demo", "--folder", "fleet", folder=tmp_path) as demo:
        until(lambda: "hub" in demo.children())
        started = time.monotonic()
        assert demo.end(signal.SIGTERM) == 1
        assert time.monotonic() - started < bound(8.0)
        assert demo.complained() == "vedette: stopped before the first proof\n"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = vedette("demo", "--once", "--folder", "file/fleet", folder=tmp_path)
    assert done.returncode == 2
    assert "cannot be written" in complaint(done)


def test_on_a_terminal_a_table_shows_who_is_there_and_another_demo_does_not_disturb(tmp_path: Path) -> None:
    with (
        running("demo", "--folder", "b", folder=tmp_path) as other,
        _on_terminal("demo", "--once", "--folder", "a", folder=tmp_path) as (process, screen),
    ):
        said = _read_all(screen)
        assert process.wait(PATIENCE) == 0, said
        other.until_said("Ctrl-C ends the fleet.")
        assert re.search(r"(\d+) of \1 items verified", other.said()), other.said()
        _killing_it_takes_everything_along(other)
    assert "\x1b[" in said
    assert "● available" in said
    assert re.search(r"(\d+) of \1 items verified", said), said
    assert "time-stamped (self-asserted time)" in said


class _on_terminal:
    """Start a command on a pseudo-terminal."""

    def __init__(self, *arguments: str, folder: Path) -> None:
        self._screen, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment() | {"TERM": "xterm-256color", "LINES": "40"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def __enter__(self) -> tuple[subprocess.Popen[bytes], int]:
        return self._process, self._screen

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        os.close(self._screen)


def _read_all(screen: int) -> str:
    data = b""
    while True:
        try:
            part = os.read(screen, 65536)
        except OSError:
            # Linux says EIO when the last process has closed its end.
            return data.decode()
        if not part:
            return data.decode()
        data += part


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _missing(program: str) -> None:
    reason = f"{program} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left(folder: Path) -> Iterator[None]:
    """No process of these tests may outlive them."""
    yield
    left = [
        process.cmdline() for process in psutil.process_iter() if any(str(folder) in word for word in _words(process))
    ]
    assert not left


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
