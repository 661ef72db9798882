"""docs/graph.md is true: its commands run one after the other, its routes are there, its limits hold."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from registry.database import Database
from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from tests.docs.pages import DOCS, commands, run
from tests.web.api.access_table import ROUTES
from tests.web.api.v1.graph_content import fill_graph
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.graph.port import MAX_DEPTH, MAX_FAN_OUT, MAX_PICTURE
from vedette.graph.stucco_question import MAX_OFFSET
from vedette.graph.walking import MAX_VISITED

PAGE = (DOCS / "graph.md").read_text()


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vedette.yml").write_text("data: var\n")
    _, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    Database(paths.store_url).migrate()
    graph = graph_database(paths.graph_url)
    graph.migrate()
    with graph:
        asyncio.run(fill_graph(GraphWriter(database=graph, clock=SystemClock())))
    for line, done in run(commands(PAGE, least=10)):
        assert done.output.strip(), line


def test_the_routes_of_the_page_are_there() -> None:
    served = {re.sub(r"\{[^}]*\}", "{}", route.partition(" ")[2]) for route in ROUTES}
    named = re.findall(r"`(?:(?:GET|POST) )?(/(?:v1/graph|api)[\w/{}-]*)", PAGE)
    assert len(named) > 15
    assert {re.sub(r"\{[^}]*\}", "{}", path) for path in named} <= served


def test_the_limits_of_the_page_hold() -> None:
    assert f"hops of a path | {MAX_DEPTH} |" in PAGE
    assert f"edges of one vertex in it | {MAX_PICTURE:,} and {MAX_FAN_OUT} |" in PAGE
    assert f"looks at | {MAX_VISITED:,} |" in PAGE
    assert f"passes over | {MAX_OFFSET:,} |" in PAGE
