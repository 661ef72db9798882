"""What `bench/compare.py` compares with: IntelMQ, from PyPI, with a Redis of its own.

Its bots are processes that pass events on through Redis: collector (file), parser (generic CSV), deduplicator, and
output (SQL), each with the settings of its documentation; the collector cuts the file into reports, as it must with
large ones. All of them are up and wait before the file comes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from figures import say
from sqlalchemy.engine import URL, make_url

REQUIREMENTS = ("intelmq==3.5.0", "redis==5.2.1", "psycopg2-binary==2.9.10", "async-timeout==5.0.1")
"""What is installed from PyPI."""

CHUNK = 1_000_000
"""Bytes of a report that the collector makes of a file."""

_IGNORED = "__IGNORE__"

COLUMNS = (
    "time.source",
    _IGNORED,
    "source.ip|source.fqdn|source.url",
    *[_IGNORED] * 4,
    "malware.name",
    *[_IGNORED] * 7,
)
"""What the parser makes of ThreatFox' columns."""

ACCOUNT = "nobody"
"""It refuses to run as root."""

_BOTS = {
    "output": ("Output", "intelmq.bots.outputs.sql.output"),
    "deduplicator": ("Expert", "intelmq.bots.experts.deduplicator.expert"),
    "parser": ("Parser", "intelmq.bots.parsers.generic.parser_csv"),
    "collector": ("Collector", "intelmq.bots.collectors.file.collector_file"),
}
"""Group and module of each bot, the last of the pipeline first: each starts before those that send to it."""


class PeerMissingError(Exception):
    """IntelMQ or Redis cannot be had here; says why."""


def environment(folder: Path) -> Path:
    """Make an environment with IntelMQ, unless the folder has it; returns its `bin`.

    Raises:
        PeerMissingError: it cannot be installed, or there is no Redis.
    """
    if shutil.which("redis-server") is None:
        raise PeerMissingError("Redis is not installed: apt-get install redis-server")
    binaries, done = folder / "bin", folder / "done"
    wanted = "\n".join(REQUIREMENTS)
    if done.exists() and done.read_text() == wanted:
        return binaries
    say(f"installing {', '.join(REQUIREMENTS)}")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(binaries / "pip"), "install", "-q", "--disable-pip-version-check", *REQUIREMENTS],
    ):
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        if ended.returncode:
            raise PeerMissingError(f"{' '.join(command[:3])} failed: {ended.stderr.strip()[-500:]}")
    done.write_text(wanted)
    return binaries


@dataclass(frozen=True, kw_only=True)
class IntelMq:
    """Its running bots."""

    pids: list[int]
    """Those of Redis and of all bots."""
    inbox: Path
    """What is moved into this folder is read."""
    folder: Path
    store: URL

    def give(self, file: Path) -> None:
        """Have a file read: it appears all at once."""
        part = self.inbox / "part"
        shutil.copyfile(file, part)
        if os.getuid() == 0:
            shutil.chown(part, ACCOUNT)
        part.rename(self.inbox / "indicators.csv")

    def stored(self) -> int:
        """Return how many events are stored."""
        if self.store.get_backend_name() == "sqlite":
            with contextlib.closing(sqlite3.connect(f"file:{self.store.database}?mode=ro", uri=True)) as database:
                return int(database.execute("SELECT count(*) FROM events").fetchone()[0])
        with psycopg.connect(_words(self.store)) as connection:
            row = connection.execute("SELECT count(*) FROM events").fetchone()
        return 0 if row is None else int(row[0])

    def said(self) -> str:
        """Return the end of what its bots logged."""
        return "\n".join(log.read_text()[-400:] for log in sorted(self.folder.glob("*.log")))


@contextmanager
def running_intelmq(binaries: Path, folder: Path, *, store: str) -> Iterator[IntelMq]:
    """Start Redis and the bots; they are ended with the block.

    Args:
        binaries: the environment's `bin`.
        folder: an empty folder for this run.
        store: SQLAlchemy's URL of the database for the events, SQLite or PostgreSQL; the table is made.
    """
    url, port = make_url(store), _free_port()
    for name in ("etc", "var/log", "var/run", "var/lib/bots", "in"):
        (folder / name).mkdir(parents=True)
    shutil.copy(
        next(binaries.parent.glob("lib/python*/site-packages/intelmq/etc/harmonization.conf")), folder / "etc"
    )
    bots = _bots(url, folder, port=port)
    (folder / "etc/runtime.yaml").write_text(yaml.safe_dump({"global": _settings(folder, port), **bots}))
    _make_table(url, folder, binaries)
    _give_away(folder, url)
    # Nothing is saved to the disk: its fastest way.
    redis = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    commands = [(redis, "redis")]
    commands += [([str(binaries / str(bot["module"])), name], name) for name, bot in bots.items()]
    with contextlib.ExitStack() as opened:
        pids = [opened.enter_context(_process(command, folder, name)).pid for command, name in commands]
        _wait_until_up(folder, list(bots))
        yield IntelMq(pids=pids, inbox=folder / "in", folder=folder, store=url)


def _bots(store: URL, folder: Path, *, port: int) -> dict[str, dict[str, Any]]:
    """Return the bots of the pipeline by their names, with their settings."""
    parameters: dict[str, dict[str, Any]] = {
        "collector": {"path": f"{folder}/in/", "delete_file": True, "chunk_size": CHUNK, "rate_limit": 1},
        "parser": {"columns": list(COLUMNS), "type": "c2-server"},
        "deduplicator": {
            "redis_cache_host": "127.0.0.1",
            "redis_cache_port": port,
            "filter_type": "whitelist",
            "filter_keys": "source.ip,source.fqdn,source.url,malware.name",
        },
        "output": _output(store),
    }
    bots: dict[str, dict[str, Any]] = {}
    receiver = ""
    for name, (group, module) in _BOTS.items():
        towards = {"destination_queues": {"_default": [f"{receiver}-queue"]}} if receiver else {}
        bots[name] = {"group": group, "module": module, "parameters": parameters[name] | towards}
        receiver = name
    return bots


def _output(store: URL) -> dict[str, Any]:
    if store.get_backend_name() == "sqlite":
        return {"engine": "sqlite", "database": store.database}
    return {
        "engine": "postgresql",
        "host": store.query.get("host") or store.host,
        "port": store.port or 5432,
        "user": store.username,
        "password": "",
        "database": store.database,
        "sslmode": "disable",
    }


def _settings(folder: Path, port: int) -> dict[str, Any]:
    places = {"host": "127.0.0.1", "port": port, "broker": "redis", "db": 2}
    return {
        "logging_handler": "file",
        "logging_level": "INFO",
        "logging_path": f"{folder}/var/log/",
        **{f"{side}_pipeline_{key}": value for side in ("source", "destination") for key, value in places.items()},
        "statistics_host": "127.0.0.1",
        "statistics_port": port,
        "statistics_database": 3,
    }


def _words(store: URL) -> str:
    """Return what libpq is told."""
    return f"host={store.query.get('host') or store.host} user={store.username} dbname={store.database}"


def _make_table(store: URL, folder: Path, binaries: Path) -> None:
    """Make the table of events: for PostgreSQL with the statements that IntelMQ writes for it."""
    if store.get_backend_name() == "sqlite":
        names = json.loads((folder / "etc/harmonization.conf").read_text())["event"]
        columns = ", ".join(f'"{name}" TEXT' for name in sorted(names))
        with contextlib.closing(sqlite3.connect(str(store.database))) as database:
            database.execute(f"CREATE TABLE events ({columns})")
        return
    statements = folder / "events.sql"
    command = [str(binaries / "intelmq_psql_initdb"), "-o", str(statements)]
    subprocess.run(command, check=True, capture_output=True, env=_variables(folder))
    with psycopg.connect(_words(store)) as connection:
        connection.execute(statements.read_bytes())


def _give_away(folder: Path, store: URL) -> None:
    if os.getuid() != 0:
        return
    places = [folder, *folder.rglob("*")]
    if store.get_backend_name() == "sqlite":
        places += [Path(str(store.database)), Path(str(store.database)).parent]
    for place in places:
        shutil.chown(place, ACCOUNT)


@contextmanager
def _process(command: Sequence[str], folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    account = [f"--reuid={ACCOUNT}", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    argv = ["setpriv", *account, "--pdeathsig=TERM", "--", *command]
    with (folder / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_variables(folder)
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _variables(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "INTELMQ_ROOT_DIR": f"{folder}/"}


def _wait_until_up(folder: Path, names: Sequence[str]) -> None:
    """Wait until each bot has said that it starts to process."""
    until = time.monotonic() + 60
    waiting = set(names)
    while waiting:
        for name in list(waiting):
            said = folder / "var/log" / f"{name}.log"
            if said.exists() and "initialization completed" in said.read_text():
                waiting.discard(name)
        if time.monotonic() > until:
            raise PeerMissingError(f"{', '.join(sorted(waiting))} did not start: {_last_words(folder)}")
        time.sleep(0.1)


def _last_words(folder: Path) -> str:
    return " | ".join(log.read_text()[:600] for log in sorted(folder.glob("*.log")))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
