"""A large graph made row by row, for who only measures how one is read: to merge it would take most of an hour."""

from __future__ import annotations

import time
from typing import Final

from figures import say
from graph_shapes import NEW, NOW, origin, related, relation, vertex
from sqlalchemy import Connection

from registry.database import Database
from registry.graph_drafts import draft
from registry.graph_nodes import NodeWriter, gather, write_mentions
from registry.graph_origins import admit
from registry.graph_session import Session
from vedette.extraction.subgraph import Subgraph
from vedette.graph.ontology import ontology
from vedette.graph.port import Said

TOGETHER: Final = 10_000
"""Vertices of one transaction."""

_CACHE: Final = 1024 * 1024
"""KiB of pages that SQLite keeps."""

_EDGE: Final = (
    "INSERT INTO graph_edge (out_node, relation, in_node, count, first_seen, last_seen, confidence)"
    " VALUES (?, ?, ?, 1, ?, ?, 1.0) ON CONFLICT (out_node, relation, in_node)"
    " DO UPDATE SET count = graph_edge.count + 1, last_seen = excluded.last_seen"
)
_MERGE: Final = (
    "UPDATE graph_node SET merged_into = id - 1 WHERE id BETWEEN ? AND ? AND type = ? AND id - id / 5 * 5 = 0"
)


def make(database: Database, *, vertices: int) -> None:
    """Fill an empty graph like `graph_shapes.items` does, five edges a vertex; one in a thousand is merged."""
    nodes: list[int] = []
    start = time.monotonic()
    for first in range(0, vertices, TOGETHER):
        last = min(first + TOGETHER, vertices)
        database.write_sync(lambda connection, span=range(first, last, NEW): _add(connection, span, nodes))
        say(f"{last} vertices after {time.monotonic() - start:.0f} s")


def _add(connection: Connection, span: range, nodes: list[int]) -> None:
    session = Session(connection, ontology=ontology(), at=NOW)
    if not session.statements.is_postgresql:
        session.statements.run(f"PRAGMA cache_size = -{_CACHE}")
    drafts = [draft(_said(first), session.ontology) for first in span]
    mentions = [
        (origin_id, number, mention)
        for origin_id, made in admit(session, drafts).drafts
        for number, mention in enumerate(made.mentions)
    ]
    ids = NodeWriter(session).add(gather((NOW + span.start, mention) for _, _, mention in mentions))
    write_mentions(session, mentions, ids)
    nodes += [ids[mention.node.uid] for _, _, mention in mentions]
    session.statements.many(
        _EDGE,
        [
            (nodes[out], session.relation(relation(out, into)), nodes[into], NOW + first, NOW + first)
            for first in span
            for out, into in related(first)[1]
        ],
    )
    session.statements.run(_MERGE, (min(ids.values()), max(ids.values()), "Malware"))


def _said(first: int) -> Said:
    vertices = {made.id: made for made in map(vertex, range(first, first + NEW))}
    return Said(origin=origin(f"item-{first}", at=NOW + first), subgraph=Subgraph(vertices=vertices, edges=()))
