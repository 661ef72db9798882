"""Writing the knowledge graph: merging what documents say, taking it back, and people's decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from registry.database import Database
from registry.database_errors import ConcurrentWriteError
from registry.graph_aligning import align
from registry.graph_annotations import forget_texts
from registry.graph_clusters import regroup
from registry.graph_drafts import Draft, draft
from registry.graph_merging import merge
from registry.graph_origins import withdraw_origins
from registry.graph_session import Session
from registry.graph_verdicts import PERSON
from registry.graph_withdrawing import take_out
from vedette.clock import Clock
from vedette.graph.canonical import short
from vedette.graph.decisions import Pair, pair
from vedette.graph.identity import parse_vertex_id
from vedette.graph.ontology import Ontology
from vedette.graph.ontology import ontology as ontology_of_this_release
from vedette.graph.port import GraphWriting, Merged, Said, UnknownVertexError
from vedette.messages.limits import MAX_TEXT
from vedette.storable import storable
from vedette.undisturbed import undisturbed

T = TypeVar("T")

ATTEMPTS: Final = 3
"""How often a transaction is tried that another one got in the way of."""

TOGETHER: Final = 500
"""Origins that are withdrawn in one transaction: others write in between."""

_LIVE: Final = "SELECT id, item FROM graph_origin WHERE withdrawn_at IS NULL AND {} = ? ORDER BY id LIMIT ?"
_DECISION: Final = "SELECT id, first_node, second_node, rule, state FROM graph_decision WHERE id = ?"
_INSERT: Final = (
    "INSERT INTO graph_decision (id, first_node, second_node, rule, state, score, who, why, at)"
    " VALUES (?, ?, ?, 'person', ?, 1.0, ?, ?, ?)"
)
_WITHDRAW: Final = (
    "UPDATE graph_decision SET state = 'withdrawn', withdrawn_at = ?, withdrawn_by = ?, withdrawn_why = ?"
    " WHERE state <> 'withdrawn' AND "
)


class GraphWriter(GraphWriting):
    """Writes one graph; several in several processes may do so at a time, and wait for each other."""

    def __init__(self, *, database: Database, clock: Clock, ontology: Ontology | None = None) -> None:
        """Describe it.

        Args:
            database: of the graph (`registry.graph.graph_database`), open.
            clock: gives the times at which the graph learns of things.
            ontology: the rules; this release's.
        """
        self._database = database
        self._clock = clock
        self._ontology = ontology or ontology_of_this_release()

    async def merge(self, said: Sequence[Said]) -> Merged:
        """Merge subgraphs, all of them or none; merging the same again changes nothing.

        Raises:
            StoreError: the graph cannot be written.
            ExtractionError: an edge leads to a vertex that is not in its subgraph.
        """
        drafts = await asyncio.to_thread(self._drafts, said)
        return await self._write(lambda session: _merge(session, drafts))

    def _drafts(self, said: Sequence[Said]) -> list[Draft]:
        with undisturbed(kept=True):
            return [draft(one, self._ontology) for one in said]

    async def withdraw(self, *, item: str | None = None, source: str | None = None, who: str, why: str) -> int:
        """Take back what only an item, or only the items of a routing key, said; returns how many origins.

        A source's items are taken back some hundreds at a time, while others write; done again after an
        interruption, it goes on.

        Raises:
            ValueError: neither or both are given.
            StoreError: the graph cannot be written.
        """
        if (item is None) == (source is None):
            raise ValueError("give either an item or a source")
        column, value = ("item", item) if item is not None else ("source", source)
        query = _LIVE.replace("{}", column)

        def take_back(session: Session) -> int:
            rows = session.statements.rows(query, (short(storable(str(value))), TOGETHER))
            origins = [row.id for row in rows]
            withdraw_origins(session, origins, who=who, why=why)
            take_out(session, origins)
            forget_texts(session, {row.item for row in rows})
            align(session)
            return len(origins)

        total = 0
        while withdrawn := await self._write(take_back):
            total += withdrawn
        return total

    async def forget_texts(self, items: Collection[str]) -> None:
        """Delete what was kept of the texts of items, and what people corrected in them; what they say stays.

        Raises:
            StoreError: the graph cannot be written.
        """
        await self._write(lambda session: forget_texts(session, items))

    async def decide(self, first: str, second: str, *, same: bool, who: str, why: str) -> int:
        """Say that two vertices are, or are not, the same thing; returns the id of the decision.

        Raises:
            UnknownVertexError: there is no such vertex, or it is twice the same.
            StoreError: the graph cannot be written.
        """

        def decide(session: Session) -> int:
            nodes = pair(_node(session, first), _node(session, second))
            if nodes[0] == nodes[1]:
                raise UnknownVertexError(f"{first} and {second} are one name; give two")
            # A person's last word counts.
            end = (session.at, *_told(who, "decided anew"))
            of_person = f"{_WITHDRAW}rule = '{PERSON}' AND first_node = ? AND second_node = ?"
            session.statements.run(of_person, (*end, *nodes))
            id = session.number("graph_decision")
            session.statements.run(
                _INSERT, (id, *nodes, "same" if same else "different", *_told(who, why), session.at)
            )
            _decided(session, nodes)
            return id

        return await self._write(decide)

    async def undo(self, decision: int, *, who: str, why: str) -> None:
        """Withdraw a decision, a person's or one of the rules; vertices are again what they would be without it.

        Raises:
            UnknownVertexError: there is no such decision.
            StoreError: the graph cannot be written.
        """

        def undo(session: Session) -> None:
            row = next(iter(session.statements.rows(_DECISION, (decision,))), None)
            if row is None:
                raise UnknownVertexError(f"there is no decision {decision}; look for it with: vedette graph explain")
            session.statements.run(f"{_WITHDRAW}id = ?", (session.at, *_told(who, why), decision))
            _decided(session, (row.first_node, row.second_node))

        await self._write(undo)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def in_session(connection: Connection) -> T:
            return work(Session(connection, ontology=self._ontology, at=self._clock.now()))

        for _ in range(ATTEMPTS - 1):
            try:
                return await self._database.write(in_session)
            except ConcurrentWriteError:
                # Somebody who does not take the graph's lock, such as a migration or a dump.
                continue
        return await self._database.write(in_session)


def _merge(session: Session, drafts: Sequence[Draft]) -> Merged:
    with undisturbed(kept=True):
        return merge(session, drafts)


def _decided(session: Session, nodes: Pair) -> None:
    """Judge a pair anew, and make its vertices."""
    session.touched.update(nodes)
    align(session)
    regroup(session, nodes)


def _node(session: Session, vertex: str) -> int:
    uid = parse_vertex_id(vertex)
    query = "SELECT id FROM graph_node WHERE mentions > 0 AND uid = ?"
    row: Any = next(iter(session.statements.rows(query, (uid,))), None) if uid is not None else None
    if row is None:
        raise UnknownVertexError(f"there is no vertex {vertex[:200]!r}; look for it with: vedette graph search")
    return int(row.id)


def _told(who: str, why: str) -> tuple[str, str]:
    return storable(who, limit=MAX_TEXT), storable(why, limit=MAX_TEXT)
