"""The commands of docs/audit.md, run one after the other as the page has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.database import Database
from tests.docs.pages import DOCS, commands, run
from tests.vedette.cli.test_audit import entry, record, stamp
from vedette.configuration.fleet import load_fleet

PAGE = DOCS / "audit.md"


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vedette.yml").write_text("data: var\n")
    _, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    Database(paths.store_url).migrate()
    record(paths, entry("agent.enroll"))
    stamp(paths)
    assert len(list(run(commands(PAGE.read_text(), least=5)))) >= 5
