"""Answering who asks for the agent's state document over XMPP."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from behaviours.exchange import Exchange, reply
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.messages.envelope import Action, Performative
from vedette.messages.state import AgentState


class AnswerState(SupervisedBehaviour):
    """Answers `request state` with the document that the agent's own page is rendered from."""

    name: ClassVar[str] = "answer state"
    accepts: ClassVar = frozenset({(Performative.REQUEST, Action.STATE)})

    def __init__(self, *, clock: Clock, agent_name: str, exchange: Exchange, state: Callable[[], AgentState]) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._exchange = exchange
        self._state = state

    async def run(self) -> None:
        """Answer one request."""
        request = await self.take()
        if request is not None:
            self._exchange.send(reply(request, Performative.INFORM, self._state().model_dump(mode="json")))
            self.counters["answered"] += 1
