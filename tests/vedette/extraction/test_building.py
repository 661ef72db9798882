"""The draft of a subgraph, and Stucco's vocabulary on top of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction import drafting
from vedette.extraction.building import SUB_OBSERVABLE, Building, port_name
from vedette.extraction.interface import ExtractionError
from vedette.extraction.subgraph import MAX_NAME, MAX_TEXT, Position, Subgraph

ROW = Position("row 1", 0, 10)


def named(subgraph: Subgraph, name: str) -> dict[str, Any]:
    """Return the properties of the one vertex of a name."""
    (vertex,) = (one for one in subgraph.vertices.values() if one.name == name)
    return dict(vertex.properties)


# The draft -----------------------------------------------------------------------------


def test_the_same_thing_is_one_vertex_whose_sets_are_united() -> None:
    building = Building(source="Test")

    first = building.vertex("Malware", "worm", alias=["a", "b"], score=1, description="one", position=ROW)
    again = building.vertex("Malware", "worm", alias=["b", "c"], score=2, description="two", kind="new")

    assert first == again
    (vertex,) = building.done().vertices.values()
    assert vertex.properties == {
        **{"vertexType": "Malware", "name": "worm", "source": ("Test",), "alias": ("a", "b", "c"), "score": 1},
        **{"description": ("one", "two"), "kind": "new"},
    }
    assert vertex.position == ROW


def test_things_differ_by_type_kind_name_and_by_ids_of_the_document() -> None:
    building = Building()

    ids = {
        building.vertex("Malware", "x"),
        building.vertex("Exploit", "x"),
        building.vertex("Observable", "x", observable="File"),
        building.vertex("Malware", "X"),
        building.vertex("Malware", "x", id="stucco:own-1"),
        building.vertex("Malware", "x", id="stucco:own-2"),
    }

    assert len(ids) == 6


def test_a_thing_without_a_name_is_called_by_its_id() -> None:
    building = Building()

    own = building.vertex("Indicator", "", id="example:indicator-1")
    made = building.vertex("Exploit", "", description="overflow")

    subgraph = building.done()
    assert subgraph.vertices[own].name == own
    assert subgraph.vertices[made].name == made
    assert made == Building().vertex("Exploit", "", description="overflow")
    assert made != Building().vertex("Exploit", "", description="underflow")


def test_the_same_document_gives_the_same_bytes() -> None:
    def make() -> str:
        building = Building(source="Test")
        building.flow(("10.0.0.1", 1), ("10.0.0.2", 2), ROW)
        return json.dumps(building.done().as_stucco())

    assert make() == make()


def test_single_values_that_are_said_again_follow_their_rule() -> None:
    building = Building()
    flow = building.vertex("Observable", "f", observable="Network Flow", least=3, text="b")

    building.amend(flow, "least", least=2, text="a")
    building.amend(flow, "least", least=5)
    building.amend(flow, "sum", packets=3)
    building.amend(flow, "sum", packets=4)
    building.amend(flow, "greatest", size=9)
    building.amend(flow, "greatest", size=8)
    building.amend(flow, "last", state="OPEN")
    building.amend(flow, "last", state="CLOSED")
    building.amend(flow, "sum", state=1)
    building.amend("", "last", state="of nothing")

    said = named(building.done(), "f")
    assert {name: said[name] for name in ("least", "text", "packets", "size", "state")} == {
        **{"least": 2, "text": "a", "packets": 7, "size": 9, "state": "CLOSED"},
    }


def test_numbers_are_those_that_a_database_takes() -> None:
    building = Building()
    made = building.vertex("Malware", "m", large=2**64, small=-(2**63), huge=10**5000, size=2**63 - 1)

    building.amend(made, "sum", size=1)
    building.amend(made, "sum", size=1)
    building.amend(made, "last", small=float("nan"), zero=0)

    said = named(building.done(), "m")
    assert {name: said.get(name) for name in ("large", "small", "huge", "size", "zero")} == {
        **{"large": str(2**64), "small": -(2**63), "huge": None, "size": str(2**63), "zero": 0},
    }


def test_a_relation_is_stated_once_and_only_between_what_is_there() -> None:
    building = Building()
    first, second = building.domain("a.example"), building.domain("b.example")

    building.edge(first, second, "Sub-Observable", ROW, seen=1, status=["a"])
    building.edge(first, second, "Sub-Observable", seen=2, status=["b"])
    building.edge(first, "", "Sub-Observable")
    building.edge(first, "stucco:nowhere", "Sub-Observable", ROW)

    subgraph = building.done()
    (edge,) = subgraph.edges
    assert (edge.out_id, edge.in_id, edge.position, dict(edge.properties)) == (
        first,
        second,
        ROW,
        {"seen": 1, "status": ("a", "b")},
    )
    assert [problem.reason for problem in subgraph.problems] == [
        "Sub-Observable of something that is not there: stucco:nowhere"
    ]


def test_what_no_database_takes_is_replaced() -> None:
    building = Building()

    building.vertex("Malware", " a\0b\ud800 ", alias=["\0"], note="\0", number=float("nan"), infinite=float("inf"))

    (vertex,) = building.done().vertices.values()
    assert vertex.properties == {
        **{"vertexType": "Malware", "name": "a\ufffdb\ufffd", "alias": ("\ufffd",), "note": "\ufffd"},
    }
    assert json.dumps(vertex.as_stucco()).encode()


def test_hostile_words_are_texts_wherever_they_stand() -> None:
    building = Building()
    hostile = "a\0\ud800\n"

    first = building.add(
        hostile, hostile, {hostile: "1", "x" * 5000: "2"}, observable=hostile, position=Position(hostile)
    )
    second = building.add(hostile, "b", {}, id=hostile)
    building.edge(first, second, hostile, Position("l" * 500))
    building.edge(first, second, hostile)
    building.skip(Position(hostile), hostile)

    subgraph = building.done()
    assert len(subgraph.edges) == 1
    for vertex in subgraph.vertices.values():
        said = [vertex.id, vertex.position.label, *vertex.properties, *map(str, vertex.properties.values())]
        assert not any("\0" in text or "\ud800" in text for text in said)
        assert max(map(len, said)) <= MAX_NAME
    assert len(subgraph.edges[0].position.label) == 200
    assert "\0" not in subgraph.edges[0].relation + subgraph.problems[-1].position.label


def test_long_texts_are_cut_said_and_still_told_apart() -> None:
    building = Building()

    ids = {building.uri("http://example.org/" + "a" * 5000 + end) for end in "xy"}
    building.vertex("Malware", "m", description="d" * (MAX_TEXT + 1), note="n" * MAX_NAME)

    subgraph = building.done()
    names = [vertex.name for vertex in subgraph.vertices.values()]
    assert len(ids) == 2
    assert all(len(name) <= MAX_NAME for name in names)
    assert len(named(subgraph, "m")["description"][0]) <= MAX_TEXT
    assert len(named(subgraph, "m")["note"]) == MAX_NAME
    assert subgraph.skipped == len(subgraph.problems)
    assert "name of 5020 characters, cut" in subgraph.problems[0].reason


def test_problems_are_counted_beyond_those_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "MAX_PROBLEMS", 3)
    building = Building()

    for _ in range(5):
        building.skip(ROW, "a\nreason\0")

    subgraph = building.done()
    assert (len(subgraph.problems), subgraph.skipped) == (3, 5)
    assert subgraph.problems[0].reason == "a reason\ufffd"
    assert building.first_problem == "row 1: a reason\ufffd"


def test_sets_and_things_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "MAX_MEMBERS", 10)
    building = Building(limit=2)

    for number in range(5):
        building.vertex("Malware", "m", alias=[f"{number}-{other}" for other in range(4)])
    building.vertex("Malware", "n")

    assert len(named(building.done(), "m")["alias"]) == 10
    assert building.skipped
    with pytest.raises(ExtractionError, match="more than 2 things"):
        building.vertex("Malware", "o")
    building.vertex("Malware", "n")


# The vocabulary ------------------------------------------------------------------------


def test_names_and_descriptions_are_stuccos() -> None:
    building = Building(source="Test")

    made = [
        building.ip("10.1.2.3"),
        building.port(443),
        building.socket("10.1.2.3", 443),
        building.address_range("10.0.0.0/30"),
        building.dns_record("a.example", "10.1.2.3"),
        building.host_at("10.1.2.3"),
        building.product("sshd"),
        building.product("ftp", version="0.17-25", vendor="gnu"),
        building.http_session("/a"),
        building.autonomous_system("AS19864", description="AS O1COMM has ASN 19864"),
        building.vulnerability("CVE-2009-3699"),
    ]

    said = [building.done().vertices[id] for id in made]
    assert [(one.name, one.properties["description"]) for one in said] == [
        ("10.1.2.3", ("10.1.2.3",)),
        ("443", ("443",)),
        ("10.1.2.3:443", ("10.1.2.3, port 443",)),
        ("10.0.0.0 - 10.0.0.3", ("10.0.0.0 through 10.0.0.3",)),
        ("a.example_resolved_to_10.1.2.3", ("Requested domain name a.example resolved to IP address 10.1.2.3",)),
        ("host_at_10.1.2.3", ("host_at_10.1.2.3",)),
        ("cpe:::sshd::::", ("sshd",)),
        ("cpe::gnu:ftp:0.17-25:::", ("ftp version 0.17-25",)),
        ("/a", ("HTTP request of URL /a",)),
        ("19864", ("AS O1COMM has ASN 19864",)),
        ("CVE-2009-3699", ("CVE-2009-3699",)),
    ]
    words = ["ip", "port", "address", "addressRange", "dnsRecord", "hostname", "software", "software", "httpRequest"]
    assert [id.removeprefix("stucco:").partition("-")[0] for id in made] == [*words, "as", "vulnerability"]
    assert all(one.properties["source"] == ("Test",) for one in said)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2001:DB8:0::0001", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        (" 10.0.0.1\n", "10.0.0.1"),
    ],
)
def test_an_address_has_one_form(text: str, name: str) -> None:
    building = Building()

    building.ip(text)
    building.ip(name)

    (vertex,) = building.done().vertices.values()
    assert vertex.name in {name, "::ffff:a00:1"}
    assert not building.skipped


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "010.0.0.1", "10.0.0.256", "1", "::1::", "10.0.0.1/24", "a" * 10_000, "\0"]
)
def test_what_is_no_address_is_said_and_makes_nothing(text: str) -> None:
    building = Building()

    assert building.ip(text) == building.socket(text, 80) == building.flow((text, 1), ("10.0.0.1", 2)) == ""
    building.edge(building.ip(text), building.port(1), SUB_OBSERVABLE)

    subgraph = building.done()
    assert {vertex.name for vertex in subgraph.vertices.values()} <= {"1", "2", "80", "10.0.0.1", "10.0.0.1:2"}
    assert not any(subgraph.vertices[end].name == "1" for edge in subgraph.edges for end in (edge.out_id, edge.in_id))
    assert subgraph.skipped >= 3


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("10.0.0.5/8",), "10.0.0.0 - 10.255.255.255"),
        (("10.0.0.1 - 10.0.0.9",), "10.0.0.1 - 10.0.0.9"),
        (("10.0.0.1-10.0.0.9",), "10.0.0.1 - 10.0.0.9"),
        (("10.0.0.1", "10.0.0.9"), "10.0.0.1 - 10.0.0.9"),
        (("10.0.0.1",), "10.0.0.1 - 10.0.0.1"),
        (("2001:db8::/126",), "2001:db8:: - 2001:db8::3"),
    ],
)
def test_ranges_are_read_in_all_their_forms(texts: tuple[str, ...], name: str) -> None:
    building = Building()

    building.address_range(texts[0], texts[1] if len(texts) > 1 else "")

    (vertex,) = building.done().vertices.values()
    assert vertex.name == name
    assert vertex.type == "AddressRange"
    start, end = int(str(vertex.properties["startIPInt"])), int(str(vertex.properties["endIPInt"]))
    assert start <= end


@pytest.mark.parametrize(
    "texts", [("10.0.0.9", "10.0.0.1"), ("10.0.0.1", "::1"), ("10.0.0.0/33",), ("-",), ("a - b",)]
)
def test_what_is_no_range_makes_nothing(texts: tuple[str, ...]) -> None:
    building = Building()

    assert building.address_range(texts[0], texts[1] if len(texts) > 1 else "") == ""
    assert building.skipped == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("80", "80"), ("080", "80"), ("0x0050", "80"), ("0", "0"), ("65535", "65535"), ("http", "http")),
        *(("65536", ""), ("-1", ""), ("", ""), ("1 2", ""), ("0xfffff", ""), ("0xzz", ""), ("6000-6063", "")),
        *(("٣", ""), ("http\0", ""), ("*", "")),
    ],
)
def test_a_port_is_a_number_or_a_service(text: str, name: str) -> None:
    assert port_name(text) == name


def test_empty_names_make_nothing_and_colons_are_no_parts() -> None:
    building = Building()

    assert {building.domain(" "), building.product(""), building.malware("\n"), building.uri("")} == {""}
    assert building.name_of(building.product("a:b", vendor="v")) == "cpe::v:a%3ab::::"
    assert not building.skipped


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=6)), max_size=8))
def test_whatever_is_said_the_subgraph_holds_together(pairs: list[tuple[str, str]]) -> None:
    building = Building(source="Test")

    for ip, port in pairs:
        building.flow((ip, port), ("10.0.0.1", port))
        building.dns_record(port, ip)
        building.edge(building.domain(ip), building.account(port), SUB_OBSERVABLE)

    subgraph = building.done()
    assert all(edge.out_id in subgraph.vertices and edge.in_id in subgraph.vertices for edge in subgraph.edges)
    assert all(vertex.name and vertex.name.encode() for vertex in subgraph.vertices.values())
