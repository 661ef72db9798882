"""The agents that read into the graph, as a configuration has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vedette.configuration.database_url import database_url
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.configuration.rt import RtSection, is_rt_file, load_rt
from vedette.errors import ConfigurationError


def paths(folder: Path, **keys: Any) -> FleetPaths:
    """Return where a fleet keeps things."""
    file = folder / "vedette.yml"
    file.write_text(yaml.safe_dump(keys))
    return load_fleet(file)[1]


def test_the_graph_is_beside_the_store_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    assert paths(tmp_path).graph_url == f"sqlite:///{tmp_path}/var/graph.db"
    assert paths(tmp_path, data="other").graph_url == f"sqlite:///{tmp_path}/other/graph.db"
    assert paths(tmp_path, store="sqlite:///far/s.db").graph_url == f"sqlite:///{tmp_path}/far/graph.db"
    assert paths(tmp_path, graph="sqlite:///g.db").graph_url == f"sqlite:///{tmp_path}/g.db"
    server = "postgresql+psycopg://u:p@h/d"
    assert paths(tmp_path, store=server).graph_url == server
    assert paths(tmp_path, graph=server).graph_url == server
    assert paths(tmp_path, store="sqlite:////a/b.db").graph_url == "sqlite:////a/graph.db"
    assert database_url("sqlite:////a/b.db", folder=tmp_path) == "sqlite:////a/b.db"


@pytest.mark.parametrize(("count", "names"), [(0, []), (1, ["rt"]), (3, ["rt", "rt2", "rt3"])])
def test_the_agents_have_names(count: int, names: list[str]) -> None:
    assert RtSection(agents=count).names == names


@pytest.mark.parametrize(
    ("keys", "key", "reason"),
    [
        ({"patterns": ["a..b"]}, "rt.patterns", "has an empty word"),
        ({"patterns": ["a.b*"]}, "rt.patterns", "a wildcard stands for whole words only"),
        ({"patterns": []}, "rt.patterns", "at least 1"),
        ({"agents": 17}, "rt.agents", "less than or equal to 16"),
        ({"process": "tsa"}, "rt.process", "'field' or 'own'"),
        ({"seconds": 200}, "rt", "at most half of lease"),
        ({"memory": 1}, "rt.memory", "greater than or equal to 256"),
        ({"patern": "#"}, "rt.patern", "patterns"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, keys: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        paths(tmp_path, rt=keys)
    assert caught.value.key.startswith(key)


def test_the_file_of_one_agent_is_told_from_others(tmp_path: Path) -> None:
    own, fleet, collector = (tmp_path / name for name in ("rt.yml", "fleet.yml", "collector.yml"))
    own.write_text("{name: rt-berlin, graph: 'postgresql+psycopg://h/d', place: Berlin}")
    fleet.write_text("{graph: 'sqlite:///g.db', rt: {agents: 2}}")
    collector.write_text("{name: collector, sources: stucco.yml}")
    assert [is_rt_file(file) for file in (own, fleet, collector)] == [True, False, False]
    assert (load_rt(own).name, load_rt(own).queue, load_rt(own).place) == ("rt-berlin", "rt", "Berlin")
