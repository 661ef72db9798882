"""The agents that run in the hub, as its API may look at them, and through them at all others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from agents.aggregation import AggregationAgent
from agents.base import BaseAgent
from agents.registry import RegistryAgent
from behaviours.control import give_order
from behaviours.exchange import compose
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.evidence.timestamp_state import TimestampState
from vedette.log import logger
from vedette.messages.batch import parse_model
from vedette.messages.control import CheckAction, CheckAnswer, CheckOrder
from vedette.messages.envelope import Action, Performative
from vedette.messages.state import AgentState

PATIENCE = 2.0
"""Seconds that an agent may take to say how it is: longer, and the page says that it does not answer."""

ORDER_PATIENCE = 10.0
"""Seconds that an agent may take to obey: it may have to ask the registry first who ordered it."""

FRESH = 1.0
"""Seconds that an answer serves: many people who look at one agent are one question."""

KEPT = 200
"""Answers kept."""


class RunningAgents:
    """A view of a list that changes while agents start and stop."""

    def __init__(self, agents: Sequence[BaseAgent], *, clock: Clock) -> None:
        self._agents = agents
        self._clock = clock
        self._asked: dict[str, tuple[float, asyncio.Task[AgentState | None]]] = {}
        self._signed_at = 0
        self._log = logger("console")

    def states(self) -> Iterable[AgentState]:
        """Return what the pages of those that run show."""
        return [agent.state() for agent in self._agents]

    async def state_of(self, jid: str) -> AgentState | None:
        """Return what an agent's page shows; the registry asks those that run elsewhere. None: it does not answer."""
        here = next((agent for agent in self._agents if agent.identity.jid == jid), None)
        if here is not None:
            return here.state()
        now = self._clock.monotonic()
        asked_at, task = self._asked.get(jid, (now - FRESH, None))
        if task is None or (task.done() and not 0 <= now - asked_at < FRESH):
            if len(self._asked) >= KEPT:
                self._asked = {name: one for name, one in self._asked.items() if not one[1].done()}
            task = asyncio.create_task(self._ask(jid), name=f"state of {jid}")
            self._asked[jid] = (now, task)
        # Who closes the page must not end the question of the others.
        return await asyncio.shield(task)

    async def _ask(self, jid: str) -> AgentState | None:
        registry = self._registry()
        if registry is None:
            return None
        question = compose(to=jid, performative=Performative.REQUEST, action=Action.STATE, value={})
        answer = await registry.ask(question, time_limit=PATIENCE)
        if answer is None or answer.performative is not Performative.INFORM:
            return None
        try:
            state = parse_model(AgentState, answer.value())
        except RefusedError as error:
            self._log.warning("an agent's state cannot be read", agent=jid, reason=str(error))
            return None
        # Nobody may show a page as somebody else's.
        return state if state.jid == jid else None

    async def order(self, jid: str, check: str, action: CheckAction, *, by: str) -> CheckAnswer | None:
        """Have an agent pause, resume or run one of its checks; None: it does not answer.

        Raises:
            RefusedError: the agent refuses it, or is none that takes orders.
        """
        registry, state = self._registry(), await self.state_of(jid)
        if registry is None or state is None:
            return None
        if all(one.name != check for one in state.checks):
            raise RefusedError("check", f"{jid[:128]} has no such check")
        # Never the same twice, even where the clock is put back or two people ask at once.
        self._signed_at = max(self._clock.now(), self._signed_at + 1)
        # Nor older than what the agent took when our clock was ahead; that is its own word, and for it alone.
        signed_at = max(self._signed_at, state.last_order_at + 1)
        order = CheckOrder(
            agent=jid, life=state.started_at, check=check, action=action, by=by[:256], signed_at=signed_at
        )
        self._asked.pop(jid, None)
        return await give_order(
            order, exchange=registry, peers=registry.peers, key=registry.identity.key, time_limit=ORDER_PATIENCE
        )

    def _registry(self) -> RegistryAgent | None:
        return next((agent for agent in self._agents if isinstance(agent, RegistryAgent)), None)

    def stamping(self) -> TimestampState | None:
        """Return how time-stamping fares; None while the engine does not run."""
        engines = [agent for agent in self._agents if isinstance(agent, AggregationAgent)]
        return engines[0].stamping.report() if engines else None
