"""The aggregation engine: commits what comes in, confirms it, and has it time-stamped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.base import BaseAgent
from agents.board import PubSubBoard
from agents.identity import Identity
from behaviours.announce_proofs import AnnounceProofs
from behaviours.custody import Custody
from behaviours.peers import Peers
from behaviours.publish import Publish
from behaviours.receive import Receive
from behaviours.serve_queues import ServeQueues
from behaviours.supervised import SupervisedBehaviour
from behaviours.timestamp import AuthorityState, BatchPolicy, Timestamp
from registry.event_feed import EventFeed
from registry.intake import Intake
from registry.proof_progress import ProofProgress
from registry.proofs import Proofs
from registry.queues import Queues
from registry.refusals import Refusals
from vedette.clock import Clock
from vedette.evidence.timestamping import TimestampAuthority
from vedette.messages.state import Cell, Panel

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
        authorities: Sequence[TimestampAuthority],
        policy: BatchPolicy,
        progress: Callable[[dict[str, Any]], None],
        custody: Custody | None = None,
        view_port: int | None = 0,
        place: str = "",
        event_readers: Sequence[str] = (),
        patience: float = 10.0,
    ) -> None:
        self._hub_peers = peers
        super().__init__(identity=identity, clock=clock, view_port=view_port, place=place, patience=patience)
        self._progress = progress
        self.custody = custody
        self.stamping = Timestamp(
            clock=clock,
            agent_name=identity.name,
            proofs=proofs,
            authorities=authorities,
            policy=policy,
            stamped=self._stamped,
        )
        self.receiving = Receive(
            clock=clock,
            engine=identity.jid,
            exchange=self,
            peers=peers,
            intake=intake,
            refusals=refusals,
            key=identity.key,
            committed=self._committed,
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
            readers=event_readers,
        )
        self.serving = ServeQueues(
            clock=clock, engine=identity.jid, exchange=self, peers=peers, queues=queues, key=identity.key
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return receive, timestamp, announce proofs, serve queues, publish and register."""
        working = [self.receiving, self.stamping, self.announcing, self.serving, self.publishing]
        kept = self.custody.behaviours() if self.custody is not None else []
        return [*working, *kept, self.registering()]

    def capabilities(self) -> list[str]:
        """Return the authorities that stamp."""
        return [f"tsa:{state.authority.name}" for state in self.stamping.authorities]

    def notes(self) -> list[str]:
        """Say when time is only self-asserted, and when there are alarms."""
        external = any(state.authority.external for state in self.stamping.authorities)
        alarms = self.custody.notes() if self.custody is not None else []
        return alarms if external else [SELF_ASSERTED, *alarms]

    def panels(self) -> list[Panel]:
        """Return the authorities and the queues."""
        return [
            Panel(
                title="Time-stamping authorities",
                columns=["Name", "Time", "Tokens", "Failures", "Last error"],
                rows=[_authority_row(state) for state in self.stamping.authorities],
            ),
            self.serving.panel(),
            *(self.custody.panels() if self.custody is not None else []),
        ]

    def _make_peers(self) -> Peers:
        return self._hub_peers

    def _stamped(self, count: int) -> None:
        self.announcing.wake()
        self.publishing.wake()
        self._progress({"event": "stamped", "count": count})

    def _committed(self, count: int, senders: list[str]) -> None:
        self.stamping.wake()
        self.serving.wake()
        self.publishing.wake()
        self._progress({"event": "committed", "count": count, "senders": senders})


def _authority_row(state: AuthorityState) -> list[Cell]:
    external = state.authority.external
    return [
        Cell(text=state.authority.name, kind="code"),
        Cell(text="external" if external else "self-asserted", kind="good" if external else "warn"),
        Cell(text=str(state.stamped), kind="count"),
        Cell(text=str(state.failures), kind="count"),
        Cell(text=state.last_error or "none", kind="bad" if state.last_error else "good"),
    ]
