"""Every benchmark runs with `--quick`, prints only figures on stdout, and exits 0 even when a target is missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ejabberd.server import find_installation
from tests.timing import PATIENCE
from vedette.errors import VedetteError

ROOT = Path(__file__).parents[2]
KEYS = {"name", "value", "unit", "target", "met", "cpu_s", "peer", "ratio"}
NEEDS_EJABBERD = {"console", "delivery", "fleet"}
CHEAP = {"evidence"}
"""What is run by `make test`; the others start fleets and peers, or work for ten seconds and more each."""


def benchmarks() -> list[str]:
    """Return the benchmarks; the other files there are what they share."""
    return sorted(file.stem for file in (ROOT / "bench").glob("*.py") if '"--quick"' in file.read_text())


def run(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a benchmark to its end."""
    command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=5 * PATIENCE)


def _need_ejabberd() -> None:
    try:
        find_installation()
    except VedetteError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


ASK_EACH = """
import contextlib, io, json, runpy, sys, traceback
folder, *names = sys.argv[1:]
sys.path.insert(0, folder)
for name in names:
    sys.argv, said, ended = [name, "--help"], io.StringIO(), None
    with contextlib.redirect_stdout(said):
        try:
            runpy.run_path(f"{folder}/{name}.py", run_name="__main__")
        except SystemExit as end:
            ended = end.code
        except BaseException:
            ended = traceback.format_exc()
    print(json.dumps([name, ended, "--quick" in said.getvalue()]))
"""
"""Asks each benchmark for its help, all in one process: most of the time goes into what all of them import."""


def test_what_each_needs_is_there(tmp_path: Path) -> None:
    names = sorted({*benchmarks()} - CHEAP)
    command = [sys.executable, "-c", ASK_EACH, str(ROOT / "bench"), *names]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=5 * PATIENCE
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[name, 0, True] for name in names], done.stderr


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in CHEAP else pytest.mark.long) for name in benchmarks()]
)
def test_a_quick_run_prints_figures(name: str, tmp_path: Path) -> None:
    if name in NEEDS_EJABBERD:
        _need_ejabberd()
    done = run(name, "--quick", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = [json.loads(line) for line in done.stdout.splitlines()]
    assert figures
    for figure in figures:
        assert set(figure) <= KEYS
        assert {"name", "value", "unit"} <= set(figure)
        assert isinstance(figure["value"], int | float)
        assert ("met" in figure) == ("target" in figure)
        assert ("ratio" in figure) == ("peer" in figure)
    assert "Traceback" not in done.stderr
    assert len({figure["name"] for figure in figures}) == len(figures), "two figures have the same name"
