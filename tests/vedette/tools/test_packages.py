"""`packages` on this machine and on a dpkg database of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.interface import Limits, Result
from vedette.tools.packages import Packages, PackagesArguments, PackagesForm

DPKG = Path("/var/lib/dpkg/status").exists()

STATUS = """Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2-1
Description: a shell
 Package: not-a-field

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36

Package: libc6
Status: hold ok installed
Architecture: i386
Version: 2.35

Package: gone
Status: deinstall ok config-files
Version: 1
"""


async def look(**arguments: Any) -> tuple[Result, PackagesForm]:
    result = await Packages().run(
        target="", arguments=PackagesArguments(**arguments), limits=Limits(time_limit=PATIENCE), clock=SystemClock()
    )
    return result, PackagesForm.model_validate_json(result.payload)


async def test_dpkg_is_read_without_running_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(STATUS)
    result, form = await look(sources=("dpkg",), dpkg_status=status)
    assert result.exit_code == 0
    assert form.dpkg == {"bash": "5.2-1", "libc6:amd64": "2.36", "libc6:i386": "2.35"}
    assert (form.rpm, form.python) == (None, None)


async def test_python_distributions_are_found() -> None:
    result, form = await look(sources=("python",))
    assert result.exit_code == 0
    assert form.python is not None
    assert form.python["pydantic"] == pydantic.VERSION


async def test_everything_there_is_by_default() -> None:
    result, form = await look()
    assert result.exit_code == 0
    assert result.command == ("vedette:packages",)
    assert (form.dpkg is not None) == DPKG
    assert list(json.loads(result.payload)["python"]) == sorted(form.python or {})


async def test_rpm_is_asked_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rpm = tmp_path / "rpm"
    rpm.write_text("#!/bin/sh\n[ \"$1\" = -qa ] && printf 'bash\\tx86_64\\t5.2-1\\nkernel\\tx86_64\\t6.1\\n'\n")
    rpm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    result, form = await look(sources=("rpm",))
    assert (result.exit_code, form.rpm) == (0, {"bash": "5.2-1", "kernel": "6.1"})
    rpm.write_text("#!/bin/sh\necho broken >&2; exit 2\n")
    result, _ = await look(sources=("rpm",))
    assert (result.exit_code, result.stderr) == (1, "rpm -qa failed (2): broken")


async def test_no_database_is_a_result(tmp_path: Path) -> None:
    result, form = await look(sources=("dpkg",), dpkg_status=tmp_path / "none")
    assert (result.exit_code, form.error) == (1, "no package database of dpkg on this machine")
