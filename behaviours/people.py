"""Answering people at an XMPP client: what the agent is, what it can do, and its commands.

Only the allow-list is answered. All others learn that they may not ask, whatever they ask and of whatever agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from xml.etree.ElementTree import Element

from behaviours.peers import Peers
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.errors import StoreError
from vedette.people.adhoc import COMMANDS, QueryError, read_call
from vedette.people.conversations import Command, Conversations
from vedette.people.discovery import (
    INFO,
    ITEMS,
    VERSION,
    Named,
    Nature,
    info_element,
    items_element,
    version_element,
)
from vedette.people.forms import DATA
from vedette.people.pace import Pace
from vedette.people.person import Person

QUERIES: Final = frozenset(
    {
        ("get", f"{{{INFO}}}query"),
        ("get", f"{{{ITEMS}}}query"),
        ("get", f"{{{VERSION}}}query"),
        ("set", f"{{{COMMANDS}}}command"),
    }
)
"""What people may ask of an agent: kind and element of the iq."""

WAITING: Final = 64
"""Queries that wait; more are refused and counted."""

AT_ONCE: Final = 8
"""Queries that are worked on at once: one that looks names up must not hold up the others."""

BURST: Final = 40
"""Queries of one person at once: a client asks a dozen when it first looks at an agent."""

EACH_SECOND: Final = 5.0
"""Queries of one person a second, for ever."""

STRANGERS: Final = 5.0
"""Strangers a second that the registry is asked about; above that they get no answer at all."""

FOUND: Final = 256
"""People that were found and whom no flood of strangers may keep out."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """An iq that arrived, with the way to answer it."""

    sender: str
    """Full JID of who asks; empty: our own server, for our own account."""
    kind: str
    """`get` or `set`."""
    payload: Element
    """What is asked."""
    answer: Callable[[Element], None]
    """Sends the result."""
    refuse: Callable[[Element], None]
    """Sends the error."""

    @property
    def bare(self) -> str:
        """Who asks, without the connection."""
        return self.sender.partition("/")[0]


class ServePeople(SupervisedBehaviour):
    """Answers discovery, version and commands, for people only."""

    name: ClassVar[str] = "serve people"

    def __init__(
        self,
        *,
        clock: Clock,
        jid: str,
        nature: Nature,
        peers: Peers,
        commands: Iterable[Command],
        fleet: Callable[[], Awaitable[Sequence[Named]]] | None = None,
    ) -> None:
        """Describe it; `fleet` tells who is found below this agent in discovery."""
        super().__init__(clock=clock, agent_name=jid.partition("@")[0])
        self._jid = jid
        self._nature = nature
        self._peers = peers
        self._fleet = fleet
        self._conversations = Conversations(commands, clock=clock)
        self._queries: asyncio.Queue[Query] = asyncio.Queue(WAITING)
        self._working: set[asyncio.Task[None]] = set()
        self._pace = Pace(clock=clock, burst=BURST, each_second=EACH_SECOND)
        self._strangers = Pace(clock=clock, burst=BURST, each_second=STRANGERS)
        self._found: dict[str, None] = {}

    def ask(self, query: Query) -> None:
        """Put a query before the behaviour; refused and counted when too many wait."""
        try:
            self._queries.put_nowait(query)
        except asyncio.QueueFull:
            self.counters["dropped"] += 1
            query.refuse(QueryError("resource-constraint").element())

    async def run(self) -> None:
        """Begin to answer one query."""
        if len(self._working) >= AT_ONCE:
            await asyncio.wait(self._working, return_when=asyncio.FIRST_COMPLETED)
        query = await self._queries.get()
        task = asyncio.create_task(self._serve(query), name="query of a person")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def ended(self) -> None:
        """Wait until the task has ended after `kill`, and what it was working on."""
        await super().ended()
        while working := list(self._working):
            for task in working:
                task.cancel()
            await asyncio.wait(working, timeout=0.5)

    async def _serve(self, query: Query) -> None:
        try:
            answer = await self._answer(query)
        except QueryError as error:
            self.counters["refused"] += 1
            query.refuse(error.element())
        except Exception as error:
            self.counters["failed"] += 1
            self.log.error("cannot answer a person", person=query.bare, exc_info=error)
            reason = "the store failed" if isinstance(error, StoreError) else "this went wrong"
            query.refuse(QueryError("internal-server-error", f"{reason}; the agent's log says more").element())
        else:
            if answer is not None:
                self.counters["answered"] += 1
                query.answer(answer)

    async def _answer(self, query: Query) -> Element | None:
        """Return the answer; None: there is none at all.

        Raises:
            QueryError: it is refused.
        """
        if self._is_ours(query) and query.payload.tag == f"{{{INFO}}}query":
            # Our own server, or our own connection, which gets our presence too (RFC 6121 section 4.4.2), asks what
            # the capabilities in it stand for (XEP-0115 section 5.4).
            return self._info(query.payload.get("node", ""), person=None)
        person = await self._person(query.bare)
        if person is None:
            return None
        if not self._pace.allows(person.jid):
            self.counters["too fast"] += 1
            raise QueryError("resource-constraint", "too many questions; wait some seconds")
        if query.payload.tag == f"{{{COMMANDS}}}command":
            call = read_call(query.payload)
            return await self._conversations.call(call, person=person, owner=query.sender)
        if query.payload.tag == f"{{{VERSION}}}query":
            return version_element()
        node = query.payload.get("node", "")
        if query.payload.tag == f"{{{INFO}}}query":
            return self._info(node, person=person)
        return await self._items(node, person)

    def _is_ours(self, query: Query) -> bool:
        return query.bare in ("", self._jid, self._jid.partition("@")[2])

    async def _person(self, jid: str) -> Person | None:
        """Return who asks; None: no answer.

        Raises:
            QueryError: a stranger.
        """
        if jid not in self._found and not self._strangers.allows("all of them"):
            self.counters["dropped"] += 1
            return None
        known = await self._peers.who(jid)
        if known is None or known.person is None:
            self._found.pop(jid, None)
            self.warn_once("a stranger asked", jid, peer=jid[:128])
            raise QueryError("forbidden")
        self._found[jid] = None
        while len(self._found) > FOUND:
            del self._found[next(iter(self._found))]
        return known.person

    def _info(self, node: str, *, person: Person | None) -> Element:
        if self._nature.is_node(node):
            return self._nature.info(node)
        if person is not None and node == COMMANDS:
            return info_element(node, ("automation", "command-list", "Commands"), (INFO, ITEMS, COMMANDS))
        for command in [] if person is None else self._conversations.offered(person):
            if command.node == node:
                return info_element(node, ("automation", "command-node", command.title), (INFO, COMMANDS, DATA))
        raise QueryError("item-not-found")

    async def _items(self, node: str, person: Person) -> Element:
        if node == COMMANDS:
            offered = self._conversations.offered(person)
            return items_element(
                node, [Named(jid=self._jid, name=command.title, node=command.node) for command in offered]
            )
        if not self._nature.is_node(node):
            raise QueryError("item-not-found")
        return items_element(node, () if self._fleet is None else await self._fleet())
