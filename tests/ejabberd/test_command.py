"""`vedette xmpp` from the shell's side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from typer.testing import CliRunner

from tests.timing import PATIENCE
from vedette.cli.xmpp import app

COMMAND = [sys.executable, "-c", "from vedette.cli.xmpp import app; app()"]


def _run(*arguments: str) -> tuple[int, Any]:
    done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True, timeout=PATIENCE)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_from_nothing_to_checked_and_down_again(open_folder: Path) -> None:
    folder = ["--folder", str(open_folder / "xmpp")]
    status, made = _run("init", *folder, "--domain", "chat.example", "--host", "localhost", "--port", "0")
    assert status == 0
    assert "api_secret" not in made
    assert _run("check", *folder)[0] == 1
    assert _run("down", *folder) == (1, {"stopped": False})
    status, started = _run("up", *folder, "--detach")
    assert (status, started["port"]) == (0, made["port"])
    try:
        status, report = _run("check", *folder)
        assert (status, report["problems"], report["domain"]) == (0, [], "chat.example")
        assert set(report["mechanisms"]) == {"SCRAM-SHA-256", "EXTERNAL"}
        assert "taken" in _run("up", *folder)[1]["error"]
    finally:
        assert _run("down", *folder) == (0, {"stopped": True})
    assert _run("check", *folder)[0] == 1
    assert _run("up", *folder, "--detach")[0] == 0
    assert _run("down", *folder)[0] == 0


def test_in_the_foreground_it_stops_when_asked(open_folder: Path) -> None:
    folder = str(open_folder / "xmpp")
    _run("init", "--folder", folder, "--domain", "localhost", "--port", "0")
    with subprocess.Popen([*COMMAND, "up", "--folder", folder, "--json"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        pid = json.loads(running.stdout.readline())["pid"]
        running.terminate()
        assert running.wait(PATIENCE) == 0
    assert not psutil.pid_exists(pid)


def test_wrong_use_is_exit_2_in_one_line(tmp_path: Path) -> None:
    for arguments in (
        ["up", "--folder", str(tmp_path)],
        ["down", "--folder", str(tmp_path)],
        ["check", "--folder", str(tmp_path)],
        ["check"],
        ["check", "--domain", "x", "--server", "y", "--ca-file", "z"],
        ["init", "--folder", str(tmp_path / "new"), "--domain", "Not A Domain"],
    ):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == 2, done.exception
        assert "\n" not in json.loads(done.stdout)["error"]
