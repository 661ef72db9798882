"""A fleet of real processes to break: XMPP server, local authority, hub and senders, over real TLS."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import pytest
import yaml

from agents.identity import Identity
from behaviours.peers import Peer
from ejabberd.accounts import Accounts, EmbeddedAccounts, new_password
from ejabberd.api import EjabberdAccounts
from ejabberd.authority import Authority
from ejabberd.configuration import initialise
from ejabberd.server import EjabberdServer, find_installation
from ejabberd.settings import XmppSettings
from registry.database import Database
from registry.directory import Directory
from tests.faults.ledger import Ledger
from tests.faults.processes import EjabberdPart, Part, until
from tests.timing import PATIENCE, STRICT
from vedette.cli.carrier import Carrier, carrier_of
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError
from vedette.evidence.authority.identity import create_identity
from vedette.messages.card import Role
from vedette.signing import SigningKey, VerifyingKey

T = TypeVar("T")
Server = Literal["ejabberd", "embedded"]
START = PATIENCE
"""Seconds that a process may take to start on a busy machine."""


def seeded(name: str) -> random.Random:
    """Return the random numbers of a test, others in each run that takes its time; VEDETTE_SEED repeats one."""
    seed = int(os.environ.get("VEDETTE_SEED", "") or (random.SystemRandom().randrange(2**32) if STRICT else 1))
    print(f"\n{name}: VEDETTE_SEED={seed}")
    return random.Random(f"{name} {seed}")


def need_ejabberd() -> None:
    """Skip where ejabberd is not installed; in CI it must be."""
    try:
        find_installation()
    except ConfigurationError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}")
        pytest.skip(str(error))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine, run on a loop of its own: the caller's thread may have one."""
    outcome: list[T] = []
    thread = threading.Thread(target=lambda: outcome.append(asyncio.run(work)))
    thread.start()
    thread.join()
    assert outcome, "it failed; the traceback is above"
    return outcome[0]


class SenderPart(Part):
    """A sender's process with its files."""

    def __init__(
        self,
        jid: str,
        credentials: Path,
        folder: Path,
        *,
        options: Mapping[str, float],
        environment: Mapping[str, str],
    ) -> None:
        name = jid.partition("@")[0]
        self.jid = jid
        self.outbox = folder / f"{name}.outbox.db"
        self.ledger = Ledger(folder / f"{name}.ledger", receipts=folder / f"{name}.receipts")
        self._target = folder / f"{name}.target"
        self.target = 0
        files = {
            "credentials": credentials,
            "outbox": self.outbox,
            "ledger": self.ledger.file,
            "receipts": self.ledger.receipts_file,
            "target": self._target,
        }
        argv = [sys.executable, "-m", "tests.faults.sender"]
        for key, value in {**files, **options}.items():
            argv += [f"--{key}", str(value)]
        super().__init__(name, argv, folder=folder, environment=environment)
        self.offer(0)

    def offer(self, count: int) -> None:
        """Have it offer so many more items."""
        self.target += count
        part = self._target.with_suffix(".part")
        part.write_text(str(self.target))
        part.replace(self._target)

    def waiting(self) -> int:
        """Return how many items its outbox holds."""
        if not self.outbox.exists():
            return 0
        with closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            try:
                (count,) = connection.execute("SELECT count(*) FROM item").fetchone()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                return 0
        return int(count)

    @property
    def done(self) -> bool:
        """Whether everything that it was to offer is confirmed."""
        return len(self.ledger.accepted) == self.target and not self.waiting()


class Rig:
    """Everything of one fleet; leaving it ends every process, whatever happened."""

    def __init__(
        self, folder: Path, *, server: Server = "ejabberd", environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.server = server
        self.senders: list[SenderPart] = []
        self._open_folder: Path | None = None
        self._environment = dict(environment or {})
        self._passwords: dict[str, str] = {}

    # Life ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        section: dict[str, Any] = {"server": self.server}
        if self.server == "ejabberd":
            need_ejabberd()
            # The user `ejabberd` must reach it, which pytest's own folders do not allow.
            self._open_folder = Path(tempfile.mkdtemp(prefix="vedette-faults-"))
            self._open_folder.chmod(0o755)
            initialise(self._open_folder / "xmpp", XmppSettings(domain="localhost", port=0))
            section["folder"] = str(self._open_folder / "xmpp")
        file = self.folder / "vedette.yml"
        settings = {"xmpp": section, "batch": {"items": 1000, "seconds": 0.5}}
        file.write_text(yaml.safe_dump({**settings, "jobs": {"agents": 0}, "rt": {"agents": 0}}))
        self.configuration, self.paths = load_fleet(file)
        self.paths.make()
        Database(self.paths.store_url).migrate()
        self.xmpp = self._start_server()
        self.tsa = self._start_authority()
        self.credentials("registry", Role.REGISTRY)
        self.credentials("aggregation", Role.AGGREGATION)
        argv = ["vedette.cli.process", "hub", "-c", str(file), "--tsa", str(self.tsa.ready["url"])]
        self.hub = Part("hub", _module(*argv), folder=self.folder, environment=self._environment)
        self.hub.start(wait=START)

    def _start_server(self) -> EjabberdPart | Part:
        if self._open_folder is not None:
            self.accounts: Accounts = EjabberdAccounts(self._open_folder / "xmpp")
            ejabberd = EjabberdPart(EjabberdServer(self._open_folder / "xmpp"))
            ejabberd.start(wait=START)
            self.carrier = carrier_of(self.configuration, self.paths)
            return ejabberd
        self.accounts = EmbeddedAccounts(self.paths.xmpp)
        authority = Authority(self.paths.xmpp)
        authority.server("localhost", names=["localhost", "127.0.0.1"])
        argv = _module("ejabberd.embedded", "--folder", str(self.paths.xmpp), "--domain", "localhost")
        part = Part("xmpp", argv, folder=self.folder)
        part.start(wait=START)
        port = part.ready["port"]
        part.argv += ["--port", str(port)]
        self.carrier = Carrier(server=f"127.0.0.1:{port}", ca=authority.ca_file)
        return part

    def _start_authority(self) -> Part:
        create_identity(self.paths.tsa, clock=SystemClock())
        part = Part(
            "tsa",
            _module("vedette.evidence.authority", "--folder", str(self.paths.tsa)),
            folder=self.folder,
            environment=self._environment,
        )
        part.start(wait=START)
        part.argv += ["--port", str(part.ready["url"]).rstrip("/").rsplit(":", 1)[1].split("/")[0]]
        return part

    @property
    def parts(self) -> dict[str, Part | EjabberdPart]:
        """All processes, by name."""
        made = [getattr(self, name) for name in ("xmpp", "tsa", "hub") if hasattr(self, name)]
        return {part.name: part for part in [*made, *self.senders]}

    def heal(self) -> None:
        """Start again whatever does not run."""
        for part in self.parts.values():
            part.start()

    def retire(self) -> None:
        """End the senders; what they stored stays."""
        for sender in self.senders:
            sender.stop()
        self.senders.clear()

    def close(self) -> None:
        """End every process; the agents first."""
        for part in reversed(self.parts.values()):
            part.kill()
        for part in self.parts.values():
            part.stop()
        if self._open_folder is not None:
            shutil.rmtree(self._open_folder)

    # Who takes part ------------------------------------------------------------------

    def credentials(self, name: str, role: Role, *, through: str | None = None) -> Path:
        """Enrol an agent and return its credentials; it connects to `through`, else to the server itself."""

        async def enrol() -> Path:
            with Database(self.paths.store_url) as database:
                enrolment = Enrolment(
                    configuration=self.configuration,
                    paths=self.paths,
                    database=database,
                    accounts=self.accounts,
                    server=through or self.carrier.server,
                    ca=self.carrier.ca,
                    clock=SystemClock(),
                )
                return await enrolment.enrol(Wanted(name=name, role=role))

        return run(enrol())

    def identity(self, name: str, role: Role = Role.PROBE, *, enrolled: bool = True) -> Identity:
        """Return the identity of an agent that the test itself plays; a stranger only has an account."""
        if enrolled:
            return Identity.load(self.credentials(name, role))
        password = self._passwords.setdefault(name, new_password())
        self.accounts.create(name, password)
        known = Identity.load(self.paths.credentials_of("registry"))
        registry = Peer(jid=known.jid, role=Role.REGISTRY, key=known.key.verifying)
        return Identity(
            jid=f"{name}@localhost",
            role=role,
            password=password,
            key=SigningKey.generate(),
            registry=registry,
            server=known.server,
        )

    def sender(self, name: str, *, through: str | None = None, start: bool = True, **options: float) -> SenderPart:
        """Enrol a sender and start its process."""
        credentials = self.credentials(name, Role.PROBE, through=through)
        jid = f"{name}@localhost"
        part = SenderPart(jid, credentials, self.folder, options=options, environment=self._environment)
        self.senders.append(part)
        if start:
            part.start(wait=START)
        return part

    @property
    def engine_key(self) -> VerifyingKey:
        """The key that receipts must be signed with."""
        return SigningKey.load(self.paths.credentials / "aggregation.key").verifying

    # What is to be seen --------------------------------------------------------------

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of the store, read beside the hub."""
        path = self.paths.data / "store.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(sql, values).fetchall()

    def stored(self) -> int:
        """Return how many items are in the engine's log."""
        return int(self.query("SELECT count(*) FROM item")[0][0])

    def unstamped(self) -> int:
        """Return how many items and audit entries have no token."""
        stamped = "SELECT coalesce(sum(count), 0) FROM batch WHERE id IN (SELECT batch_id FROM token)"
        logged = "SELECT coalesce(sum(next_index), 0) FROM chain"
        waiting = "SELECT count(*) FROM audit WHERE chain_id IS NULL"
        return int(self.query(f"SELECT ({logged}) + ({waiting}) - ({stamped})")[0][0])

    def show(self, jid: str) -> str:
        """Return an agent's presence as the registry has it."""
        rows = self.query("SELECT show FROM registration WHERE jid = ?", jid)
        return str(rows[0][0]) if rows else "unknown"

    def revoke(self, name: str) -> None:
        """Make an agent of the directory a stranger."""

        async def work() -> None:
            with Database(self.paths.store_url) as database:
                await Directory(database=database, clock=SystemClock()).revoke(f"{name}@localhost")

        with suppress(ConfigurationError):
            run(work())

    def settle(self, *, seconds: float, between: Callable[[], None] | None = None) -> None:
        """Wait until everything offered is stored, confirmed and stamped."""

        def settled() -> bool:
            if between is not None:
                between()
            return all(sender.done for sender in self.senders) and self.unstamped() == 0

        def waits() -> str:
            return ", ".join(f"{s.name} {len(s.ledger.accepted)}/{s.target}" for s in self.senders)

        until(settled, seconds=seconds, what=f"everything confirmed and stamped ({waits()})")


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]
