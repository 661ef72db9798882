"""Hosts that open the store: an engine's and a reader's, each with nothing but its archive, beside the hub's."""

from __future__ import annotations

import contextlib
import json
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from registry import tables
from registry.database import Database
from tests.registry.postgresql import empty_database
from tests.vedette.cli.commands import Running, called, running, until
from tests.vedette.cli.fleet_store import check_logs, numbers_of

pytestmark = pytest.mark.long

PROBES = 8
"""Their checks are spread over the engines as their names fall."""


@pytest.fixture
def url(postgres_folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(postgres_folder) as url:
        yield url


@pytest.fixture
def open_port() -> Iterator[int]:
    """A port at which whoever comes is let in, and out again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def welcome() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listening.accept()[0].close()

        threading.Thread(target=welcome, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _write(folder: Path, url: str, port: int) -> None:
    folder.mkdir()
    probes = [f"probe{number}.json" for number in range(PROBES)]
    for name in probes:
        # Different checks, so that both engines have some; what a connection is, the reader puts into the graph.
        words: dict[str, Any] = {"command": ["echo", name]}
        if name == probes[0]:
            words = {"command": "vedette:tcp-connect", "target": "127.0.0.1", "args": [f"--ports={port}"]}
        account = {"jid": f"{Path(name).stem}@localhost", "passwd": "s3cret-of-a-probe"}
        (folder / name).write_text(json.dumps({**words, **account, "period": 0.5}))
    engines, rt = [{"name": "engine-2"}], {"agents": 1, "process": "own"}
    fleet = {"store": url, "batch": {"seconds": 0.2}, "probes": probes, "engines": engines, "rt": rt}
    (folder / "vedette.yml").write_text(json.dumps(fleet))
    hosts = {"main": {"hub": True, "probes": probes}, "engines": {"engines": ["engine-2"]}, "reader": {"rt": True}}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"hosts": hosts}))


def _packed(main: Path, name: str) -> Path:
    """Return a folder with what a host got, and nothing else."""
    archive, folder = main.parent / f"{name}.tar.gz", main.parent / name
    done = called("hosts", "pack", name, "-o", archive, folder=main)
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def _status(main: Path) -> tuple[int, str]:
    said = called("hosts", "status", folder=main)
    return said.returncode, said.stdout


def _shares(database: Database) -> dict[str, int]:
    """Return how many items each engine committed."""
    joined = tables.item.join(tables.chain, tables.item.c.chain_id == tables.chain.c.id)
    query = select(tables.chain.c.engine, func.count()).select_from(joined).group_by(tables.chain.c.engine)
    return dict(database.read_sync(lambda connection: [(row[0], int(row[1])) for row in connection.execute(query)]))


def _proved_item_of(engine: str, database: Database, main: Path) -> str | None:
    """Return an item of an engine's log that is stamped; None: there is none yet."""
    joined = tables.item.join(tables.chain, tables.item.c.chain_id == tables.chain.c.id)
    query = select(tables.item.c.uuid).select_from(joined).where(tables.chain.c.engine == f"{engine}@localhost")
    its = set(database.read_sync(lambda connection: connection.execute(query).scalars().all()))
    said = called("items", "list", "--state", "self-asserted", "--limit", "500", "--json", folder=main)
    return next((item["uuid"] for item in json.loads(said.stdout) if item["uuid"] in its), None)


def test_an_engine_and_a_reader_run_from_their_archives_alone(tmp_path: Path, url: str, open_port: int) -> None:
    main = tmp_path / "main"
    _write(main, url, open_port)
    assert called("migrate", folder=main).returncode == 0
    with Database(url) as database, ExitStack() as ending:

        def up(folder: Path, name: str) -> Running:
            command = ("up", "--host", "hosts.yml", "--name", name)
            started = ending.enter_context(running(*command, folder=folder, name=name))
            started.until_said("The fleet is up")
            return started

        hub = up(main, "main")
        code, said = _status(main)
        assert (code, "engine-2@localhost is " in said, "rt@localhost is " in said) == (1, True, True)
        engines, reader = (up(_packed(main, name), name) for name in ("engines", "reader"))
        until(lambda: _status(main)[0] == 0, what=lambda: _status(main)[1])
        until(lambda: _shares(database).get("engine-2@localhost", 0) >= 10, what=lambda: str(_shares(database)))
        # What the probes saw is in the graph, whichever engine had it.
        found = ("graph", "search", f"127.0.0.1:{open_port}", "--json")
        until(lambda: str(open_port) in called(*found, folder=main).stdout, what=reader.complained)
        until(lambda: _proved_item_of("engine-2", database, main) is not None, what=engines.complained)
        bundle = tmp_path / "proof.zip"
        assert (
            called("bundle", _proved_item_of("engine-2", database, main), "-o", bundle, folder=main).returncode == 0
        )
        verified = called("verify", bundle, "--trust", main / "var" / "tsa" / "roots.pem", folder=tmp_path)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        # The engine's host goes: its agents' items take the hub's engine, and none is twice.
        assert engines.end() == 0
        before = _shares(database)["aggregation@localhost"]
        until(lambda: _shares(database)["aggregation@localhost"] >= before + 20, what=hub.complained)
        assert "engine-2@localhost is gone" in _status(main)[1]
        assert (reader.end(), hub.end()) == (0, 0)
        numbers = database.read_sync(numbers_of)
        assert [agent for agent, found in numbers.items() if len(set(found)) < len(found)] == []
        database.read_sync(check_logs)
