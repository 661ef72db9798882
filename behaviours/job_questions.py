"""Asking the registry about jobs: signed questions, and answers that are signed for this very question."""

from __future__ import annotations

import asyncio
import secrets

from pydantic import BaseModel

from behaviours.exchange import compose
from behaviours.peers import Peer
from behaviours.register import Session
from vedette.errors import RefusedError
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.envelope import Action, Performative
from vedette.messages.jobs import JobAnswer
from vedette.signing import SigningKey

_LOOK_EVERY = 0.5


class JobQuestions:
    """Asks the registry."""

    def __init__(self, *, agent: str, exchange: Session, registry: Peer, key: SigningKey) -> None:
        self._agent = agent
        self._exchange = exchange
        self._registry = registry
        self._key = key

    async def ask(self, question: BaseModel, *, time_limit: float) -> JobAnswer | None:
        """Return the answer; None where none came in this session, or the registry could not do it now.

        Raises:
            RefusedError: the registry refuses, or the answer is not its answer to this question.
        """
        message = compose(
            to=self._registry.jid,
            performative=Performative.REQUEST,
            action=Action.JOB,
            value=Signed.seal(question, self._key).model_dump(),
            conversation=secrets.token_hex(16),
        )
        session = self._exchange.session
        asking = asyncio.ensure_future(self._exchange.ask(message, time_limit=time_limit))
        try:
            while not asking.done() and self._exchange.online and self._exchange.session == session:
                await asyncio.wait({asking}, timeout=_LOOK_EVERY)
            answer = asking.result() if asking.done() else None
        finally:
            asking.cancel()
        if answer is None or answer.performative is Performative.FAILURE:
            return None
        if answer.performative is not Performative.INFORM:
            said = answer.value()
            reason = said.get("reason", "") if isinstance(said, dict) else said
            raise RefusedError("job", f"{self._registry.jid} refuses: {str(reason)[:500]}")
        opened = open_signed(JobAnswer, parse_model(Signed, answer.value()), self._registry.verifying())
        if (opened.agent, opened.conversation) != (self._agent, answer.conversation):
            raise RefusedError("job", "the answer is to another question than ours")
        return opened
