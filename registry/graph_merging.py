"""Merging subgraphs into the graph, and taking them out again, within one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from registry.graph_aligning import align
from registry.graph_annotations import keep_annotations
from registry.graph_drafts import Draft
from registry.graph_edges import EdgeWriter
from registry.graph_nodes import NodeWriter, gather, write_mentions
from registry.graph_origins import admit
from registry.graph_ranges import contain
from registry.graph_session import Session
from registry.graph_withdrawing import take_out
from vedette.graph.drafted import DraftMention
from vedette.graph.port import Merged

TOGETHER: Final = 5_000
"""Mentions that are written together: popular nodes are then written once for many of them."""


def merge(session: Session, drafts: Sequence[Draft]) -> Merged:
    """Merge subgraphs."""
    admitted = admit(session, drafts)
    if not admitted.drafts:
        return Merged(unchanged=admitted.unchanged)
    first_new, mentions = session.next_number("graph_node"), 0
    ids: dict[bytes, int] = {}
    for part in _parts(admitted.drafts):
        ids |= NodeWriter(session).add(gather((observed_at, mention) for _, _, observed_at, mention in part))
        write_mentions(session, [(origin, number, mention) for origin, number, _, mention in part], ids)
        mentions += len(part)
    edges = _write_edges(session, admitted.drafts, ids, first_new=first_new)
    keep_annotations(session, admitted.drafts)
    # Last, so that what both versions say never goes.
    take_out(session, admitted.superseded)
    contain(session)
    return Merged(
        origins=len(admitted.drafts),
        unchanged=admitted.unchanged,
        mentions=mentions,
        vertices=session.appeared,
        edges=edges,
        reviews=align(session),
    )


def _parts(drafts: Sequence[tuple[int, Draft]]) -> Iterator[list[tuple[int, int, int, DraftMention]]]:
    """Yield mentions, a bounded number at a time, with their origin, number in it, and when it was observed."""
    part: list[tuple[int, int, int, DraftMention]] = []
    for origin, draft in drafts:
        for number, mention in enumerate(draft.mentions):
            part.append((origin, number, draft.origin.observed_at, mention))
            if len(part) == TOGETHER:
                yield part
                part = []
    if part:
        yield part


def _write_edges(
    session: Session, drafts: Sequence[tuple[int, Draft]], ids: dict[bytes, int], *, first_new: int
) -> int:
    writer, added = EdgeWriter(session, first_new=first_new), 0
    for origin, draft in drafts:
        edges = enumerate(draft.edges)
        while part := list(itertools.islice(edges, TOGETHER)):
            writer.add(origin, draft.origin, part, ids)
            if writer.waiting >= TOGETHER:
                added += writer.write()
    return added + writer.write()
