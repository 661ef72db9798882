"""System programs that the tests of `deploy/` need."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def need(*programs: str) -> None:
    """Skip the test where one is not installed; in CI it fails instead."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{', '.join(missing)} must be installed in CI")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def run(*command: str | Path, seconds: float = 180.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the root of the repository and return how it ended."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )


def must(*command: str | Path, seconds: float = 180.0, **environment: str) -> str:
    """Run a program that has to end well, and return what it printed."""
    done = run(*command, seconds=seconds, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_inside(*command: str, home: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command that enters another system, with nothing of this one's environment, and return how it ended."""
    return subprocess.run(
        command,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LC_ALL": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )
