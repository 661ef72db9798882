"""Which configuration a command takes, and as whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vedette.cli.enrolment import default_fleet_file
from vedette.cli.store import open_fleet
from vedette.errors import ConfigurationError


def test_here_goes_before_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    machine, given = tmp_path / "etc.yml", tmp_path / "other.yml"
    with pytest.raises(ConfigurationError, match="name one with -c FILE"):
        default_fleet_file(None, of_machine=machine)
    machine.write_text("")
    assert default_fleet_file(None, of_machine=machine) == machine
    Path("vedette.yml").write_text("")
    assert default_fleet_file(None, of_machine=machine) == Path("vedette.yml")
    with pytest.raises(ConfigurationError, match="check the path"):
        default_fleet_file(given, of_machine=machine)
    given.write_text("")
    assert default_fleet_file(given, of_machine=machine) == given


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be told to be somebody else")
def test_root_leaves_no_files_with_another_users_fleet(tmp_path: Path) -> None:
    file, data = tmp_path / "vedette.yml", tmp_path / "var"
    file.write_text("data: var\n")
    open_fleet(file)
    data.mkdir()
    open_fleet(file)
    os.chown(data, 54321, 54321)
    with pytest.raises(ConfigurationError, match="belongs to #54321; run it as that user"):
        open_fleet(file)
    os.chown(data, 1, 1)
    with pytest.raises(ConfigurationError, match="sudo -u daemon vedette"):
        open_fleet(file)
