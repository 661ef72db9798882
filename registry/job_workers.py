"""Who could do jobs now: job agents, launchers, and the hub that starts some itself."""

from __future__ import annotations

from collections.abc import Collection

from registry.agent_list import AgentLine, AgentList, AgentsWanted
from registry.database import Database
from registry.jobs import Job
from registry.listing import MAX_PAGE
from vedette.configuration.fleet import FleetConfiguration
from vedette.jobs.waiting import Worker, why_waiting
from vedette.messages.card import Role


class JobWorkers:
    """Knows them from the directory."""

    def __init__(self, *, database: Database, started_here: Collection[str] = (), hub: Worker | None = None) -> None:
        """Say what the hub starts: the JIDs of its job agents, and the hub itself as their launcher."""
        self._agents = AgentList(database=database)
        self._started = frozenset(started_here)
        self._hub = hub

    @classmethod
    def of_fleet(cls, configuration: FleetConfiguration, *, database: Database) -> JobWorkers:
        """Return those of a fleet; whom its hub starts when there is work is as good as there."""
        section, domain = configuration.jobs, configuration.xmpp.domain
        hub = Worker(
            jid=f"{configuration.registry.name}@{domain}",
            role=Role.REGISTRY,
            place=configuration.registry.place,
            present=True,
        )
        names = [f"{name}@{domain}" for name in section.names]
        return cls(database=database, started_here=names, hub=hub if section.agents else None)

    async def all(self) -> list[Worker]:
        """Return them, by role and JID.

        Raises:
            StoreError: the database failed.
        """
        found = [] if self._hub is None else [self._hub]
        for role in (Role.LAUNCHER, Role.JOB):
            page = await self._agents.page(wanted=AgentsWanted(role=role), limit=MAX_PAGE)
            found += [self._worker(line) for line in page.rows]
        return found

    async def why_waiting(self, job: Job) -> str:
        """Return why nobody does a job that has not ended; empty where somebody does or soon will.

        Raises:
            StoreError: the database failed.
        """
        if job.active or job.ended_at is not None or job.cancelled_at is not None:
            return ""
        return why_waiting(await self.all(), agents=job.agents, place=job.place)

    def _worker(self, line: AgentLine) -> Worker:
        here = line.jid in self._started
        place = self._hub.place if here and self._hub is not None else line.place or ""
        present = here or line.show not in ("gone", "unknown")
        return Worker(jid=line.jid, role=line.role, place=place, present=present)
