"""A subgraph that goes from one process to another is the same there; what is none is refused."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from vedette.extraction.packing import PackingError, pack, unpack
from vedette.extraction.subgraph import WHOLE, Edge, Position, Problem, Subgraph, Value, Vertex

TEXT = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: some.SearchStrategy[Value] = some.one_of(
    TEXT,
    some.integers(min_value=-(2**130), max_value=2**130),
    some.floats(allow_nan=False, allow_infinity=False),
    some.lists(TEXT, max_size=3).map(tuple),
)
PLACES = some.one_of(
    some.just(WHOLE),
    some.builds(Position, TEXT),
    some.builds(Position, TEXT, some.integers(0, 2**40), some.integers(0, 2**40)),
)
PROPERTIES = some.dictionaries(TEXT, VALUES, max_size=3)


@some.composite
def subgraphs(draw: some.DrawFn) -> Subgraph:
    ids = draw(some.lists(TEXT, min_size=1, max_size=4, unique=True))
    ends = some.sampled_from(ids)
    edges = some.builds(Edge, out_id=ends, in_id=ends, relation=TEXT, position=PLACES, properties=PROPERTIES)
    return Subgraph(
        vertices={id: Vertex(id=id, properties=draw(PROPERTIES), position=draw(PLACES)) for id in ids},
        edges=tuple(draw(some.lists(edges, max_size=4))),
        problems=tuple(draw(some.lists(some.builds(Problem, position=PLACES, reason=TEXT), max_size=2))),
        skipped=draw(some.integers(0, 9)),
    )


@given(subgraphs())
def test_it_is_the_same_afterwards(subgraph: Subgraph) -> None:
    assert unpack(pack(subgraph)) == subgraph


def test_the_integer_of_an_ipv6_address_keeps_its_value() -> None:
    large = Vertex(id="1", properties={"vertexType": "IP", "name": "::1", "ipInt": 2**128 - 1})
    assert unpack(pack(Subgraph(vertices={"1": large}))).vertices["1"].properties["ipInt"] == 2**128 - 1


GOOD = {"vertices": [["1", {}, "", None, None]], "edges": [], "problems": [], "skipped": 0}


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[]",
        b"{}",
        orjson.dumps(GOOD | {"vertices": [["1"]]}),
        orjson.dumps(GOOD | {"vertices": [["1", {"a": {"b": 1}}, "", None, None]]}),
        orjson.dumps(GOOD | {"vertices": [["1", {"a": None}, "", None, None]]}),
        orjson.dumps(GOOD | {"vertices": 3}),
        orjson.dumps(GOOD | {"edges": [["1", "2", "x", {}, "", None, None]]}),
        orjson.dumps(GOOD | {"skipped": "many"}),
    ],
)
def test_what_is_no_subgraph_is_refused(told: bytes) -> None:
    with pytest.raises(PackingError):
        unpack(told)
