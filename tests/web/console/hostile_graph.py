"""A graph in which every text that documents choose is an attack on the page that shows it."""

from __future__ import annotations

from functools import partial

from registry.database import Database
from registry.graph_corrections import insert_line, undo_line
from registry.graph_reading import GraphRead
from registry.graph_writing import GraphWriter
from tests.prose_documents import hostile_document, keep_reading
from tests.web.api.v1.conftest import uuid_of
from tests.web.console.page_list import Addresses
from vedette.clock import SystemClock
from vedette.extraction.prose.corrections.kinds import AddEntity, Place, RejectEntity
from vedette.extraction.subgraph import Edge, Position, Subgraph, Vertex
from vedette.graph.port import MAX_PAGE, Origin, Said, VertexFilter, VertexView
from web.console.annotation_addresses import sentence_address, text_address
from web.console.graph_addresses import edge_address, picture_address, said_address, vertex_address

LONGEST = 2_000


async def poison_graph(database: Database, texts: list[str]) -> Addresses:
    """Merge documents that say each text wherever they may; returns addresses of the pages that show them."""
    writer, graph = GraphWriter(database=database, clock=SystemClock()), GraphRead(database=database)
    await writer.merge([_said(number, text) for number, text in enumerate(texts)])
    found = await graph.find(VertexFilter(type="Malware"), limit=MAX_PAGE)
    hub = next(vertex for vertex in found.vertices if vertex.name == "in the middle")
    around = await graph.neighbourhood([hub.id], depth=2)
    shown = [vertex for vertex in around.vertices if vertex.id != hub.id]
    reviewed = await graph.reviews(limit=2)
    if len(reviewed) == 2:
        decision = reviewed[0]
        await writer.decide(decision.first, decision.second, same=True, who=texts[1], why=texts[0])
    return {
        "/graph/vertex/{vertex}": [vertex_address(one.id) for one in (hub, *_some(shown))],
        "/graph/vertex/{vertex}/mentions": [f"{vertex_address(one.id)}/mentions" for one in shown[2:3]],
        "/graph/edge": [edge_address(edge.out_id, edge.in_id, edge.relation) for edge in around.edges[::11]],
        "/graph/picture": [f"{picture_address(hub.id)}&depth=2&fan_out=17"],
        **await _poison_texts(database, texts),
        "/items/{uuid}/said": [said_address(uuid_of(3), f"{texts[number][:100]} [2-4]") for number in (0, 13)],
    }


async def _poison_texts(database: Database, texts: list[str]) -> Addresses:
    """Let items be read as prose whose every text is hostile, and corrected by people of such names."""
    numbers = range(0, len(texts), 3)
    for number in numbers:
        document = hostile_document(texts[number])
        await keep_reading(database, document, item=uuid_of(number), source=texts[number])
        place = Place(start=0, end=1, text=document.text[:1])
        line = partial(insert_line, item=uuid_of(number), why=texts[number], by=texts[number], at=1)
        made = await database.write(partial(line, correction=AddEntity(at=place, label="TOOL")))
        await database.write(partial(undo_line, id=made.id, why=texts[number], by=texts[number], at=2))
        await database.write(partial(line, correction=RejectEntity(at=place)))
    return {
        "/items/{uuid}/text": [text_address(uuid_of(number)) for number in numbers],
        "/items/{uuid}/text/sentence": [sentence_address(uuid_of(number), 1) for number in numbers],
    }


def _some(vertices: list[VertexView]) -> list[VertexView]:
    return vertices[::6]


def _said(number: int, text: str) -> Said:
    text = text[:LONGEST]
    position = Position(text[:150], 0, 4)
    vertices = {
        "hub": Vertex(
            id="hub", properties={"vertexType": "Malware", "name": "in the middle", "description": (text,)}
        ),
        "one": Vertex(
            id="one",
            properties={
                "vertexType": ("Malware", text)[number % 2],
                "observableType": text,
                "name": f"{text}{number}" if number % 3 else text,
                "description": (text, "more"),
                "alias": (f"shared {number // 3}",),
                text[:100]: text,
            },
            position=position,
        ),
    }
    edge = Edge(out_id="one", in_id="hub", relation=text[:150] or "none", position=position, properties={"x": text})
    origin = Origin(
        item=uuid_of(number % 30),
        sha256="0" * 64,
        source=text,
        agent=text,
        extractor=text,
        version=text,
        observed_at=1_795_305_600_000_000 + number,
        confidence=0.5,
    )
    return Said(origin=origin, subgraph=Subgraph(vertices=vertices, edges=(edge,)))
