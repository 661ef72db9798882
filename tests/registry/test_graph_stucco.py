"""Stucco's cases of its graph store: its graphs, loaded into ours, say what it expects of them.

What is not asserted here, and why:
- ids of vertices: ours are made of type and name, so that the same thing has the same id everywhere.
- AlignTest.testStixIDUpdate, PostgresqlDBConnectionTest.testIncidentThreatActor…: that the `sourceDocument` is
  rewritten to name the vertex that was found; with us what a document says stays as it is, and the edge leads there.
- AlignTest.testLoadNestedIndicatorsTest (inactive in Stucco): expects that of two indicators with ids of their own
  one is left, found by comparing XML texts; any similarity above 0 was one there.
- DBConnectionTest, InMemoryDBConnectionTest: their graphs are made by Java code, apart from the two edges below; what
  they assert of the store is asserted of ours with vertices of the same form.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.database import Database
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.vedette.extraction.stucco_cases import FOLDER, needs_cases
from vedette.clock import ManualClock
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.sources.stix import Stix
from vedette.extraction.sources.stucco import Stucco
from vedette.graph.port import Merged, Origin, Said, VertexFilter, VertexView

pytestmark = needs_cases()

AT = 1_795_305_600_000_000

Graph = dict[str, Any]


class Store:
    """One graph, by what Stucco's tests ask of theirs."""

    def __init__(self, database: Database) -> None:
        self.reading = GraphRead(database=database)
        self.writer = GraphWriter(database=database, clock=ManualClock())
        self._items = 0

    async def load(self, graph: Graph | str, *, extractor: type[Extractor] = Stucco) -> Merged:
        """Merge a graph, or what an extractor reads of a text."""
        content = graph if isinstance(graph, str) else json.dumps(graph)
        self._items += 1
        origin = Origin(
            item=f"00000000-0000-4000-8000-{self._items:012d}",
            sha256=f"{self._items:064d}",
            source=f"stucco.in.structured.{extractor.name}",
            agent="collector@localhost",
            extractor=extractor.name,
            version=extractor.version,
            observed_at=AT + self._items,
        )
        subgraph = extractor().extract(Document(content=content.encode()))
        return await self.writer.merge([Said(origin=origin, subgraph=subgraph)])

    async def named(self, name: str, **equals: str) -> VertexView:
        """Return the only vertex of a name."""
        found = await self.reading.find(VertexFilter(name=name, equals=equals))
        assert [one.name for one in found.vertices] == [name]
        return found.vertices[0]

    async def edges(self, vertex: VertexView) -> set[tuple[str, str, str]]:
        """Return the edges of a vertex by the names at their ends."""
        found = await self.reading.edges(vertex.id)
        names = {id: one.name for id, one in found.vertices.items()} | {vertex.id: vertex.name}
        return {(names[edge.out_id], edge.relation, names[edge.in_id]) for edge in found.edges}


@pytest.fixture
def store(graph_store: Database) -> Store:
    return Store(graph_store)


def case_of(suite: str, name: str) -> Graph:
    tests = json.loads((FOLDER / f"{suite}.json").read_text("utf-8"))
    found: Graph = next(test for test in tests if test["test"] == name)
    return found


def literals(suite: str, name: str) -> list[Graph]:
    return [one["graph"] for one in case_of(suite, name)["graph_literals"]]


def assert_kept(view: VertexView, given: Graph) -> None:
    """All that was said of a vertex is there."""
    expected = {key: set(value) if isinstance(value, list) else value for key, value in given.items()}
    actual = {key: set(value) if isinstance(value, list) else value for key, value in view.as_stucco().items()}
    assert {key: actual.get(key) for key in expected} == expected


async def test_a_graph_is_there_as_it_was_loaded(store: Store) -> None:
    for name in ("testLoadGraph", "testGetVertIDsByRelation"):
        [graph] = literals("PostgresqlDBConnectionTest", name)
        done = await store.load(graph)
        assert (done.vertices, done.edges) == (len(graph["vertices"]), len(graph["edges"]))
        for vertex in graph["vertices"].values():
            assert_kept(await store.named(vertex["name"]), vertex)
        indicator = await store.named(graph["edges"][0]["outVertID"])
        assert await store.edges(indicator) == {
            (one["outVertID"], one["relation"], one["inVertID"]) for one in graph["edges"]
        }


async def test_an_edge_enters_one_vertex_and_leaves_the_other(store: Store) -> None:
    [graph] = literals("PostgresqlDBConnectionTest", "testGetVertIDsByRelation")
    await store.load(graph)
    [relation] = [one for one in graph["edges"] if one["relation"] == "SuggestedCOA"]
    out, into = [await store.named(relation[end]) for end in ("outVertID", "inVertID")]
    for vertex, direction, count in ((out, "out", 1), (out, "in", 0), (into, "in", 1), (into, "out", 0)):
        found = await store.reading.edges(vertex.id, direction=direction, relation="SuggestedCOA")  # type: ignore[arg-type]
        assert len(found.edges) == count


async def test_an_address_is_contained_in_its_range_whichever_comes_first(store: Store) -> None:
    ranges, address = literals("PostgresqlDBConnectionTest", "testConstraintsTwo")
    await store.load(address)
    await store.load(ranges)
    for graph in (ranges, address):
        [vertex] = graph["vertices"].values()
        assert_kept(await store.named(vertex["name"]), vertex)
        found = await store.named(vertex["name"], source=vertex["source"][0])
        expected = {("216.98.188.1", "Contained_Within", "216.98.188.0 - 216.98.188.255")}
        assert await store.edges(found) == expected


async def test_an_address_and_its_range_of_one_document_are_related(store: Store) -> None:
    [graph] = literals("AlignTest", "testEdgeLoad")
    await store.load(graph)
    for vertex in graph["vertices"].values():
        assert_kept(await store.named(vertex["name"]), vertex)
    found = await store.reading.edges((await store.named("216.98.188.1")).id, relation="Contained_Within")
    assert len(found.edges) == 1


async def test_what_two_documents_say_of_a_port_is_said_of_one(store: Store) -> None:
    incident, address = literals("PostgresqlDBConnectionTest", "testIncidentThreatActorTTPObservableDuplicate")
    await store.load(incident)
    for vertex in incident["vertices"].values():
        assert_kept(await store.named(vertex["name"]), vertex)
    assert await store.edges(await store.named("stucco:Incident-19ef98a1-c297-4756-a99d-43b885ef0129")) == {
        ("stucco:Incident-19ef98a1-c297-4756-a99d-43b885ef0129", relation, name)
        for relation, name in (
            ("LeveragedTTP", "stucco:TTP-40d40e02-7055-43d3-8e7e-f566e4f53a3b"),
            ("RelatedObservable", "80"),
            ("RelatedThreatActor", "ThreatActor Name"),
        )
    }
    await store.load(address)
    port = await store.named("80")
    assert (port.type, port.observable_type, port.mentions) == ("Observable", "Port", 2)
    assert port.properties["description"] == ("80",)
    assert port.properties["source"] == ("Argus",)
    assert ("10.10.10.100:80", "Sub-Observable", "80") in await store.edges(port)


async def test_campaigns_with_an_alias_in_common_are_one(store: Store) -> None:
    original, duplicate = literals("PostgresqlDBConnectionTest", "testCampaingDuplicateByAlias")
    await store.load(original)
    await store.load(duplicate)
    counts = await store.reading.counts()
    assert (counts.vertices, counts.reviews) == (1, 0)
    campaign = await store.named("stucco:campaign-a2dec921-6a3f-49e4-b415-402b376fff5c")
    assert_kept(campaign, next(iter(original["vertices"].values())) | {"alias": ["Campaign One", "Campaign Two"]})


async def test_a_vulnerability_of_two_documents_is_one_with_all_descriptions(store: Store) -> None:
    test = case_of("AlignTest", "testDuplicateVulnerabilityByType")
    first, second = [part for part in test["subcases"] if part["input"]]
    await store.load(first["input"]["value"], extractor=Stix)
    await store.load(second["input"]["value"], extractor=Stix)
    [expected] = second["expected"]["vertices"]
    found = await store.named("CVE-2009-3699")
    assert found.type == expected["props"]["vertexType"]
    assert set(expected["props"]["description__contains"]) == set(map(str, found.properties["description"]))
    assert set(expected["props"]["source__contains"]) == set(map(str, found.properties["source"]))


async def test_a_reference_leads_to_the_address_that_was_there_before(store: Store) -> None:
    first, second = case_of("AlignTest", "testStixIDUpdate")["subcases"]
    await store.load(first["input"]["value"], extractor=Stix)
    await store.load(second["input"]["value"], extractor=Stix)
    address = await store.named("103.36.125.189")
    assert address.mentions == 2
    assert await store.edges(address) == {
        ("stucco:malware-2cbe5820-572c-493f-8008-7cb7bf344dc3", "UsesIP", "103.36.125.189")
    }


@pytest.mark.parametrize(
    ("suite", "test", "relation"),
    [
        ("DBConnectionTest", "testHighForwardDegreeVerts", "hasFlow"),
        ("InMemoryDBConnectionTest", "testHighReverseDegreeVerts", "hasIP"),
    ],
)
async def test_an_edge_that_is_loaded_again_is_one(store: Store, suite: str, test: str, relation: str) -> None:
    """Stucco keeps it twice, and asserts one because it asks before it adds."""
    first, second = literals(suite, test)
    graph = {
        "vertices": {"1": first, "2": second},
        "edges": [{"outVertID": "1", "inVertID": "2", "relation": relation}],
    }
    assert (await store.load(graph)).edges == 1
    assert (await store.load(graph)).edges == 0
    vertex = await store.named(first["name"])
    found = await store.reading.edges(vertex.id, relation=relation)
    assert [edge.count for edge in found.edges] == [2]


async def test_sets_are_united_and_single_values_are_the_latest(store: Store) -> None:
    """As InMemoryDBConnectionTest.testUpdate says."""
    name = "192.0.2.33 - 192.0.2.55"
    for sources, end in ((["aaaa"], 55), (["bbbb"], 44), (["eeee", "ffff"], 44), (["gggg", "hhhh", "aaaa"], 44)):
        properties = {"vertexType": "AddressRange", "name": name, "source": sources, "endIPInt": end}
        await store.load({"vertices": {"1": properties}})
    found = await store.named(name)
    assert set(map(str, found.properties["source"])) == {"aaaa", "bbbb", "eeee", "ffff", "gggg", "hhhh"}
    assert found.properties["endIPInt"] == 44
    assert (await store.reading.counts()).vertices == 1
