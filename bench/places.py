"""Where benchmarks take place: a private ejabberd, a hub, and agents enrolled there."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from figures import say

from ejabberd.configuration import initialise
from ejabberd.server import EjabberdServer, find_installation
from ejabberd.settings import XmppSettings
from registry.database import Database
from vedette.cli.carrier import accounts_of, carrier_of
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.cli.fleet import Fleet
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError
from vedette.messages.card import Role


@contextmanager
def bench_folder() -> Iterator[Path]:
    """Make a folder for one run that ejabberd, which runs as its own user, can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def has_ejabberd(without: str) -> bool:
    """Tell whether ejabberd is installed; else say so, and what is done without it."""
    try:
        find_installation()
    except ConfigurationError as error:
        say(f"{error}; {without}")
        return False
    return True


@dataclass(kw_only=True)
class Hub:
    """A running hub with its server, and what it said about its commits."""

    fleet: Fleet
    database: Database
    pids: dict[str, int]
    folder: Path
    commits: list[tuple[int, float]] = field(default_factory=list)
    """Items committed so far, and the monotonic time at which we heard of it."""
    presences: list[tuple[str, str, float]] = field(default_factory=list)
    """Agent, what it became, and the monotonic time at which we heard of it."""

    def heard(self, process: str, event: dict[str, Any]) -> None:
        """Note a commit or a change of presence."""
        if process == "hub" and event.get("event") == "committed":
            total = self.commits[-1][0] if self.commits else 0
            self.commits.append((total + event["count"], time.monotonic()))
        elif event.get("event") == "presence":
            self.presences.append((event["jid"], event["show"], time.monotonic()))

    async def enrol(self, *names: str, role: Role = Role.PROBE) -> list[Path]:
        """Enrol agents and return their credentials."""
        configuration, paths = self.fleet.configuration, self.fleet.paths
        carrier, accounts = carrier_of(configuration, paths), accounts_of(configuration, paths)
        assert accounts is not None
        enrolment = Enrolment(
            configuration=configuration,
            paths=paths,
            database=self.database,
            accounts=accounts,
            server=carrier.server,
            ca=carrier.ca,
            clock=SystemClock(),
        )
        files = [await enrolment.enrol(Wanted(name=name, role=role)) for name in names]
        # The hub looks once a second whether another process changed the directory.
        await asyncio.sleep(1.0)
        return files


@asynccontextmanager
async def running_ejabberd(folder: Path) -> AsyncIterator[EjabberdServer]:
    """Start a private ejabberd on free ports."""
    initialise(folder, XmppSettings(domain="localhost", hosts=("localhost", "127.0.0.1"), port=0))
    async with EjabberdServer(folder) as server:
        yield server


@asynccontextmanager
async def running_hub(folder: Path, *, server_pid: int = 0, **settings: Any) -> AsyncIterator[Hub]:
    """Start a hub with its authority, and the embedded server where that is configured.

    Args:
        folder: where it keeps things.
        server_pid: process of the XMPP server, where it is not the embedded one.
        settings: sections of `vedette.yml`.
    """
    folder.mkdir(exist_ok=True)
    # What is measured here is the way to the hub: nobody reads the items into a graph.
    (folder / "vedette.yml").write_text(yaml.safe_dump({"rt": {"agents": 0}, **settings}))
    configuration, paths = load_fleet(folder / "vedette.yml")
    heard: list[Hub] = []
    fleet = Fleet(
        configuration=configuration,
        paths=paths,
        clock=SystemClock(),
        on_event=lambda process, event: heard[0].heard(process, event) if heard else None,
        log_level="warning",
    )
    try:
        await fleet.start()
        pids = fleet.supervisor.pids
        pids = {"hub": pids["hub"], "server": server_pid or pids["xmpp"]}
        with Database(paths.store_url) as database:
            hub = Hub(fleet=fleet, database=database, pids=pids, folder=folder)
            heard.append(hub)
            yield hub
    finally:
        await fleet.stop()
