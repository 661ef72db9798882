"""The aggregation engine: commits what comes in, confirms it, and has it time-stamped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.base import BaseAgent
from agents.board import PubSubBoard
from agents.identity import Identity
from behaviours.announce_proofs import AnnounceProofs
from behaviours.checkpoint import PublishCheckpoints
from behaviours.correlate import Correlate
from behaviours.custody import Custody
from behaviours.peers import Peers
from behaviours.publish import Publish
from behaviours.receive import Receive
from behaviours.serve_queues import ServeQueues
from behaviours.stand_in import StandIn
from behaviours.supervised import SupervisedBehaviour
from behaviours.timestamp import BatchPolicy, Timestamp
from behaviours.timestamp_panels import timestamp_notes, timestamp_panels
from registry.correlation import Correlation
from registry.event_feed import EventFeed
from registry.finding_list import FindingList
from registry.intake import Intake
from registry.notices import Topic
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from vedette.clock import Clock
from vedette.evidence.timestamping import TimestampAuthority
from vedette.messages.state import Panel
from vedette.sealing.keys import SealingKeys

SELF_ASSERTED = (
    "Self-asserted time: only the local time-stamping authority is configured. It proves order and integrity "
    "to us, not the time to others. Add an external authority to prove the time."
)


class AggregationAgent(BaseAgent):
    """The one way in: everything that is collected becomes an item here."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        peers: Peers,
        intake: Intake,
        refusals: Refusals,
        proofs: Proofs,
        queues: Queues,
        proof_progress: ProofProgress,
        events: EventFeed,
        findings: FindingList,
        authorities: Sequence[TimestampAuthority],
        policy: BatchPolicy,
        progress: Callable[[dict[str, Any]], None],
        custody: Custody | None = None,
        checkpoints: PublishCheckpoints | None = None,
        correlation: Correlation | None = None,
        standing_in: StandIn | None = None,
        view_port: int | None = 0,
        place: str = "",
        event_readers: Sequence[str] = (),
        engines: Sequence[str] = (),
        patience: float = 10.0,
    ) -> None:
        self._hub_peers = peers
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self.sealing = SealingKeys(clock=clock)
        self._progress = progress
        self.custody = custody
        self.checkpoints = checkpoints
        self.standing_in = standing_in
        self.correlating = (
            None
            if correlation is None
            else Correlate(clock=clock, agent_name=identity.name, correlation=correlation, found=self._found)
        )
        self.stamping = Timestamp(
            clock=clock,
            agent_name=identity.name,
            proofs=proofs,
            authorities=authorities,
            policy=policy,
            stamped=self._stamped,
            closed=self._closed,
        )
        self.receiving = Receive(
            clock=clock,
            engine=identity.jid,
            exchange=self,
            peers=peers,
            intake=intake,
            refusals=refusals,
            key=identity.key,
            sealing=self.sealing,
            committed=self.committed,
        )
        self.announcing = AnnounceProofs(
            clock=clock, engine=identity.jid, exchange=self, progress=proof_progress, key=identity.key
        )
        self.publishing = Publish(
            clock=clock,
            engine=identity.jid,
            exchange=self,
            peers=peers,
            board=PubSubBoard(client=self.connection.client),
            feed=events,
            findings=findings,
            readers=event_readers,
            engines=engines,
        )
        self.serving = ServeQueues(
            clock=clock, engine=identity.jid, exchange=self, peers=peers, queues=queues, key=identity.key
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return receive, timestamp, stamp by each authority, announce proofs, serve queues, publish and register."""
        working = [self.receiving, self.stamping, *self.stamping.authorities]
        telling = [self.announcing, self.serving, self.publishing]
        kept: list[SupervisedBehaviour] = [] if self.custody is None else self.custody.behaviours()
        kept += [] if self.checkpoints is None else [self.checkpoints]
        kept += [] if self.standing_in is None else [self.standing_in]
        kept += [] if self.correlating is None else [self.correlating]
        return [*working, *telling, *kept, self.registering()]

    def capabilities(self) -> list[str]:
        """Return the authorities that stamp."""
        return [f"tsa:{state.authority.name}" for state in self.stamping.authorities]

    def notes(self) -> list[str]:
        """Say when time is only self-asserted, when there are alarms, and for whom it stands in."""
        external = any(state.authority.external for state in self.stamping.authorities)
        alarms = self.custody.notes() if self.custody is not None else []
        clocks = timestamp_notes(self.stamping.report())
        standing = self.standing_in.notes() if self.standing_in is not None else []
        return [*([] if external else [SELF_ASSERTED]), *clocks, *alarms, *standing]

    def panels(self) -> list[Panel]:
        """Return the authorities, how long items wait for them, and the queues."""
        return [
            *timestamp_panels(self.stamping.report()),
            self.serving.panel(),
            *(self.custody.panels() if self.custody is not None else []),
        ]

    def _make_peers(self) -> Peers:
        return self._hub_peers

    def _stamped(self, count: int) -> None:
        self.announcing.wake()
        self.publishing.wake()
        if count:
            self._progress({"event": "stamped", "count": count})

    def _closed(self) -> None:
        if self.checkpoints is not None:
            self.checkpoints.wake()

    def _found(self, count: int) -> None:
        self.publishing.wake()
        self._progress({"event": "found", "count": count})

    def noticed(self, topic: Topic) -> None:
        """Wake what works on what others wrote into the same store."""
        if topic is Topic.ITEMS:
            self.serving.wake()
        elif topic is Topic.TOKENS:
            self.announcing.wake()

    def committed(self, count: int, senders: list[str]) -> None:
        """Wake what works on items after a commit, whoever committed them in this process."""
        self.stamping.wake()
        self.serving.wake()
        self.publishing.wake()
        if self.correlating is not None:
            self.correlating.wake()
        self._progress({"event": "committed", "count": count, "senders": senders})
