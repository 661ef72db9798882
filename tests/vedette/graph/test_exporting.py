"""Parts of the graph as files."""

from __future__ import annotations

import orjson
from defusedxml.ElementTree import fromstring

from vedette.graph.exporting import NAMESPACE, graphml, stucco_json
from vedette.graph.port import EdgeView, Picture, VertexView

HOSTILE = '</node><script>alert("&")</script>\x00\x1b\ufffe'


def a_vertex(id: str, **properties: str | int | float | tuple[str, ...]) -> VertexView:
    return VertexView(
        id=id,
        type="IP",
        observable_type="Address",
        name=f"{id} {HOSTILE}",
        properties=properties,
        first_seen=1,
        last_seen=2,
        mentions=3,
    )


PICTURE = Picture(
    vertices=(a_vertex("a", alias=("x", HOSTILE), score=0.5), a_vertex("b", **{"x y": "z"})),
    edges=(EdgeView(out_id="a", in_id="b", relation="R", count=2, first_seen=1, last_seen=2, confidence=0.5),),
)


def test_graphml_declares_what_it_uses_and_survives_hostile_names() -> None:
    root = fromstring(graphml(PICTURE))
    place = f"{{{NAMESPACE}}}"
    declared = {key.get("id"): key.get("attr.name") for key in root.iter(f"{place}key")}
    used = {data.get("key") for data in root.iter(f"{place}data")}
    assert used <= set(declared)
    nodes = list(root.iter(f"{place}node"))
    assert [node.get("id") for node in nodes] == ["a", "b"]
    values = {declared[data.get("key")]: data.text for data in nodes[0]}
    assert values["name"] == 'a </node><script>alert("&")</script>\ufffd\ufffd\ufffd'
    assert orjson.loads(values["alias"] or "")[0] == "x"
    assert values["score"] == "0.5"
    (edge,) = root.iter(f"{place}edge")
    assert (edge.get("source"), edge.get("target")) == ("a", "b")
    assert {declared[data.get("key")]: data.text for data in edge}["relation"] == "R"


def test_the_same_part_gives_the_same_bytes() -> None:
    assert graphml(PICTURE) == graphml(PICTURE)
    assert graphml(Picture(vertices=(), edges=())).endswith(b"</graphml>")


def test_stucco_json_is_stuccos_form() -> None:
    found = orjson.loads(stucco_json(PICTURE))
    assert found["edges"] == [{"outVertID": "a", "inVertID": "b", "relation": "R"}]
    assert found["vertices"]["a"]["alias"][0] == "x"
    assert found["vertices"]["a"]["vertexType"] == "IP"
