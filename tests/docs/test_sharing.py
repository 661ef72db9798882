"""docs/sharing.md is true: its commands run one after the other, its YAML is taken, its routes are there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.database import Database
from registry.graph import graph_database
from registry.graph_writing import GraphWriter
from tests.docs.pages import DOCS, commands, run
from tests.web.api.access_table import LISTS, ROUTES
from tests.web.api.v1.graph_content import fill_graph
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.configuration.sharing import SharingSection
from vedette.sharing.exporter import ExporterCatalogue
from vedette.sharing.selection_values import FORMS
from vedette.sharing.settings import check_settings

PAGE = (DOCS / "sharing.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def sections() -> list[SharingSection]:
    """What each example of the page configures; some are destinations alone."""
    found = []
    for text in YAML:
        data: Any = yaml.safe_load(text)
        found.append({"destinations": data} if isinstance(data, list) else data["sharing"])
    return [SharingSection.model_validate(one) for one in found]


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vedette.yml").write_text(YAML[0])
    _, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    Database(paths.store_url).migrate()
    graph = graph_database(paths.graph_url)
    graph.migrate()
    with graph:
        asyncio.run(fill_graph(GraphWriter(database=graph, clock=SystemClock())))
    for line, done in run(commands(PAGE, least=5)):
        assert done.output.strip(), line
    assert (tmp_path / "shared.csv").read_text().count("\n") > 1
    assert (tmp_path / "var" / "feeds" / "feed" / "manifest.json").is_file()


def test_every_example_of_a_destination_is_taken() -> None:
    catalogue, seen = ExporterCatalogue(), set()
    for section in sections():
        for one in section.destinations:
            check_settings(catalogue.exporter(one.exporter), one.settings, place=one.name)
            seen.add(one.exporter)
    assert seen >= {"misp", "feed", "collection", "taxii", "webhook", "sql", "opensearch"}


def test_the_words_of_the_page_are_those_of_selections() -> None:
    table = PAGE[PAGE.index("## Selections") : PAGE.index("## Policy")]
    assert set(re.findall(r"`(\w+)=", table)) >= set(FORMS) - {"share", "part", "depth"}


def test_the_routes_of_the_page_are_there() -> None:
    served = set(ROUTES) | {f"GET {path}" for path in LISTS}
    named = re.findall(r"`((?:GET|POST) /v1/[\w/{}-]*)`", PAGE)
    assert len(named) == 8
    assert set(named) <= served
