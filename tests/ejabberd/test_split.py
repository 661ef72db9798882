"""The network between the nodes of a cluster is cut and mended, as docs/cluster.md tells it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.programs import must, need
from tests.ejabberd.split import CUT, DATABASE
from tests.registry.postgresql import postgres_sql
from tests.timing import bound


@pytest.fixture
def databases(postgres_folder: Path) -> Iterator[Path]:
    """The server with a database for the accounts and one for the store."""
    names = (DATABASE, f"{DATABASE}_store")
    for name in names:
        postgres_sql(postgres_folder, f"CREATE DATABASE {name}")
    yield postgres_folder
    for name in names:
        postgres_sql(postgres_folder, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.long
def test_a_split_loses_nothing_and_ends_by_itself(open_folder: Path, databases: Path) -> None:
    need("ip", "ss", "unshare", "nsenter")
    said = must(
        "unshare", "--net", sys.executable, "-m", "tests.ejabberd.split", open_folder, databases, seconds=1200
    )
    print(said)
    found = json.loads(said.splitlines()[-1])
    assert found["noticed after"] < bound(60.0)
    assert found["one cluster after"] < bound(60.0)
    # The agents of the smaller side went to the others.
    assert found["sessions after"][CUT] == 0
    assert sum(found["sessions after"]) == sum(found["sessions before"])
