"""What the API may ask of the agents that run in its process: a small port, so that it need not know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from vedette.evidence.timestamp_state import TimestampState
from vedette.messages.state import AgentState


class HubView(Protocol):
    """The agents of the hub, seen from its API."""

    def states(self) -> Iterable[AgentState]:
        """Return what the pages of those that run show."""

    async def state_of(self, jid: str) -> AgentState | None:
        """Return what an agent's page shows, asked over XMPP where it runs elsewhere; None: it does not answer."""

    def stamping(self) -> TimestampState | None:
        """Return how time-stamping fares; None while the engine does not run."""


class NoAgents:
    """The view of an API that is served alone."""

    def states(self) -> Iterable[AgentState]:
        """Return nothing."""
        return ()

    async def state_of(self, jid: str) -> AgentState | None:
        """Return one of those that there are."""
        return next((one for one in self.states() if one.jid == jid), None)

    def stamping(self) -> TimestampState | None:
        """Return nothing."""
        return None
