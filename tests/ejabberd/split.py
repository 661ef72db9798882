"""A cluster of three hosts, each a network namespace, and a fleet: the private network of one host is cut and mended.

Started by `test_split.py` in a network namespace of its own (`unshare --net`), so nothing here reaches any other
network. Prints as JSON what it measured.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from registry import tables
from registry.database import Database
from tests.registry.postgresql import postgres_url
from tests.registry.postgresql_port import reached_by_tcp
from tests.timing import PATIENCE
from tests.vedette.cli.commands import COMMAND, environment, until
from tests.vedette.cli.fleet_store import lost, numbers_of

DATABASE = "split"
HOSTS = 3
PROBES = 9
CUT = 2
"""Which host is cut off."""
PORT, NODE_PORT = 5222, 4370
"""The same on each host, as on real ones."""
_HOLDER = ["unshare", "--net", "sh", "-c", "echo; exec cat"]
"""Keeps a namespace until its stdin ends, as it does when this process is killed."""
OUTSIDE = "10.99.0.254"


def client_address(host: int) -> str:
    return f"10.99.0.{host + 1}"


def node_address(host: int) -> str:
    return f"10.99.1.{host + 1}"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)  # noqa: S607 - as the tests find every program


@contextmanager
def hosts() -> Iterator[list[list[str]]]:
    """Make hosts with a leg in two networks, the clients' and the nodes'; gives how a command on each begins."""
    ip("link", "set", "lo", "up")
    for bridge in ("clients", "nodes"):
        ip("link", "add", bridge, "type", "bridge")
        ip("link", "set", bridge, "up")
    ip("address", "add", f"{OUTSIDE}/24", "dev", "clients")
    with ExitStack() as opened:
        entered = []
        for number in range(HOSTS):
            holder = subprocess.Popen(_HOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            opened.callback(holder.wait)
            opened.callback(holder.kill)
            opened.enter_context(holder)
            assert holder.stdout is not None
            holder.stdout.readline()
            inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
            subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
            for bridge, address in (("clients", client_address(number)), ("nodes", node_address(number))):
                there, here = f"{bridge}{number}", f"{bridge}-{number}"
                ip("link", "add", here, "type", "veth", "peer", "name", there)
                ip("link", "set", there, "netns", str(holder.pid))
                ip("link", "set", here, "master", bridge, "up")
                subprocess.run([*inside, "ip", "address", "add", f"{address}/24", "dev", there], check=True)
                subprocess.run([*inside, "ip", "link", "set", there, "up"], check=True)
            entered.append(inside)
        yield entered


@contextmanager
def postgres_port(folder: Path) -> Iterator[int]:
    """A port of the clients' network that leads to PostgreSQL's socket, served by a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="postgres port")
    thread.start()
    leading = reached_by_tcp(folder, address=OUTSIDE)
    try:
        yield asyncio.run_coroutine_threadsafe(leading.__aenter__(), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class Split:
    """The cluster and the fleet; the console and most of the fleet's processes are on the first host."""

    def __init__(self, place: Path, postgres: Path, entered: list[list[str]], opened: ExitStack) -> None:
        self._place = place
        self._entered = entered
        self._opened = opened
        self.url = postgres_url(postgres, f"{DATABASE}_store")
        self.port = opened.enter_context(postgres_port(postgres))

    def vedette(self, host: int, *words: object) -> Any:
        """Run a command on a host and return what it said."""
        command = [*self._entered[host], *COMMAND, *map(str, words)]
        done = subprocess.run(
            command, cwd=self._place, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def goes_on(self, host: int, name: str, *words: object) -> None:
        """Start a command on a host that ends with this; what it says goes to a file."""
        with (self._place / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*self._entered[host], *COMMAND, *map(str, words)],
                cwd=self._place,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._opened.callback(process.wait)
        self._opened.callback(process.terminate)

    def folder(self, host: int) -> Path:
        return self._place / f"node{host}"

    def make_nodes(self) -> None:
        for host in range(HOSTS):
            if host:
                shutil.copytree(self.folder(0) / "tls", self.folder(host) / "tls")
            names = [word for other in range(HOSTS) for word in ("--host", client_address(other))]
            words = ["--domain", "localhost", *names, "--listen", client_address(host), "--port", PORT]
            words += ["--node", f"vedette@{node_address(host)}", "--node-address", node_address(host)]
            words += ["--node-port", NODE_PORT]
            words += ["--accounts", f"postgresql://postgres:none@{OUTSIDE}:{self.port}/{DATABASE}"]
            self.vedette(host, "xmpp", "init", "--folder", self.folder(host), *words, "--json")
        for host in range(HOSTS):
            self.goes_on(host, f"xmpp{host}", "xmpp", "up", "--folder", self.folder(host))
        for host in range(HOSTS):
            log = self._place / f"xmpp{host}.log"
            until(lambda: "is up on port" in log.read_text(), what=log.read_text)  # noqa: B023 - called at once
            if host:
                self.vedette(host, "xmpp", "join", "--folder", self.folder(host), f"vedette@{node_address(0)}")

    def start_fleet(self) -> None:
        others = [f"xmpp://{client_address(host)}:{PORT}" for host in range(1, HOSTS)]
        configuration = {
            "store": self.url,
            "xmpp": {"server": "ejabberd", "folder": str(self.folder(0)), "others": others},
            "batch": {"seconds": 0.5},
            "probes": [f"probe{number}.json" for number in range(PROBES)],
        }
        (self._place / "vedette.yml").write_text(json.dumps(configuration))
        for number in range(PROBES):
            probe = {"command": ["echo", str(number)], "jid": f"probe{number}@localhost", "period": 1.0}
            (self._place / f"probe{number}.json").write_text(json.dumps(probe | {"passwd": "s3cret-of-a-probe"}))
        self.vedette(0, "migrate")
        self.goes_on(0, "up", "up")
        log = self._place / "up.log"
        until(lambda: "The fleet is up" in log.read_text(), seconds=2 * PATIENCE, what=log.read_text)

    def members(self, host: int) -> int:
        """Return how many nodes a host's node counts."""
        return len(self.vedette(host, "xmpp", "cluster", "--folder", self.folder(host), "--json")["nodes"])

    def sessions(self, host: int) -> int:
        """Return how many connections of clients a host's node has."""
        query = ["ss", "-Htn", "state", "established", f"sport = :{PORT}"]
        done = subprocess.run([*self._entered[host], *query], check=True, capture_output=True, text=True)
        return len(done.stdout.splitlines())


def measured(condition: Callable[[], object], what: Callable[[], str] = str) -> float:
    """Wait for a condition and return for how many seconds."""
    began = time.monotonic()
    until(condition, seconds=2 * PATIENCE, what=what)
    return round(time.monotonic() - began, 1)


class Watch:
    """What the store says of the probes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def numbers(self) -> dict[str, list[int]]:
        """Return the numbers of each probe's items."""
        found = self._database.read_sync(numbers_of)
        return {agent: numbers for agent, numbers in found.items() if agent.startswith("probe")}

    def shows(self) -> dict[str, str]:
        """Return the presence of each probe, as the registry has it."""
        query = select(tables.registration.c.jid, tables.registration.c.show)
        rows = self._database.read_sync(lambda connection: connection.execute(query).all())
        return {row.jid: row.show for row in rows if row.jid.startswith("probe")}

    def all_there(self) -> bool:
        """Tell whether each probe is available."""
        return list(self.shows().values()) == ["available"] * PROBES

    def all_deliver(self, before: dict[str, list[int]]) -> bool:
        """Tell whether each probe has some more items than before."""
        now = self.numbers()
        return len(now) == PROBES and all(len(now[agent]) > len(before.get(agent, [])) + 2 for agent in now)

    def nothing_is_lost(self, newest: dict[str, int]) -> bool:
        """Tell whether each number up to the newest is stored."""
        return not lost(self._database, newest)


def rehearse(split: Split, watch: Watch) -> dict[str, Any]:
    """Cut the last host's node off from the others, mend it, and check that nothing is lost or twice."""
    measured(lambda: watch.all_deliver({}), lambda: str(watch.numbers()))
    measured(watch.all_there, lambda: str(watch.shows()))
    found: dict[str, Any] = {"sessions before": [split.sessions(host) for host in range(HOSTS)]}
    assert found["sessions before"][CUT], "no agent is at the node that is cut off"
    ip("link", "set", f"nodes-{CUT}", "down")
    found["noticed after"] = measured(lambda: (split.members(0), split.members(CUT)) == (HOSTS - 1, 1))
    before = watch.numbers()
    # Those that speak to the engine's side go on, the others only have a session.
    measured(lambda: len([agent for agent, has in watch.numbers().items() if len(has) > len(before[agent]) + 2]))
    found["shows"] = Counter(watch.shows().values())
    ip("link", "set", f"nodes-{CUT}", "up")
    found["one cluster after"] = measured(lambda: [split.members(host) for host in range(HOSTS)] == [HOSTS] * HOSTS)
    before = watch.numbers()
    found["all deliver after"] = measured(lambda: watch.all_deliver(before), lambda: str((before, watch.numbers())))
    found["presence right after"] = measured(watch.all_there, lambda: str(watch.shows()))
    found["sessions after"] = [split.sessions(host) for host in range(HOSTS)]
    newest = {agent: max(numbers) for agent, numbers in watch.numbers().items()}
    measured(lambda: watch.nothing_is_lost(newest), lambda: str(newest))
    twice = {agent for agent, numbers in watch.numbers().items() if len(set(numbers)) < len(numbers)}
    assert not twice, twice
    found["items"] = sum(map(len, watch.numbers().values()))
    return found


def main(place: Path, postgres: Path) -> None:
    with ExitStack() as opened:
        split = Split(place, postgres, opened.enter_context(hosts()), opened)
        split.make_nodes()
        split.start_fleet()
        with Database(split.url) as database:
            print(json.dumps(rehearse(split, Watch(database))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
