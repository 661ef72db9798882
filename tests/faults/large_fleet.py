"""Everything of a large fleet as real processes, with a way to kill one of each kind and to count afterwards.

A cluster of three ejabberd, PostgreSQL, RabbitMQ, and `vedette up` with hub, second engine, two RT agents, twenty
probes and a gateway.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg
from sqlalchemy import Connection, func, select

from ejabberd.server import EjabberdServer
from registry import tables
from registry.database import Database
from registry.graph import graph_database
from registry.graph_tables import node
from registry.queue_tables import queue_item
from tests.faults.harness import need_ejabberd
from tests.faults.postgres_part import PostgresPart
from tests.faults.processes import EjabberdPart
from tests.rabbitmq import RabbitMq, running_rabbitmq
from tests.timing import PATIENCE
from tests.vedette.cli.commands import Running, called, running
from tests.vedette.cli.fleet_store import numbers_of

PROBES = 20
RT_AGENTS = 2
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
KEY = "stucco.in.structured.threatfox"
FAMILY = "Family7"
"""The malware that every message accuses an address of."""


class LargeFleet:
    """All of it; leaving it ends every process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._start(opened)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _start(self, opened: ExitStack) -> None:
        need_ejabberd()
        self.postgres = PostgresPart()
        opened.callback(self.postgres.close)
        self.postgres.start()
        self.rabbitmq: RabbitMq = opened.enter_context(running_rabbitmq())
        self._start_cluster(opened)
        self._write()
        made = called("migrate", folder=self.folder)
        assert made.returncode == 0, made.stderr
        self.database: Database = opened.enter_context(Database(self.postgres.url))
        self.up: Running = opened.enter_context(running("up", folder=self.folder, name="up"))
        self.up.until_said("The fleet is up", seconds=2 * PATIENCE)

    def _start_cluster(self, opened: ExitStack) -> None:
        # The user `ejabberd` must reach it, which pytest's own folders do not allow.
        place = Path(tempfile.mkdtemp(prefix="vedette-large-xmpp-"))
        opened.callback(shutil.rmtree, place, ignore_errors=True)
        place.chmod(0o755)
        with psycopg.connect(self.postgres.words, autocommit=True) as connection:
            connection.execute("CREATE DATABASE xmpp")
        self.nodes: list[EjabberdPart] = []
        node_port = 0
        for number, host in enumerate(HOSTS):
            folder = place / f"node{number}"
            if number:
                shutil.copytree(place / "node0" / "tls", folder / "tls")
            names = [word for name in HOSTS for word in ("--host", name)]
            made = self._xmpp(
                *("init", "--folder", folder, "--domain", "localhost", *names, "--listen", host, "--port", "0"),
                *("--node", f"vedette{self.postgres.port}@{host}", "--node-address", host, "--node-port", node_port),
                *("--accounts", f"postgresql://postgres:none@127.0.0.1:{self.postgres.port}/xmpp"),
            )
            node_port = made["node_port"]
            part = EjabberdPart(EjabberdServer(folder))
            opened.callback(part.stop)
            self.nodes.append(part)
        for part in self.nodes:
            part.start()
        for part in self.nodes:
            part.start(wait=PATIENCE)
        for number in (1, 2):
            self._xmpp("join", "--folder", place / f"node{number}", self.nodes[0].server.settings.node)

    def _xmpp(self, *words: object) -> Any:
        done = called("xmpp", *words, "--json", folder=self.folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _write(self) -> None:
        names = [f"probe{number:02}" for number in range(PROBES)]
        configuration = {
            "store": self.postgres.url,
            "xmpp": {
                "server": "ejabberd",
                "folder": str(self.nodes[0].server.ca_file.parents[1]),
                "others": [f"xmpp://{part.server.settings.listen}:{part.server.port}" for part in self.nodes[1:]],
            },
            "api": {"open_reading": True},
            "batch": {"seconds": 0.5},
            "probes": [f"{name}.json" for name in names],
            "engines": [{"name": "engine-2"}],
            "rt": {"agents": RT_AGENTS, "process": "own", "seconds": 5, "lease": 10},
            "jobs": {"agents": 0},
            "gateways": [{"name": "gateway", "url": self.rabbitmq.url}],
        }
        (self.folder / "vedette.yml").write_text(json.dumps(configuration))
        for name in names:
            probe = {
                "command": ["echo", name],
                "jid": f"{name}@localhost",
                "passwd": "s3cret-of-a-probe",
                "period": 2.0,
            }
            (self.folder / f"{name}.json").write_text(json.dumps(probe))

    @property
    def console(self) -> str:
        """The address of the API."""
        (line,) = [line for line in self.up.said().splitlines() if line.startswith("The console: ")]
        return line.split()[-1]

    # What is stored ------------------------------------------------------------------

    def ask(self, work: Callable[[Connection], Any]) -> Any:
        """Read the store, over its restarts."""
        return self.database.read_sync(work)

    def taken(self) -> int:
        """Return how many items of messages are stored."""
        query = select(func.count()).select_from(tables.item).where(tables.item.c.source == KEY)
        return int(self.ask(lambda connection: connection.execute(query).scalar_one()))

    def settled(self, messages: int) -> bool:
        """Tell whether every message is an item, every item stamped, and everything for RT read."""

        def work(connection: Connection) -> bool:
            count = select(func.count())
            items = connection.execute(count.select_from(tables.item).where(tables.item.c.source == KEY)).scalar_one()
            pending = count.select_from(tables.batch).where(tables.batch.c.state == "pending")
            waiting = connection.execute(count.select_from(queue_item)).scalar_one()
            return bool(items >= messages and not connection.execute(pending).scalar_one() and not waiting)

        return bool(self.ask(work))

    def numbers(self) -> dict[str, list[int]]:
        """Return the numbers that each agent gave its items, as they are stored."""
        result: dict[str, list[int]] = self.ask(numbers_of)
        return result

    def addresses(self) -> Counter[str]:
        """Return how often the graph has each address that messages name."""
        with graph_database(self.postgres.url) as graph:
            query = select(node.c.name).where(node.c.type == "IP")
            return Counter(graph.read_sync(lambda connection: connection.execute(query).scalars().all()))

    def shows(self) -> dict[str, str]:
        """Return the presence of each agent, as the registry has it."""
        table = tables.registration
        query = select(table.c.jid, table.c.show)
        return dict(self.ask(lambda connection: [tuple(row) for row in connection.execute(query)]))


def address(number: int) -> str:
    """Return the address that a message names."""
    return f"11.{number // 65_536 % 256}.{number // 256 % 256}.{number % 256}"


def row(number: int) -> bytes:
    """Return a message: a row of ThreatFox' CSV."""
    cells = ["2026-11-01 00:00:00", number, address(number), "ip", "botnet_cc", "win.family7", "", FAMILY, "", 75]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([*cells, "False", "", "c2", "0", "abuse_ch"])
    return out.getvalue().encode()
