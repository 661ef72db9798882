"""Publishing at a broker: items from a durable queue of the engine's store, and findings of the correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from behaviours.consume import Consume
from behaviours.peers import Peers
from behaviours.queue_wanted import QueueWanted
from behaviours.register import Session
from behaviours.supervised import SupervisedBehaviour
from registry.gateway_outbox import GatewayOutbox
from vedette.canonical import canonical_json, parse_json
from vedette.client.client import VedetteClient
from vedette.client.errors import ApiError
from vedette.client.findings import Finding
from vedette.clock import Clock
from vedette.collection.memory import Changes
from vedette.configuration.gateway import OutwardSection
from vedette.errors import ConnectionFailedError, RefusedError
from vedette.gateway.broker import Outlet
from vedette.gateway.outgoing import comes_from_a_broker, finding_message, item_message
from vedette.messages.queue import QueuedItem
from vedette.messages.state import Cell, Panel
from vedette.sealing.envelope import MARK
from vedette.signing import SigningKey

LOOK_EVERY: Final = 5.0
"""Seconds between looks for new findings."""

REMEMBERED: Final = 500
"""Findings that are known to be published: of several engines, a lower number may come later than a higher one."""

NOT_FOUND: Final = 404

_SOURCE: Final = "gateway"
_MARK: Final = "findings"


class PublishItems(Consume):
    """Publishes items; each is acknowledged to the engine when the broker has confirmed it."""

    name: ClassVar[str] = "publish"

    def __init__(
        self,
        *,
        clock: Clock,
        agent: str,
        exchange: Session,
        peers: Peers,
        key: SigningKey,
        wanted: QueueWanted,
        section: OutwardSection,
        outlet: Outlet,
    ) -> None:
        """Describe the work.

        Args:
            clock: tells the time.
            agent: bare JID.
            exchange: speaks to the engine.
            peers: knows the engines.
            key: signs what is asked.
            wanted: the queue.
            section: what is published.
            outlet: where; closed at the end.
        """
        super().__init__(
            clock=clock, agent=agent, exchange=exchange, peers=peers, key=key, wanted=wanted, handle=self._publish
        )
        self._section = section
        self._outlet = outlet
        self.problem = ""
        """Why nothing is published; empty: nothing hinders it."""

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, then close the connection."""
        await super().ended()
        await self._outlet.close()

    async def _publish(self, items: Sequence[QueuedItem]) -> Mapping[int, Exception]:
        """Publish items; return those that nobody gets, where that is a failure.

        Raises:
            ConnectionFailedError: the broker did not confirm all: they come again, with the same ids.
        """
        open_ones = [item for item in items if not item.item.data["meta"].get(MARK)]
        chosen = [item for item in open_ones if self._section.echo or not comes_from_a_broker(item)]
        try:
            routed = await self._outlet.publish([item_message(item) for item in chosen]) if chosen else []
        except ConnectionFailedError as error:
            self.problem = str(error)
            raise
        self.problem = ""
        alone = [item for item, has_queue in zip(chosen, routed, strict=True) if not has_queue]
        self.counters["sealed"] += len(items) - len(open_ones)
        self.counters["from a broker"] += len(open_ones) - len(chosen)
        self.counters["published"] += len(chosen) - len(alone)
        self.counters["wanted by nobody"] += len(alone)
        if not self._section.must_arrive:
            return {}
        return {item.id: RefusedError("routing_key", "no queue is bound at the broker") for item in alone}

    def panel(self) -> Panel:
        """Return what is published, and how it fares."""
        shown = ("published", "wanted by nobody", "from a broker", "sealed", "failed")
        return Panel(
            title="Published at the broker",
            columns=["Exchange", "Queue", "State", *(name.capitalize() for name in shown)],
            rows=[
                [
                    Cell(text=self._section.exchange, kind="code"),
                    Cell(text=self.wanted.name, kind="code"),
                    Cell(text=self.problem or (f"served by {self.engine}" if self.engine else "no engine found")),
                    *(Cell(text=str(self.counters[name]), kind="count") for name in shown),
                ]
            ],
        )


class PublishFindings(SupervisedBehaviour):
    """Publishes what the correlation finds from the gateway's first start on; what was published is remembered."""

    name: ClassVar[str] = "publish findings"

    def __init__(
        self, *, clock: Clock, agent_name: str, client: VedetteClient, outbox: GatewayOutbox, outlet: Outlet
    ) -> None:
        """Describe the work.

        Args:
            clock: tells the time.
            agent_name: for the log.
            client: of the hub's API; closed at the end.
            outbox: the file that remembers what was published.
            outlet: where to publish; closed at the end.
        """
        super().__init__(clock=clock, agent_name=agent_name)
        self._client = client
        self._outbox = outbox
        self._outlet = outlet

    async def run(self) -> None:
        """Publish what is new, oldest first; then wait.

        Raises:
            VedetteError: the hub or the broker does not do it now.
        """
        text = await self._outbox.mark(_SOURCE, _MARK)
        known = {int(one) for one in parse_json(text)} if text else None
        new = await self._new(known)
        open_ones = [one for one in new if not await self._is_sealed(one)]
        messages = [finding_message(one.model_dump(mode="json")) for one in open_ones]
        if messages:
            routed = await self._outlet.publish(messages)
            self.counters["published"] += sum(routed)
            self.counters["wanted by nobody"] += len(routed) - sum(routed)
        self.counters["sealed"] += len(new) - len(open_ones)
        if new or known is None:
            kept = sorted((known or await self._there()) | {one.id for one in new})[-REMEMBERED:]
            marks = {_MARK: canonical_json(kept).decode()}
            await self._outbox.commit(Changes(source=_SOURCE, marks=marks))
        await self.pause(LOOK_EVERY)

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, then close the connections."""
        await super().ended()
        await self._outlet.close()
        await self._client.close()

    async def _new(self, known: set[int] | None) -> list[Finding]:
        """Return the findings that were not published, oldest first; at the first start none is."""
        if known is None:
            return []
        found: list[Finding] = []
        async for one in self._client.findings.list():
            if one.id <= max(known, default=0) - REMEMBERED:
                break
            if one.id not in known:
                found.append(one)
        return found[::-1]

    async def _is_sealed(self, finding: Finding) -> bool:
        """Tell whether an item that shows a finding travelled sealed: the broker must not learn of it, then."""
        for uuid in dict.fromkeys(witness.item for witness in finding.witnesses):
            try:
                if (await self._client.items.get(uuid)).meta.get(MARK):
                    return True
            except ApiError as error:
                if error.status != NOT_FOUND:
                    raise
        return False

    async def _there(self) -> set[int]:
        """Return the newest findings: what was there before the gateway is not published."""
        return {one.id async for one in self._client.findings.list(limit=REMEMBERED)}
