"""Every benchmark runs with `--quick`, prints only figures on stdout, and exits 0 even when a target is missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ejabberd.server import find_installation
from vedette.errors import VedetteError

ROOT = Path(__file__).parents[2]
KEYS = {"name", "value", "unit", "target", "met", "cpu_s", "peer", "ratio"}
NEEDS_EJABBERD = {"delivery", "fleet"}


def benchmarks() -> list[str]:
    """Return the benchmarks; the other files there are what they share."""
    return sorted(file.stem for file in (ROOT / "bench").glob("*.py") if '"--quick"' in file.read_text())


def _need_ejabberd() -> None:
    try:
        find_installation()
    except VedetteError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.mark.parametrize("name", benchmarks())
def test_a_quick_run_prints_figures(name: str, tmp_path: Path) -> None:
    if name in NEEDS_EJABBERD:
        _need_ejabberd()
    command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
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
