"""Clean MX's list of viruses."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.sources.cleanmx import CleanMx

ENTRY = """<entry><id>71</id><first>1394445736</first><last>0</last><md5>B5BCB300EB41207D0D945B79C364A0B5</md5>
<vt_score>3/43 (7.0%)</vt_score><virusname><![CDATA[JS/Bad]]></virusname>
<url><![CDATA[http://bad.example:8080/x?a=<b>&c]]></url><response>alive</response><ip>192.0.2.7</ip><as>AS64500</as>
<domain>bad.example</domain><country>LU</country><source>RIPE</source><email>abuse@isp.example</email>
<inetnum>192.0.2.0 - 192.0.2.255</inetnum><netname>NET-X</netname><descr>A network</descr>
<ns1>ns1.bad.example</ns1><ns2>ns2.bad.example</ns2><ns3/></entry>"""
DOCUMENT = f'<?xml version="1.0" encoding="utf-8"?>\n<output><entries>\n{ENTRY}\n</entries></output>'


def test_an_entry_is_a_malware_with_its_url_socket_and_network() -> None:
    found = read(CleanMx(), DOCUMENT)

    url, network = "http://bad.example:8080/x?a=<b>&c", "192.0.2.0 - 192.0.2.255"
    assert relations(found) == {
        ("CleanMx(virus)_71", "RelatedTTP", "JS/Bad"),
        ("CleanMx(virus)_71", "Observable", url),
        ("CleanMx(virus)_71", "Observable", "192.0.2.7:8080"),
        (url, "Sub-Observable", "bad.example"),
        ("192.0.2.7:8080", "Sub-Observable", "192.0.2.7"),
        ("192.0.2.7:8080", "Sub-Observable", "8080"),
        ("192.0.2.7:8080", "Sub-Observable", "bad.example"),
        ("192.0.2.7", "Contained_Within", network),
        ("64500", "Sub-Observable", network),
    }
    malware = vertex(found, "CleanMx(virus)_71").properties
    assert (malware["md5"], malware["firstSeen"], "lastSeen" in malware) == (
        ("b5bcb300eb41207d0d945b79c364a0b5",),
        1394445736000,
        False,
    )
    assert vertex(found, network).properties["description"] == ("Netname NET-X: A network",)
    assert vertex(found, "bad.example").properties["nameServers"] == ("ns1.bad.example", "ns2.bad.example")
    assert quoted(DOCUMENT, found, "192.0.2.7").decode() == ENTRY


def test_what_an_entry_lacks_is_left_out() -> None:
    found = read(
        CleanMx(),
        "<output><entry><id>1</id><url>http://192.0.2.9/</url><ip>192.0.2.9</ip><domain>192.0.2.9</domain></entry>"
        "<entry><url>http://a.example/</url></entry><entry><id>3</id><url>a..b</url><ip>no</ip></entry></output>",
    )

    assert kinds(found)["192.0.2.9"] == "Address"
    assert ("CleanMx(virus)_1", "Observable", "192.0.2.9:80") in relations(found)
    assert "CleanMx(virus)_3" in kinds(found)
    assert reasons(found) == [
        "entry: an entry without id",
        "entry 3: 'a..b' is no URL: it names no host",
        "entry 3: 'no' is no IP address",
    ]


def test_a_list_that_is_cut_off_gives_what_came_before() -> None:
    found = read(CleanMx(), DOCUMENT[: DOCUMENT.index("</entries>")] + "<entry><id>72</id>")

    assert "CleanMx(virus)_71" in kinds(found)
    assert "CleanMx(virus)_72" not in kinds(found)
    assert found.skipped == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<html/>",
        '<!DOCTYPE output [<!ENTITY a "aaaa">]><output><entry><id>&a;</id></entry></output>',
        '<!DOCTYPE output SYSTEM "file:///etc/passwd"><output><entry><id>1</id></entry></output>',
    ],
)
def test_what_is_not_its_xml_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        read(CleanMx(), content)
