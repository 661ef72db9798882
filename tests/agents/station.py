"""A station: the real embedded XMPP server, a store, a registry and an engine, for agents to talk to."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from agents.aggregation import AggregationAgent
from agents.base import BaseAgent
from agents.connection import ServerAddress
from agents.identity import Identity
from agents.people_desk import registry_commands
from agents.registry import RegistryAgent
from agents.running import RunningAgents
from behaviours.admit import DirectoryPeers
from behaviours.deliver import Deliver
from behaviours.peers import Peer
from behaviours.stand_in import StandIn
from behaviours.supervised import SupervisedBehaviour
from behaviours.timestamp import BatchPolicy
from ejabberd.accounts import Accounts, EmbeddedAccounts, new_password
from ejabberd.embedded import EmbeddedServer
from ejabberd.server import EjabberdServer
from registry import tables
from registry.alarms import Alarms
from registry.audit import Audit
from registry.correlation import Correlation
from registry.database import Database
from registry.directory import Directory
from registry.duties import Duties, Duty
from registry.event_feed import EventFeed
from registry.finding_list import FindingList
from registry.heads import SignedHeads
from registry.intake import Intake
from registry.items import Items
from registry.jobs import Jobs
from registry.leases import Leases
from registry.outbox import Outbox
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from vedette.clock import SystemClock
from vedette.configuration.people_file import PeopleOfFile
from vedette.correlation.policy import CorrelationPolicy
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.timestamping import TimestampAuthority
from vedette.jobs.scope import ScopePolicy
from vedette.messages.card import Role
from vedette.people.person import People, Person
from vedette.signing import SigningKey

DOMAIN = "localhost"
LEASE = 1.0
Until = Callable[[Callable[[], Any]], Awaitable[None]]


def make_item(payload: bytes = b"seen", **meta: Any) -> dict[str, Any]:
    """Return an item that an agent might have collected now."""
    now = SystemClock().now()
    fields = {"uuid": str(uuid4()), "ts": now // 1_000_000, "type": "scan", "collected_at": now, **meta}
    return {
        "version": "1",
        "format": "test",
        "meta": fields,
        "payload": {"raw": base64.b64encode(payload).decode()},
    }


class Sender(BaseAgent):
    """An agent that delivers what the test puts into its outbox."""

    def __init__(self, *, identity: Identity, outbox: Outbox, target: str = "aggregation") -> None:
        super().__init__(identity=identity, clock=SystemClock(), view_port=None)
        self.outbox = outbox
        self.delivering = Deliver(
            clock=self.clock,
            agent=identity.jid,
            exchange=self,
            peers=self.peers,
            outbox=outbox,
            key=identity.key,
            target=target,
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        return [self.delivering, self.registering()]

    async def observe(self, *items: dict[str, Any]) -> list[dict[str, Any]]:
        """Commit items to the outbox, as a probe does."""
        stored = await self.outbox.add(list(items))
        self.delivering.wake()
        return stored


class Station:
    """Server, store, registry and engine of one test."""

    def __init__(
        self, *, server: EmbeddedServer | EjabberdServer, folder: Path, store_url: str | None = None
    ) -> None:
        self.store_url = store_url or f"sqlite:///{folder / 'store.db'}"
        self.server = server
        self.folder = folder
        self.clock = SystemClock()
        self.accounts: Accounts = EmbeddedAccounts(server.ca_file.parent)
        self.database = Database(self.store_url)
        self.directory = Directory(database=self.database, clock=self.clock)
        self.items = Items(database=self.database)
        self.audit = Audit(database=self.database, clock=self.clock)
        self.refusals = Refusals(database=self.database)
        self.queues = Queues(database=self.database, clock=self.clock)
        self.progress: list[dict[str, Any]] = []
        self.event_readers: list[str] = []
        self.engines: list[str] = []
        self.jobs = Jobs(database=self.database, clock=self.clock)
        self.scope: ScopePolicy | None = None
        self.people: list[Person] = []
        self.people_file: Path | None = None
        self.roots: dict[str, TrustRoots] = {}
        self._suffix = uuid4().hex[:8]
        self._agents: list[BaseAgent] = []
        self._databases: list[Database] = [self.database]
        self._registry_key = SigningKey.generate()

    def name(self, name: str) -> str:
        """Return an account name that no other test uses."""
        return f"{name}-{self._suffix}"

    def jid(self, name: str) -> str:
        """Return a bare JID of this test."""
        return f"{self.name(name)}@{DOMAIN}"

    async def identity(self, name: str, role: Role, *, enrolled: bool = True, **changes: Any) -> Identity:
        """Make an account and, if wanted, let it speak in the role."""
        key = self._registry_key if role is Role.REGISTRY else SigningKey.generate()
        password = new_password()
        self.accounts.create(self.name(name), password)
        if enrolled:
            await self.directory.enrol(self.jid(name), role=role, public_key=key.verifying.text)
        fields = {
            "jid": self.jid(name),
            "role": role,
            "password": password,
            "key": key,
            "registry": Peer(jid=self.jid("registry"), role=Role.REGISTRY, key=self._registry_key.verifying),
            "server": ServerAddress(host="127.0.0.1", port=self.server.port, ca_file=self.server.ca_file),
        }
        return Identity(**(fields | changes))

    async def start_hub(self, *authorities: TimestampAuthority, policy: BatchPolicy | None = None) -> None:
        """Start registry and engine."""
        desk = registry_commands(
            database=self.database,
            jobs=self.jobs,
            scope=self.scope or ScopePolicy(),
            roots=self.roots,
            documents=None,
            hub=RunningAgents(self._agents, clock=self.clock),
            clock=self.clock,
        )
        registry = await self.identity("registry", Role.REGISTRY)
        self._make_registry = lambda: RegistryAgent(
            identity=registry,
            clock=self.clock,
            peers=DirectoryPeers(directory=self.directory, people=self._allow_list()),
            directory=self.directory,
            heads=SignedHeads(database=self.database, clock=self.clock),
            alarms=Alarms(database=self.database, clock=self.clock),
            jobs=None if self.scope is None else self.jobs,
            scope=self.scope,
            people=self._allow_list(),
            desk=desk,
            changed=lambda jid, show: self.progress.append({"event": "presence", "jid": jid, "show": show}),
        )
        self.registry = self._make_registry()
        engine = await self.identity("engine", Role.AGGREGATION)
        self.proofs = Proofs(database=self.database, engine=engine.jid, clock=self.clock)
        self.intake = intake = Intake(database=self.database, engine=engine.jid, clock=self.clock)
        await intake.open()
        self._make_engine = lambda: self._compose(
            engine,
            self.database,
            intake,
            authorities,
            policy or BatchPolicy(items=1000, seconds=0.05),
            directory=self.directory,
            queues=self.queues,
        )
        self.engine = self._make_engine()
        await self.start(self.registry)
        await self.start(self.engine)

    def _allow_list(self) -> People:
        if self.people_file is None:
            return People(self.people)
        return PeopleOfFile(self.people_file, clock=self.clock)

    async def start_engine(self, name: str, *authorities: TimestampAuthority) -> AggregationAgent:
        """Start one more engine, on a connection of its own to the station's store."""
        engine = await self.identity(name, Role.AGGREGATION)
        database = Database(self.store_url)
        database.open()
        self._databases.append(database)
        intake = Intake(database=database, engine=engine.jid, clock=self.clock)
        await intake.open()
        agent = self._compose(engine, database, intake, authorities, BatchPolicy(items=1000, seconds=0.05))
        await self.start(agent)
        return agent

    def _compose(
        self,
        engine: Identity,
        database: Database,
        intake: Intake,
        authorities: Sequence[TimestampAuthority],
        policy: BatchPolicy,
        *,
        directory: Directory | None = None,
        queues: Queues | None = None,
    ) -> AggregationAgent:
        duties = Duties(engine.jid, leased=True)
        leases = Leases(database=database, engine=engine.jid, life=uuid4().hex, duties=tuple(Duty), seconds=LEASE)
        return AggregationAgent(
            identity=engine,
            clock=self.clock,
            peers=DirectoryPeers(directory=directory or Directory(database=database, clock=self.clock)),
            intake=intake,
            refusals=Refusals(database=database),
            proofs=Proofs(database=database, engine=engine.jid, clock=self.clock, duties=duties),
            queues=queues or Queues(database=database, clock=self.clock),
            proof_progress=ProofProgress(database=database, engine=engine.jid),
            events=EventFeed(database=database, engine=engine.jid),
            findings=FindingList(database=database),
            correlation=Correlation(
                database=database, engine=engine.jid, clock=self.clock, policy=CorrelationPolicy(), duties=duties
            ),
            standing_in=StandIn(clock=self.clock, leases=leases, duties=duties, every=LEASE / 4, grace=0.0),
            event_readers=self.event_readers,
            engines=self.engines,
            authorities=authorities,
            policy=policy,
            progress=self.progress.append,
        )

    async def restart_registry(self) -> RegistryAgent:
        """Start another registry of the same name, as after a restart of its process."""
        self.registry = self._make_registry()
        await self.start(self.registry)
        return self.registry

    async def restart_engine(self) -> None:
        """Start another engine of the same name, as after a restart of its process."""
        self.engine = self._make_engine()
        await self.start(self.engine)

    async def start(self, agent: BaseAgent) -> None:
        """Start an agent, which is stopped after the test."""
        self._agents.append(agent)
        await agent.start()

    async def sender(self, name: str = "sender", *, role: Role = Role.PROBE, **changes: Any) -> Sender:
        """Start an agent that delivers."""
        identity = await self.identity(name, role, **changes)
        outbox = Outbox(
            self.folder / f"{name}.db",
            agent=identity.jid,
            clock=self.clock,
            limit_items=10_000,
            limit_bytes=100_000_000,
        )
        await outbox.open()
        agent = Sender(identity=identity, outbox=outbox)
        await self.start(agent)
        return agent

    async def count(self) -> int:
        """Return how many items are stored."""
        query = select(func.count()).select_from(tables.item)
        return int(await self.database.read(lambda connection: connection.execute(query).scalar_one()))

    async def close(self) -> None:
        """Stop all agents, the last first."""
        for agent in reversed(self._agents):
            await agent.stop()
            if isinstance(agent, Sender):
                await agent.outbox.close()
        for database in self._databases:
            database.close()
