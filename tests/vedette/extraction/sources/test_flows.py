"""Sources of the network: flows, DNS answers, requests, banners; Stucco's cases and our own."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stucco_cases import Case, needs_cases, score
from tests.vedette.extraction.stucco_graphs import GraphCase, differences, graph_cases
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.sources.banners import Banner, ClientBanner, ServerBanner
from vedette.extraction.sources.dnsrecord import DnsRecord
from vedette.extraction.sources.flows import Argus, Situ, Sno
from vedette.extraction.sources.http import Http, HttpRaw
from vedette.extraction.subgraph import Subgraph

GRAPHS: dict[str, type[Extractor]] = {
    "ArgusGraphExtractorTest": Argus,
    "BannerGraphExtractorTest": Banner,
    "DNSRecordGraphExtractorTest": DnsRecord,
    "HTTPDataGraphExtractorTest": Http,
    "HTTPRDataGraphExtractorTest": HttpRaw,
    "SituGraphExtractorTest": Situ,
    "SnoGraphExtractorTest": Sno,
}
"""Of these suites every case passes: no expectation of theirs is an upstream error."""

ASSERTED: dict[str, type[Extractor]] = {
    "ArgusExtractorTest": Argus,
    "BannerExtractorTest": Banner,
    "ClientBannerExtractorTest": ClientBanner,
    "DNSRecordExtractorTest": DnsRecord,
    "HTTPDataExtractorTest": Http,
    "ServerBannerExtractorTest": ServerBanner,
    "scala_ArgusExtractorSuite": Argus,
    "scala_ClientBannerExtractorSuite": ClientBanner,
    "scala_ServerBannerExtractorSuite": ServerBanner,
}

PING = b"1373553586.136399, e s      ,1,10.10.10.1,0x0008,   ->,10.10.10.100,0x0a1a,8,585,ECO\n"


@needs_cases()
@pytest.mark.parametrize("case", graph_cases(*GRAPHS), ids=str)
def test_a_graph_is_as_stucco_has_it(case: GraphCase) -> None:
    subgraph = GRAPHS[case.suite]().extract(Document(content=case.document.encode()))

    assert differences(case.expected, subgraph) == []
    assert not subgraph.skipped


@needs_cases()
@pytest.mark.parametrize("suite", ASSERTED)
def test_what_stucco_asserts_is_found(suite: str) -> None:
    def extract(case: Case) -> Subgraph:
        return ASSERTED[suite]().extract(Document(content=next(iter(case.inputs.values())).encode()))

    found = score(suite, extract)

    assert found.share >= 0.95, found
    assert found.asserted


def stated(subgraph: Subgraph) -> set[tuple[str, str]]:
    """Return the relations by the names of their ends."""
    names = {id: vertex.name for id, vertex in subgraph.vertices.items()}
    return {(names[edge.out_id], names[edge.in_id]) for edge in subgraph.edges}


def only(subgraph: Subgraph, observable: str) -> dict[str, object]:
    """Return the properties of the one vertex of a kind."""
    (vertex,) = (one for one in subgraph.vertices.values() if one.observable_type == observable)
    return dict(vertex.properties)


def test_a_flow_has_ends_and_the_ends_have_addresses_and_ports() -> None:
    row = b"1373553586.136399, e,tcp,10.0.0.1,1024,->,2001:DB8::2,443,8,585,CON\n"

    subgraph = Argus().extract(Document(content=row))

    flow = "10.0.0.1:1024_through_[2001:db8::2]:443"
    assert stated(subgraph) == {
        (flow, "10.0.0.1:1024"),
        (flow, "[2001:db8::2]:443"),
        ("10.0.0.1:1024", "10.0.0.1"),
        ("10.0.0.1:1024", "1024"),
        ("[2001:db8::2]:443", "2001:db8::2"),
        ("[2001:db8::2]:443", "443"),
    }
    assert only(subgraph, "Network Flow")["description"] == ("10.0.0.1, port 1024 to 2001:db8::2, port 443",)
    ip = next(vertex for vertex in subgraph.vertices.values() if vertex.name == "2001:db8::2")
    assert ip.properties["ipInt"] == str(0x20010DB8 << 96 | 2)


def test_a_ping_has_no_ports() -> None:
    subgraph = Argus().extract(Document(content=PING))

    flow = only(subgraph, "Network Flow")
    assert flow["name"] == "10.10.10.1:0_through_10.10.10.100:0"
    assert flow["startTime"] == 1373553586136


def test_a_flow_that_is_seen_again_is_one_with_sums() -> None:
    again = PING.replace(b"1373553586.136399", b"1373553580.5").replace(b"8,585,ECO", b"2,15,RST")

    flow = only(Argus().extract(Document(content=PING + again)), "Network Flow")

    assert (flow["totalPkts"], flow["totalBytes"], flow["state"]) == (10, 600, "RST")
    assert (flow["startTime"], flow["lastTime"]) == (1373553580500, 1373553586136)


def test_the_columns_of_an_item_are_in_its_meta() -> None:
    columns = ["DstAddr", "Dport", "SrcAddr", "Sport", "Proto"]

    document = Document(content=b"10.0.0.2,53,10.0.0.1,4000,udp\n", meta={"columns": columns})

    assert only(Argus().extract(document), "Network Flow")["name"] == "10.0.0.1:4000_through_10.0.0.2:53"


@pytest.mark.parametrize(
    "header",
    [b"saddr,sport,daddr,dport", b"Source IP,Source Port,Destination_IP,dst-port", b"SRCADDR,SPORT,DSTADDR,DPORT"],
)
def test_headers_are_known_in_any_spelling_and_order(header: bytes) -> None:
    subgraph = Argus().extract(Document(content=header + b"\r\n10.0.0.1,1,10.0.0.2,2\r\n"))

    assert only(subgraph, "Network Flow")["name"] == "10.0.0.1:1_through_10.0.0.2:2"


def test_bad_rows_are_said_and_the_others_read() -> None:
    rows = (b"junk\n", b"1,e,tcp,a.b.c.d,1,->,10.0.0.2,2,1,1,CON\n", PING, b"1,e,man,0,0,,51,1,224,9901152,CON\n")

    subgraph = Argus().extract(Document(content=b"".join(rows)))

    assert [(problem.position.label, problem.reason) for problem in subgraph.problems] == [
        ("row 1", "no SrcAddr"),
        ("row 2", "SrcAddr: 'a.b.c.d' is no IP address"),
    ]
    position = subgraph.problems[1].position
    assert b"".join(rows)[position.start : position.end] == rows[1]
    assert only(subgraph, "Network Flow")["proto"] == "1"


def test_a_document_of_bad_rows_alone_is_refused_with_the_first_reason() -> None:
    with pytest.raises(ExtractionError, match=r"none of its rows can be read; row 1: no SrcAddr"):
        Argus().extract(Document(content=b"junk\nmore junk\n"))


def test_a_score_is_a_number_of_the_flow() -> None:
    entry = b'{"srcIP": "10.0.0.1", "srcPort": 1, "dstIP": "::1", "dstPort": 2, "score": 0.25, "raw": {"a": []}}'

    subgraph = Situ().extract(Document(content=entry + b"\n[7, " + entry.replace(b"0.25", b"0.75") + b"]"))

    flow = only(subgraph, "Network Flow")
    assert (flow["name"], flow["score"]) == ("10.0.0.1:1_through_[::1]:2", 0.75)
    assert [problem.reason for problem in subgraph.problems] == ["is no JSON object"]


def test_a_cut_off_document_gives_what_came_before() -> None:
    subgraph = Situ().extract(Document(content=b'{"srcIP": "10.0.0.1", "dstIP": "10.0.0.2"}\n{"srcIP": "10.'))

    assert only(subgraph, "Network Flow")["name"] == "10.0.0.1:0_through_10.0.0.2:0"
    assert subgraph.skipped == 1


def test_an_alert_is_said_of_the_flow() -> None:
    row = "f,1,2016-09-16 15:54:57.140093-04,site,6,10.0.0.1,10.0.0.2,1,2,{},5,{},8,0,1,US,org,1,1,DE,other,1,1,0.0\n"

    subgraph = Sno().extract(Document(content=(row.format(466, "Ping") + row.format(467, "Pong")).encode()))

    flow = only(subgraph, "Network Flow")
    assert flow["alert"] == ("Ping", "Pong")
    assert flow["alertId"] == ("1:466:5", "1:467:5")
    assert flow["startTime"] == 1474055697140


def test_a_request_relates_client_server_name_and_uris() -> None:
    header = b"saddr,daddr,dport,method,request,server_fqdn,referer,uri\n"
    row = b"10.0.0.1,10.0.0.2,80,GET,/a?b=1,www.example.org,http://example.net/,http://www.example.org/a?b=1\n"

    subgraph = Http().extract(Document(content=header + row))

    session = "www.example.org/a?b=1"
    assert only(subgraph, "HTTP Session")["description"] == ("HTTP request of URL /a?b=1",)
    assert {into for out, into in stated(subgraph) if out == session} == {
        *("10.0.0.1", "10.0.0.2", "80", "www.example.org", "http://example.net/", "http://www.example.org/a?b=1"),
    }
    assert ("www.example.org", "10.0.0.2") in stated(subgraph)


def test_a_raw_request_keeps_its_header() -> None:
    header = b"saddr,daddr,dport,raw_header,method,uri,host\n"
    row = b'10.0.0.1,10.0.0.2,80,"GET /a HTTP/1.1\r\nHost: example.org",GET,/a,example.org\r\n'

    subgraph = HttpRaw().extract(Document(content=header + row))

    session = only(subgraph, "HTTP Session")
    assert session["name"] == "example.org/a"
    assert session["rawHeader"] == ("GET /a HTTP/1.1\r\nHost: example.org",)


def test_a_name_that_resolved_to_nothing_is_still_a_name() -> None:
    header = b"saddr,daddr,rqfqdn,raddr\n"

    subgraph = DnsRecord().extract(Document(content=header + b"10.0.0.1,10.0.0.53,nowhere.example.org,\n"))

    assert {vertex.name for vertex in subgraph.vertices.values()} == {"10.0.0.1", "10.0.0.53", "nowhere.example.org"}
    assert not subgraph.edges


def test_what_a_banner_names_is_at_the_address() -> None:
    header = b"banner,addr,server_port\n"

    subgraph = ServerBanner().extract(Document(content=header + b'"Apache, the server",2001:db8::1,80\n'))

    assert ("[2001:db8::1]:80", "Apache, the server") in stated(subgraph)
