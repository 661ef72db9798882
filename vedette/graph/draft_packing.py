"""The form in which a subgraph that is ready to be merged goes from the process that extracts to the one that merges.

JSON, as `vedette.extraction.packing` has it of others. What a name's id is, is not taken from there: a process that
hostile documents are read in may say what it likes of a thing, but not that it is another thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from vedette.extraction.packing import PackingError
from vedette.extraction.subgraph import Position, Problem
from vedette.graph.drafted import Drafted, DraftEdge, DraftMention, Node, Observed
from vedette.graph.folded import Folded
from vedette.graph.identity import vertex_uid
from vedette.graph.ontology import Ontology, ResolvedKind

_MENTION: Final = [int, str, str, str, str, str, str]
_EDGE: Final = ([int, str, int, str, str, type(None)], [int, str, int, str, str, float])


def pack_draft(draft: Drafted) -> bytes:
    """Return a draft as bytes."""
    kinds: dict[tuple[str, str], int] = {}
    places = {mention.node.uid: place for place, mention in enumerate(draft.vertices)}
    mentions = [
        (
            kinds.setdefault((kind.type, kind.observable_type), len(kinds)),
            canonical,
            said,
            folded.json,
            folded.name,
            folded.words,
            position,
        )
        for (_, kind, canonical), said, folded, position in draft.vertices
    ]
    return orjson.dumps(
        {
            "mentions": mentions,
            "kinds": list(kinds),
            "edges": [
                (places[out], relation, places[into], said, position, certainty)
                for out, relation, into, said, position, certainty in draft.edges
            ],
            "problems": [(problem.reason, *_place(problem.position)) for problem in draft.problems],
            "skipped": draft.skipped,
            "observed": tuple(draft.observed),
        }
    )


def unpack_draft(data: bytes, ontology: Ontology) -> Drafted:
    """Return the draft that `pack_draft` wrote.

    Raises:
        PackingError: it is none, or an edge ends nowhere.
    """
    try:
        told = orjson.loads(data)
        kinds = [ontology.resolve(str(type), str(observable_type)) for type, observable_type in told["kinds"]]
        mentions = [_mention(row, kinds) for row in told["mentions"]]
        uids = [mention.node.uid for mention in mentions]
        edges = [_edge(row, uids) for row in told["edges"]]
        problems = tuple(Problem(reason=reason, position=Position(*place)) for reason, *place in told["problems"])
        at, confidence = told["observed"]
        when, skipped = Observed(int(at), float(confidence)), int(told["skipped"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise PackingError(f"a draft cannot be read: {error}") from error
    return Drafted(vertices=mentions, edges=edges, observed=when, problems=problems, skipped=skipped)


def _mention(row: list[Any], kinds: Sequence[ResolvedKind]) -> DraftMention:
    if [type(cell) for cell in row] != _MENTION or row[0] < 0:
        raise PackingError("a mention is not as it should be")
    number, canonical, said, json, name, words, position = row
    kind = kinds[number]
    node = Node(vertex_uid(kind.type, kind.observable_type, canonical), kind, canonical)
    return DraftMention(node, said, Folded(json=json, name=name, words=words), position)


def _edge(row: list[Any], uids: Sequence[bytes]) -> DraftEdge:
    if [type(cell) for cell in row] not in _EDGE or min(row[0], row[2]) < 0:
        raise PackingError("an edge is not as it should be")
    out, relation, into, said, position, certainty = row
    return DraftEdge(uids[out], relation, uids[into], said, position, certainty)


def _place(position: Position) -> tuple[str, int | None, int | None]:
    return position.label, position.start, position.end
