"""Publishing events on XMPP publish-subscribe (XEP-0060), for any client that is allowed to subscribe.

Events are news, not deliveries: the engine's store is the record. They are read from there, so that intake never
waits for them; who falls far behind skips, and the skipped ones are counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar, Final, Literal, Protocol

from behaviours.peers import Peers
from behaviours.register import Session
from behaviours.supervised import SupervisedBehaviour
from registry.event_feed import EventFeed, Position, ScanEvent
from registry.finding_list import FindingList, RecordedFinding, finding_fields
from vedette.clock import Clock
from vedette.delivery.backoff import Backoff
from vedette.errors import VedetteError
from vedette.messages.card import Role

NODES = ("scan", "tst", "finding")
"""`scan` when items are committed, `tst` when a batch is stamped, `finding` when the correlation found something."""

TOGETHER = 100
"""Items in one event at most."""

EVENT_BYTES = 40_000
"""Bytes of an event at most, about: servers limit payloads, some to 60,000."""

SHOWN = 200
"""Characters of a text in an event; the whole is in the store."""

UUIDS = 100
"""Uuids in a `tst` event at most; the range of `log_index` says the rest."""

UNTOLD = "about a sealed item: the console shows it"
"""What the event of a finding says in place of what was found."""

BEHIND = 10_000
"""Items after which a publisher that cannot keep up skips to the newest."""

PAUSE = 0.05
"""Seconds between two events of a burst: what is committed meanwhile travels together."""

LOOK_EVERY = 5.0
"""Seconds between looks while nobody wakes it: only this process commits what it publishes."""

ALLOW_EVERY = 30.0
"""Seconds between looks who may subscribe."""

Affiliation = Literal["owner", "publisher", "member", "none"]
"""What somebody may do with a node (XEP-0060, 4.1)."""


class PublishError(VedetteError):
    """The publish-subscribe service refused or did not answer; names the node and the condition."""


class Board(Protocol):
    """The publish-subscribe service, as a port."""

    async def open(self, node: str) -> None:
        """Make a node with whitelist access, if there is none."""
        ...

    async def allow(self, node: str, affiliations: Mapping[str, Affiliation]) -> None:
        """Say who may do what with a node, by bare JID."""
        ...

    async def publish(self, node: str, *, name: str, event: dict[str, Any]) -> None:
        """Publish an event under a name; the same name again replaces."""
        ...


class Publish(SupervisedBehaviour):
    """Publishes what was committed and stamped since it started."""

    name: ClassVar[str] = "publish"

    def __init__(
        self,
        *,
        clock: Clock,
        engine: str,
        exchange: Session,
        peers: Peers,
        board: Board,
        feed: EventFeed,
        findings: FindingList,
        readers: Sequence[str] = (),
        engines: Sequence[str] = (),
    ) -> None:
        """Describe the publisher.

        Args:
            clock: tells when to look who may subscribe.
            engine: bare JID.
            exchange: says whether there is a session.
            peers: consoles may subscribe, other engines may publish.
            board: the service.
            feed: what happened.
            findings: what the correlation found.
            readers: bare JIDs that may subscribe besides.
            engines: bare JIDs of the fleet's engines, which publish, too, and say who may, whoever made the nodes.
        """
        super().__init__(clock=clock, agent_name=engine.split("@", maxsplit=1)[0])
        self._engine = engine
        self._exchange = exchange
        self._peers = peers
        self._board = board
        self._feed = feed
        self._findings = findings
        self._readers = tuple(readers)
        self._engines = tuple(engines)
        self._stir = asyncio.Event()
        self._position: Position | None = None
        self._found = 0
        self._session = 0
        self._allowed: dict[str, Affiliation] = {}
        self._allow_at = 0.0
        self._again = Backoff(first=1.0, most=60.0)
        self.problem = ""
        """Why the last event was not published, empty after a success."""

    def wake(self) -> None:
        """Say that something was committed or stamped."""
        self._stir.set()

    async def run(self) -> None:
        """Publish what is new, then wait for more."""
        self._stir.clear()
        if self._position is None:
            self._position = await self._feed.now()
            self._found = await self._findings.newest()
        if not self._exchange.online:
            await self.pause(0.5)
            return
        try:
            await self._prepare()
            published = await self._publish_scans() | await self._publish_stamps() | await self._publish_findings()
        except PublishError as error:
            await self._wait_after(error)
            return
        self.problem = ""
        self._again.reset()
        if published:
            await self.pause(PAUSE)
            return
        self._doing = "waiting"
        try:
            await asyncio.wait_for(self._stir.wait(), LOOK_EVERY)
        except TimeoutError:
            return

    async def _wait_after(self, error: PublishError) -> None:
        """Wait longer each time; a service that is missing or another's is said once."""
        self.counters["failed"] += 1
        if str(error) != self.problem:
            self.log.warning("events are not published", reason=str(error))
        self.problem = str(error)
        await self.pause(self._again.next())

    # Nodes ---------------------------------------------------------------------------

    async def _prepare(self) -> None:
        session = self._exchange.session
        if self._session != session:
            for node in NODES:
                await self._board.open(node)
            self._session, self._allowed, self._allow_at = session, {}, 0.0
        if self.clock.monotonic() >= self._allow_at:
            await self._allow()
            self._allow_at = self.clock.monotonic() + ALLOW_EVERY

    async def _allow(self) -> None:
        wanted: dict[str, Affiliation] = dict.fromkeys(self._readers, "member")
        wanted |= dict.fromkeys([peer.jid for peer in await self._peers.of_role(Role.CONSOLE)], "member")
        wanted |= dict.fromkeys([peer.jid for peer in await self._peers.of_role(Role.AGGREGATION)], "publisher")
        wanted |= dict.fromkeys(self._engines, "owner")
        wanted.pop(self._engine, None)
        # An agent that is away stays allowed; one that was revoked is not.
        for jid in self._allowed.keys() - wanted.keys():
            if await self._peers.of_jid(jid) is None:
                wanted[jid] = "none"
        changes = {jid: kind for jid, kind in wanted.items() if self._allowed.get(jid) != kind}
        if not changes:
            return
        try:
            for node in NODES:
                await self._board.allow(node, changes)
        except PublishError as error:
            # The nodes are another engine's, which lets us publish; if not, publishing will fail and say so.
            self.counters["affiliations refused"] += 1
            self.log.debug("affiliations not changed", reason=str(error))
            return
        self._allowed |= changes
        self._allowed = {jid: kind for jid, kind in self._allowed.items() if kind != "none"}

    # Events --------------------------------------------------------------------------

    async def _publish_scans(self) -> bool:
        position = await self._caught_up()
        found = await self._feed.scans(position, limit=TOGETHER)
        sealed = await self._feed.sealed([scan.uuid for scan in found])
        scans = fitting([_untold(scan) if scan.uuid in sealed else scan for scan in found])
        if not scans:
            return False
        event = {"event": "scan", "engine": self._engine, "items": scans}
        following = int(scans[-1]["log_index"]) + 1
        await self._board.publish("scan", name=f"{position.chain_id}.{following - 1}", event=event)
        self._position = replace(position, next_index=following)
        self.counters["scans published"] += len(scans)
        return True

    async def _caught_up(self) -> Position:
        """Return the position to go on with: the newest where too much lies between."""
        position, now = self._position, await self._feed.now()
        if position is None or position.chain_id != now.chain_id:
            position = now
        behind = now.next_index - position.next_index
        if behind > BEHIND:
            # Between the items are audit entries, which are nobody's events.
            behind = await self._feed.count(position, until=now.next_index)
        if behind > BEHIND:
            self.counters["skipped"] += behind
            self.log.warning("too slow for what is committed, events skipped", skipped=behind)
            position = replace(position, next_index=now.next_index)
        self._position = position
        return position

    async def _publish_stamps(self) -> bool:
        position = self._position
        if position is None:
            return False
        stamps = await self._feed.stamps(position, limit=1, uuids=UUIDS)
        for stamp in stamps:
            event = {"event": "tst", "engine": self._engine} | asdict(stamp)
            await self._board.publish("tst", name=str(stamp.token), event=event)
            self._position = replace(position, token=stamp.token)
            self.counters["stamps published"] += 1
        return bool(stamps)

    async def _publish_findings(self) -> bool:
        found = await self._findings.after(self._found, limit=1, engine=self._engine)
        for finding in found:
            sealed = await self._feed.sealed([witness.item for witness in finding.witnesses])
            told = _untold_finding(finding) if sealed else finding
            event = {"event": "finding", "engine": self._engine, **finding_fields(told)}
            await self._board.publish("finding", name=str(finding.id), event=event)
            self._found = finding.id
            self.counters["findings published"] += 1
        return bool(found)


_SCAN: Final = tuple(one.name for one in fields(ScanEvent))


def _shown(value: Any) -> Any:
    return value[:SHOWN] if isinstance(value, str) else value


def _untold(scan: ScanEvent) -> ScanEvent:
    """Return the event without what its item was sealed for: the server and all readers see events."""
    return replace(scan, type="", format="", target=None, verdict=None)


def _untold_finding(finding: RecordedFinding) -> RecordedFinding:
    return replace(finding, subject="", family="", text=UNTOLD, changes=(), more=0)


def fitting(scans: Sequence[ScanEvent]) -> list[dict[str, Any]]:
    """Return as many of the first items as fit into one event, at least one; long texts are cut. Pure."""
    chosen: list[dict[str, Any]] = []
    size = 0
    for scan in scans:
        shown = {name: _shown(getattr(scan, name)) for name in _SCAN}
        size += len(json.dumps(shown))
        if chosen and size > EVENT_BYTES:
            break
        chosen.append(shown)
    return chosen
