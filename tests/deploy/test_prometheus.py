"""The alert rules: Prometheus takes them, each fires when it should, and they ask for what the hub has."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from registry.database import Database
from registry.figures import Figures, StoreFigures
from registry.notices import NoticesState
from registry.replica_lag import Outcome, ReplicaState
from tests.deploy.programs import DEPLOY, ROOT, must, need
from tests.stamping import stamping
from vedette.clock import SystemClock
from vedette.delivery.circuit_breaker import CircuitState
from web.api.exposition import Snapshot
from web.api.measuring import HttpMeasures

RULES = DEPLOY / "prometheus" / "vedette.rules.yml"
CASES = Path(__file__).with_name("vedette.rules.test.yml")
PAGE = ROOT / "docs" / "monitoring.md"
FROM_PROMETHEUS = {"up"}
"""What Prometheus knows by itself."""


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


NAMES = [rule["alert"] for rule in rules()]


def test_prometheus_takes_the_rules() -> None:
    need("promtool")
    assert f"SUCCESS: {len(NAMES)} rules found" in must("promtool", "check", "rules", RULES)
    must("promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


def test_each_fires_when_it_should_and_a_fleet_that_is_well_is_quiet() -> None:
    need("promtool")
    must("promtool", "test", "rules", CASES)


def test_each_has_a_case_a_severity_and_says_what_to_do() -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    firing = {case["name"] for case in cases if any("exp_samples" in one for one in case["promql_expr_test"])}
    assert firing == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_page_names_each() -> None:
    assert set(re.findall(r"Vedette[A-Z]\w+", PAGE.read_text())) == set(NAMES)


def families(store: StoreFigures) -> list[Metric]:
    """Return everything that a hub can tell."""
    stamped = stamping(circuit=CircuitState.CLOSED, delay_p99=0.75)
    measures = HttpMeasures()
    measures.note(route="/v1/items", method="GET", status=200, seconds=0.1)
    reads = dict.fromkeys(Outcome, 1)
    replica = ReplicaState(place="replica.example.org:5432/vedette", used=True, lag=0.1, reason="", reads=reads)
    notices = NoticesState(listening=True, counted={"items": 1})
    snapshot = Snapshot(store=store, stamping=stamped, replica=replica, notices=notices)
    return [*snapshot.collect(), *measures.registry.collect()]


@pytest.fixture(scope="module")
def known(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all series."""
    folder = tmp_path_factory.mktemp("fleet")
    clock = SystemClock()
    with Database(f"sqlite:///{shutil.copy(migrated_file, folder)}") as database:
        store = asyncio.run(Figures(database=database, data=folder, outboxes=folder, clock=clock).now())
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    return {family.name + ending for family in families(store) for ending in endings.get(family.type, [""])}


@pytest.mark.parametrize("rule", rules(), ids=NAMES)
def test_what_a_rule_asks_for_is_there(rule: dict[str, Any], known: set[str]) -> None:
    asked = set(re.findall(r"\b(?:vedette|process)_\w+|\bup\b", rule["expr"]))
    assert asked
    assert asked <= known | FROM_PROMETHEUS


def test_what_the_texts_name_is_there() -> None:
    labels = {label for rule in rules() for label in re.findall(r"\$labels\.(\w+)", str(rule))}
    assert labels <= {"instance", "tsa", "queue", "place", "role", "behaviour", "kind"}
