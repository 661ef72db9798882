"""The commands of docs/schedules.md, run one after the other as the page has them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from registry.database import Database
from vedette.cli.main import build
from vedette.configuration.fleet import load_fleet

PAGE = Path(__file__).resolve().parents[2] / "docs" / "schedules.md"


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vedette.yml").write_text("data: var\n")
    _, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    Database(paths.store_url).migrate()
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) >= 10
    for line in lines:
        _, *words = shlex.split(line)
        done = CliRunner().invoke(build(words), words)
        assert done.exit_code == 0, (line, done.output)
