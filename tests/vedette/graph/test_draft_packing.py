"""A draft that goes to another process is the same there; what is none is refused, and ids are made there."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.registry.graphs import AT, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.packing import PackingError
from vedette.extraction.subgraph import WHOLE, Edge, Position, Problem, Subgraph, Value, Vertex
from vedette.graph.draft_packing import pack_draft, unpack_draft
from vedette.graph.drafted import Drafted, DraftMention, drafted, observed
from vedette.graph.identity import vertex_uid
from vedette.graph.ontology import ontology

TEXT = some.text(max_size=12)
VALUES: some.SearchStrategy[Value] = some.one_of(
    TEXT,
    some.integers(min_value=-(2**130), max_value=2**130),
    some.floats(),
    some.lists(TEXT, min_size=1, max_size=3).map(tuple),
)
PLACES = some.one_of(some.just(WHOLE), some.builds(Position, TEXT))
TYPES = some.sampled_from(["IP", "Malware", "Vulnerability", "AddressRange", "Nobody knows"])
NAMES = some.sampled_from(["name", "alias", "description", "note", "vertexType", "observableType"])


@some.composite
def subgraphs(draw: some.DrawFn) -> Subgraph:
    """Whatever documents state, and what no document does."""
    ids = draw(some.lists(TEXT, min_size=1, max_size=4, unique=True))
    made = {}
    for id in ids:
        said = draw(some.dictionaries(NAMES, VALUES, max_size=4))
        own = {"vertexType": draw(TYPES), "name": draw(TEXT), "observableType": draw(some.sampled_from(["", "Port"]))}
        made[id] = Vertex(id=id, properties={**said, **own}, position=draw(PLACES))
    ends = some.sampled_from(ids)
    certain = some.dictionaries(some.sampled_from(["certainty", "time"]), VALUES, max_size=2)
    edges = some.builds(Edge, out_id=ends, in_id=ends, relation=TEXT, position=PLACES, properties=certain)
    problems = some.builds(Problem, position=some.just(Position("row 3", 1, 2)), reason=some.just("is no row"))
    return Subgraph(
        vertices=made,
        edges=tuple(draw(some.lists(edges, max_size=4))),
        problems=tuple(draw(some.lists(problems, max_size=2))),
        skipped=draw(some.integers(0, 9)),
    )


def shown(draft: Drafted) -> tuple[Any, ...]:
    mentions = [
        (
            node.uid,
            node.kind.key,
            node.canonical,
            said,
            folded.json,
            folded.name,
            folded.words,
            folded.state,
            at,
        )
        for node, said, folded, at in draft.vertices
    ]
    return mentions, list(draft.edges), draft.observed, draft.problems, draft.skipped


@given(subgraphs(), some.integers(), some.floats())
def test_it_is_the_same_afterwards(subgraph: Subgraph, at: int, sure: float) -> None:
    made = drafted(subgraph, ontology(), observed(at, sure))

    assert shown(unpack_draft(pack_draft(made), ontology())) == shown(made)


def test_an_id_is_made_of_the_name_where_it_is_unpacked() -> None:
    made = drafted(Subgraph(vertices={"1": vertex("IP", "10.0.0.1")}), ontology(), observed(AT))
    lying = DraftMention(made.vertices[0].node._replace(uid=bytes(16)), *made.vertices[0][1:])
    packed = pack_draft(Drafted(vertices=[lying], edges=[], observed=made.observed))

    (found,) = unpack_draft(packed, ontology()).vertices
    assert found.node.uid == vertex_uid("IP", found.node.kind.observable_type, "10.0.0.1")


def test_an_edge_that_ends_nowhere_is_no_draft() -> None:
    subgraph = Subgraph(vertices={}, edges=(Edge(out_id="1", in_id="2", relation="x"),))

    with pytest.raises(ExtractionError, match="not both in the subgraph"):
        drafted(subgraph, ontology(), observed(AT))


MENTION = [0, "10.0.0.1", "{}", '{"name":["a"]}', "a", "a", ""]
EDGE = [0, "Observable", 0, "", "", None]
GOOD: dict[str, Any] = {
    "kinds": [["IP", "Address"]],
    "mentions": [MENTION],
    "edges": [EDGE],
    "problems": [],
    "skipped": 0,
    "observed": [AT, 1.0],
}


def test_what_is_refused_below_is_refused_for_its_reason_alone() -> None:
    assert unpack_draft(orjson.dumps(GOOD), ontology()).edges[0].relation == "Observable"


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[]",
        b"{}",
        orjson.dumps(GOOD | {"mentions": 3}),
        orjson.dumps(GOOD | {"mentions": [MENTION[:-1]]}),
        orjson.dumps(GOOD | {"mentions": [[1, *MENTION[1:]]]}),
        orjson.dumps(GOOD | {"mentions": [[-1, *MENTION[1:]]]}),
        orjson.dumps(GOOD | {"mentions": [[True, *MENTION[1:]]]}),
        orjson.dumps(GOOD | {"mentions": [[*MENTION[:3], {"name": ["a"]}, *MENTION[4:]]]}),
        orjson.dumps(GOOD | {"mentions": [[*MENTION[:1], None, *MENTION[2:]]]}),
        orjson.dumps(GOOD | {"edges": [[0, "x", 1, "", "", None]]}),
        orjson.dumps(GOOD | {"edges": [[-1, "x", 0, "", "", None]]}),
        orjson.dumps(GOOD | {"edges": [[0, "x", 0, "", "", "sure"]]}),
        orjson.dumps(GOOD | {"edges": [[0, ["x"], 0, "", "", None]]}),
        orjson.dumps(GOOD | {"kinds": [["IP"]]}),
        orjson.dumps(GOOD | {"observed": [AT]}),
        orjson.dumps(GOOD | {"skipped": "many"}),
    ],
)
def test_what_is_no_draft_is_refused(told: bytes) -> None:
    with pytest.raises(PackingError):
        unpack_draft(told, ontology())
