"""What keeps evidence alive after it was made: revocation lists, renewal and the sweep, with their alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from behaviours.partition import Partition
from behaviours.renew import Renew, RenewalRun
from behaviours.retain import Retain
from behaviours.revocation import Revocation
from behaviours.supervised import SupervisedBehaviour
from behaviours.sweep import Sweep
from registry.alarms import Alarm, Alarms
from registry.content import ContentFolder
from registry.database import Database
from registry.document_check import document_check
from registry.duties import Duties, Duty
from registry.partition_dropping import PartitionRetention
from registry.partitions import Partitions
from registry.renewals import Renewals
from registry.retention import Retention
from registry.revocation_lists import RevocationLists
from registry.sweep import Sweep as StoreSweep
from vedette.clock import Clock
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.partition_retention import partition_days
from vedette.evidence.retention import RetentionRule
from vedette.evidence.timestamping import TimestampAuthority
from vedette.fetching.interface import Fetcher
from vedette.messages.state import Cell, Panel

if TYPE_CHECKING:
    from registry.graph_forgetting import GraphForgetting

SHOWN = 20
"""Alarms on the engine's page."""

LOOK_EVERY = 5.0
"""Seconds between looks at the alarms: other processes raise some, too."""


class Watch(SupervisedBehaviour):
    """Keeps the engine's page informed of the alarms that nobody took note of."""

    name = "watch"

    def __init__(self, *, clock: Clock, agent_name: str, alarms: Alarms) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._alarms = alarms
        self.shown: Sequence[Alarm] = ()
        """The newest alarms that nobody took note of."""
        self.count = 0
        """How many there are."""

    async def run(self) -> None:
        """Look at the alarms, then wait."""
        await self.look()
        await self.pause(LOOK_EVERY)

    async def look(self) -> None:
        """Read the alarms.

        Raises:
            StoreError: the database failed.
        """
        self.shown = await self._alarms.all(limit=SHOWN, acknowledged=False)
        self.count = await self._alarms.count()


class Custody:
    """The behaviours that an engine gets for it, and what they show."""

    def __init__(
        self,
        *,
        database: Database,
        engine: str,
        clock: Clock,
        authorities: Sequence[TimestampAuthority],
        roots: Mapping[str, TrustRoots],
        fetcher: Fetcher,
        rate: float,
        documents: ContentFolder | None = None,
        rules: Sequence[RetentionRule] = (),
        retention_rate: float = 100.0,
        forgetting: GraphForgetting | None = None,
        duties: Duties | None = None,
    ) -> None:
        """Make them.

        Args:
            database: the store.
            engine: the engine's bare JID; it sweeps its own chains, and those of engines that it stands in for.
            clock: what tells the time.
            authorities: who can renew.
            roots: what is believed of each authority, by name.
            fetcher: who fetches revocation lists and asks responders.
            rate: items a second that the sweep looks at, at most.
            documents: the folder of documents; None: there is none.
            rules: how long payloads are kept; needs the folder of documents.
            retention_rate: payloads a second that retention deletes, at most.
            forgetting: takes back what they said in the graph; None: that stays.
            duties: which of this the engine does now, and for whose chains; None: all of it, for its own.
        """
        duties = duties or Duties(engine)
        name = engine.partition("@")[0]
        alarms = Alarms(database=database, clock=clock)
        lists = RevocationLists(database=database, clock=clock)
        renewal = RenewalRun(
            renewals=Renewals(database=database, clock=clock, documents=documents),
            lists=lists,
            alarms=alarms,
            authorities=authorities,
            clock=clock,
        )
        store_sweep = StoreSweep(
            database=database,
            engine=engine,
            clock=clock,
            roots=roots,
            document=document_check(documents),
            duties=duties,
        )
        self.watching = Watch(clock=clock, agent_name=name, alarms=alarms)
        self.sweeping = Sweep(clock=clock, agent_name=name, sweep=store_sweep, alarms=alarms, rate=rate)
        self.renewing = Renew(clock=clock, agent_name=name, renewal=renewal, mine=lambda: duties.has(Duty.RENEWAL))
        self.revoking = Revocation(
            clock=clock,
            agent_name=name,
            lists=lists,
            fetcher=fetcher,
            alarms=alarms,
            mine=lambda: duties.has(Duty.REVOCATION),
        )
        self.retaining: Retain | None = None
        if rules and documents is not None:
            retention = Retention(database=database, clock=clock, documents=documents)
            self.retaining = Retain(
                clock=clock,
                agent_name=name,
                retention=retention,
                rules=rules,
                alarms=alarms,
                rate=retention_rate,
                forgetting=forgetting,
                mine=lambda: duties.has(Duty.RETENTION),
                partitions=PartitionRetention(database=database, clock=clock),
            )
        self.partitioning: Partition | None = None
        if database.dialect == "postgresql":
            partitions = Partitions(database=database, clock=clock)
            days = partition_days(rules)
            self.partitioning = Partition(clock=clock, agent_name=name, partitions=partitions, days=days)

    def behaviours(self) -> list[SupervisedBehaviour]:
        """Return them all."""
        working: list[SupervisedBehaviour] = [self.revoking, self.renewing, self.sweeping, self.watching]
        return [*working, *(one for one in (self.retaining, self.partitioning) if one is not None)]

    def notes(self) -> list[str]:
        """Say that there are alarms."""
        if not self.watching.count:
            return []
        return [f"{self.watching.count} alarms about the evidence: see below, and 'vedette evidence alarms'."]

    def panels(self) -> list[Panel]:
        """Return the alarms that nobody took note of."""
        return [
            Panel(
                title="Alarms about the evidence",
                columns=["Found", "What", "Where", "Text"],
                rows=[_row(alarm) for alarm in self.watching.shown],
                empty="None: whatever was looked at is as it was proved.",
            )
        ]


def _row(alarm: Alarm) -> list[Cell]:
    return [
        Cell(text=str(alarm.at), kind="time"),
        Cell(text=alarm.kind, kind="bad"),
        Cell(text=alarm.place, kind="code"),
        Cell(text=alarm.text),
    ]
