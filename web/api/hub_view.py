"""What the API may ask of the agents that run in its process: a small port, so that it need not know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from vedette.evidence.timestamp_state import TimestampState
from vedette.messages.control import CheckAction, CheckAnswer
from vedette.messages.state import AgentState


class HubView(Protocol):
    """The agents of the hub, seen from its API."""

    def states(self) -> Iterable[AgentState]:
        """Return what the pages of those that run show."""

    async def state_of(self, jid: str) -> AgentState | None:
        """Return what an agent's page shows, asked over XMPP where it runs elsewhere; None: it does not answer."""

    async def order(self, jid: str, check: str, action: CheckAction, *, by: str) -> CheckAnswer | None:
        """Have an agent pause, resume or run one of its checks; None: it does not answer.

        Raises:
            RefusedError: the agent refuses it, or is none that takes orders.
        """

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

    async def order(self, jid: str, check: str, action: CheckAction, *, by: str) -> CheckAnswer | None:
        """Return that nobody answers."""
        return None

    def stamping(self) -> TimestampState | None:
        """Return nothing."""
        return None
