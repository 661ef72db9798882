"""What people decide about the graph: written by its writer, and in the audit log of the store.

The graph is a database of its own, so a decision and its audit entry cannot be one transaction. The decision keeps
itself who made it and why; the entry follows at once, and its proof with it.
"""

from __future__ import annotations

from registry.audit import Audit, AuditEntry
from registry.callers import Actor
from vedette.graph.port import GraphWriting
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable


class GraphDecisions:
    """Decides, takes decisions back, and withdraws what a source said; for the API, the console and commands."""

    def __init__(self, *, writing: GraphWriting, audit: Audit) -> None:
        """Describe it.

        Args:
            writing: the graph's writer: it waits for other processes that write, RT's among them.
            audit: the store's audit log.
        """
        self._writing = writing
        self._audit = audit

    async def decide(self, first: str, second: str, *, same: bool, why: str, by: Actor) -> int:
        """Say that two vertices are, or are not, the same thing; returns the decision's number.

        Raises:
            UnknownVertexError: there is no such vertex.
            StoreError: the graph or the store cannot be written.
        """
        reason = storable(why, limit=MAX_TEXT)
        number = await self._writing.decide(first, second, same=same, who=storable(by.who), why=reason)
        verb = "same as" if same else "not the same as"
        await self._record(by, "graph.decide", f"decision {number}", f"{first} {verb} {second}: {reason}")
        return number

    async def undo(self, decision: int, *, why: str, by: Actor) -> None:
        """Withdraw a decision, a person's or a rule's.

        Raises:
            UnknownVertexError: there is no such decision.
            StoreError: the graph or the store cannot be written.
        """
        reason = storable(why, limit=MAX_TEXT)
        await self._writing.undo(decision, who=storable(by.who), why=reason)
        await self._record(by, "graph.undo", f"decision {decision}", reason)

    async def withdraw(self, *, item: str | None = None, source: str | None = None, why: str, by: Actor) -> int:
        """Take back what only an item, or only the items of a routing key, said; returns how many subgraphs.

        Raises:
            StoreError: the graph or the store cannot be written.
        """
        reason = storable(why, limit=MAX_TEXT)
        count = await self._writing.withdraw(item=item, source=source, who=storable(by.who), why=reason)
        what = f"item {item}" if item is not None else f"source {source}"
        await self._record(by, "graph.withdraw", what, f"{count} subgraphs: {reason}")
        return count

    async def _record(self, by: Actor, action: str, what: str, detail: str) -> None:
        await self._audit.record(AuditEntry(who=by.who, action=action, object=what, origin=by.origin, detail=detail))
