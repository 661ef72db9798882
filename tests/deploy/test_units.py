"""The systemd units, read by systemd itself: without a mistake, and with little that they could do to the machine."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.deploy.commands import unknown_options
from tests.deploy.programs import DEPLOY, need, run

UNITS = DEPLOY / "systemd"
NAMES = ["vedette.service", "vedette@.service", "vedette-xmpp.service"]
SYSTEM = Path("/usr/lib/systemd/system")

EXPOSURE = 25
"""Tenths of systemd's own measure, from 0 (it can do nothing) to 100; without a sandbox a unit has 96."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with systemd's units and ours."""
    need("systemd-analyze")
    root = tmp_path_factory.mktemp("root")
    if not SYSTEM.is_dir():
        pytest.skip("systemd's own units are not installed")
    shutil.copytree(SYSTEM, root / "usr/lib/systemd/system", symlinks=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, root / "usr/lib/systemd/system")
    program = root / "usr/bin/vedette"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return root


def analyze(root: Path, action: str, *options: str) -> tuple[int, str]:
    done = run("systemd-analyze", action, f"--root={root}", *options)
    return done.returncode, done.stdout + done.stderr


def instance(name: str) -> str:
    return name.replace("@.", "@one.")


def test_all_are_known() -> None:
    assert sorted(path.name for path in UNITS.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_no_mistake(root: Path, name: str) -> None:
    assert analyze(root, "verify", "--man=no", instance(name)) == (0, "")


def test_systemd_would_find_one(root: Path) -> None:
    wrong = root / "usr/lib/systemd/system/wrong.service"
    wrong.write_text((UNITS / "vedette.service").read_text().replace("ProtectSystem=", "ProtectSystems="))
    assert re.search("Unknown key.*'ProtectSystems'", analyze(root, "verify", "--man=no", "wrong.service")[1])


@pytest.mark.parametrize("name", NAMES)
def test_little_could_be_done_to_the_machine(root: Path, name: str) -> None:
    options = ("--offline=true", f"--threshold={EXPOSURE}", "--no-pager", instance(name))
    code, said = analyze(root, "security", *options)
    assert code == 0, said


@pytest.mark.parametrize("name", NAMES)
def test_what_is_started_is_a_command_of_ours(name: str) -> None:
    started = re.search(r"^ExecStart=(.*)$", (UNITS / name).read_text(), re.MULTILINE)
    assert started is not None
    program, *words = shlex.split(started[1])
    assert program == "/usr/bin/vedette"
    assert unknown_options(words) == []


def test_the_units_of_one_host_and_of_several_differ_in_what_they_start_only() -> None:
    one, several = ((UNITS / name).read_text().splitlines() for name in ("vedette.service", "vedette@.service"))
    assert len(set(one) ^ set(several)) == 3 * 2 + 1, "the comment, the description, what is started; Conflicts="


def test_the_xmpp_server_sees_its_own_folder_of_the_fleet_only() -> None:
    text = (UNITS / "vedette-xmpp.service").read_text()
    folder = "/var/lib/vedette/ejabberd"
    assert re.findall(r"^(?:BindPaths|ReadWritePaths|StateDirectory)=(.*)$", text, re.MULTILINE) == [folder]
    assert "TemporaryFileSystem=/var/lib/vedette:ro" in text
    assert f"--folder {folder}\n" in text
