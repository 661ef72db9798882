"""Where a fleet's databases are: beside each other, behind a pooler, and the way around it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vedette.configuration.database_url import DatabaseUrls, is_pooled, pooled
from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError

DIRECT = "postgresql+psycopg://vedette:s%2Fe@db.example.org/vedette?sslmode=verify-full"
POOLER = "postgresql+psycopg://vedette@pgbouncer.example.org:6432/vedette"


def urls(store: str, *, graph: str | None = None, listen: str | None = None) -> DatabaseUrls:
    return DatabaseUrls.of(store=store, graph=graph, listen=listen, folder=Path("/fleet"))


def test_without_a_pooler_nothing_is_marked() -> None:
    for store in ("sqlite:///var/store.db", DIRECT):
        found = urls(store)
        assert not is_pooled(found.store)
        assert (found.direct_store, found.direct_graph) == (found.store, found.graph)


def test_a_pooler_is_in_front_of_store_and_graph() -> None:
    found = urls(POOLER, listen=DIRECT)
    assert found.store == found.graph == f"{POOLER}?pooled=yes"
    assert found.direct_store == found.direct_graph == DIRECT


@pytest.mark.parametrize(
    ("graph", "marked", "direct"),
    [
        (
            "postgresql+psycopg://g@pgbouncer.example.org:6432/known?sslmode=require",
            True,
            "postgresql+psycopg://vedette:s%2Fe@db.example.org/known?sslmode=verify-full",
        ),
        ("postgresql+psycopg://g@db.example.org/known", False, "postgresql+psycopg://g@db.example.org/known"),
        ("postgresql+psycopg://g@other.example.org/known", True, "postgresql+psycopg://g@other.example.org/known"),
        ("sqlite:////srv/graph.db", False, "sqlite:////srv/graph.db"),
    ],
)
def test_a_graph_elsewhere_is_marked_unless_it_is_known_to_be_direct(graph: str, marked: bool, direct: str) -> None:
    found = urls(POOLER, graph=graph, listen=DIRECT)
    assert (is_pooled(found.graph), found.direct_graph) == (marked, direct)


def test_sockets_are_told_apart_by_their_folder_and_port() -> None:
    store = "postgresql+psycopg:///vedette?host=/run/pooler&port=6432"
    listen = "postgresql+psycopg:///vedette?host=/run/postgresql"
    beside = "postgresql+psycopg:///known?host=/run/pooler&port=6432"
    assert urls(store, graph=beside, listen=listen).direct_graph == listen.replace("/vedette", "/known")
    assert not is_pooled(urls(store, graph=listen.replace("/vedette", "/known"), listen=listen).graph)


def test_a_mark_is_not_set_twice() -> None:
    assert pooled(pooled(DIRECT)) == pooled(DIRECT) == f"{DIRECT}&pooled=yes"


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"replica": DIRECT}, "only PostgreSQL has replicas"),
        ({"replica": DIRECT, "store": "sqlite:///s.db"}, "only PostgreSQL has replicas"),
        ({"replica": "sqlite:///r.db", "store": DIRECT}, "must be postgresql"),
    ],
)
def test_only_postgresql_has_replicas(tmp_path: Path, keys: dict[str, str], reason: str) -> None:
    file = tmp_path / "vedette.yml"
    file.write_text(yaml.safe_dump(keys))
    with pytest.raises(ConfigurationError, match=reason) as caught:
        load_fleet(file)
    assert "s%2Fe" not in str(caught.value)
