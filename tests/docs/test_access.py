"""The commands of docs/access.md, run one after the other as the page has them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from registry.database import Database
from vedette.cli import keys, users

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
GROUPS = {"users": users.app, "keys": keys.app}


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vedette.yml").write_text("data: var\n")
    (tmp_path / "var").mkdir()
    Database(f"sqlite:///{tmp_path / 'var' / 'store.db'}").migrate()
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) >= 7
    for line in lines:
        _, group, *arguments = shlex.split(line)
        done = CliRunner().invoke(GROUPS[group], arguments, input="correct horse battery\n")
        assert done.exit_code == 0, (line, done.output)
