"""Having an agent pause, resume or run one of its own checks, written down whatever comes of it."""

from __future__ import annotations

from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from vedette.errors import RefusedError
from vedette.messages.control import CheckAction
from web.api.hub_view import HubView
from web.api.problems import ProblemError


class CheckOrders:
    """Gives orders through the hub."""

    def __init__(self, *, hub: HubView, audit: Audit) -> None:
        self._hub = hub
        self._audit = audit

    async def give(self, jid: str, check: str, action: CheckAction, *, by: Actor) -> str:
        """Give an order; returns what a person must know about what was done, empty: nothing.

        Raises:
            ProblemError: 503, the agent does not answer; it may have obeyed.
            RefusedError: it refused, or there is no such check.
            StoreError: the database failed.
        """
        try:
            answer = await self._hub.order(jid, check, action, by=by.who)
        except RefusedError as error:
            await self._write_down(jid, check, action, by, f"refused: {error}")
            raise
        if answer is None:
            await self._write_down(jid, check, action, by, "no answer")
            raise ProblemError(503, "the agent does not answer: look at its page, and order it again")
        await self._write_down(jid, check, action, by, "done" if answer.done else f"not done: {answer.reason}")
        if not answer.done:
            raise RefusedError("check", answer.reason)
        return answer.reason

    async def _write_down(self, jid: str, check: str, action: CheckAction, by: Actor, became: str) -> None:
        await self._audit.record(
            AuditEntry(
                who=by.who, action=f"check.{action}", object=jid, origin=by.origin, detail=f"{check}: {became}"
            )
        )
