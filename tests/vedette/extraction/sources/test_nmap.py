"""nmap's XML, by itself and within the form that a probe's parser makes of it."""

from __future__ import annotations

import base64
import json

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.sources.nmap import MAX_OUTPUT, Nmap
from vedette.tools.parsers.nmap import NmapParser

HOST = """<host endtime="1700000009"><status state="up" reason="syn-ack"/>
<address addr="192.0.2.1" addrtype="ipv4"/><address addr="02:00:00:00:00:0A" addrtype="mac" vendor="Acme"/>
<hostnames><hostname name="a.example" type="user"/><hostname name="printer" type="PTR"/></hostnames>
<ports><extraports state="closed" count="998"/>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/>
<service name="https" product="nginx" version="1.22" extrainfo="x"><cpe>cpe:/a:nginx:nginx:1.22</cpe>
<cpe>cpe:/o:linux:linux_kernel</cpe></service><script id="ssl-cert" output="Subject: CN=a"/></port>
<port protocol="tcp" portid="22"><state state="open"/><service name="ssh" product="OpenSSH" version="9.2p1"/></port>
<port protocol="tcp" portid="25"><state state="filtered"/></port>
<port protocol="udp" portid="53"><state state="open|filtered"/></port></ports>
<os><osmatch name="Linux 5" accuracy="98"><osclass><cpe>cpe:/o:linux:linux_kernel:5</cpe></osclass></osmatch>
<osmatch name="Other" accuracy="80"><osclass><cpe>cpe:/o:x:y</cpe></osclass></osmatch></os>
<hostscript><script id="clock-skew" output="0s"/></hostscript></host>"""
SIX = """<host><status state="up"/><address addr="2001:DB8::1" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="80"/></ports></host>"""
DOWN = '<host><status state="down"/><address addr="192.0.2.9" addrtype="ipv4"/></host>'


def scan(*hosts: str, doctype: str = "<!DOCTYPE nmaprun>") -> str:
    return f'<?xml version="1.0"?>\n{doctype}\n<nmaprun scanner="nmap">\n{"".join(hosts)}\n<runstats/></nmaprun>\n'


def test_a_host_has_names_ports_products_and_a_system() -> None:
    content = scan(HOST, DOWN)
    found = read(Nmap(), content)

    assert relations(found) == {
        ("192.0.2.1", "Sub-Observable", "02:00:00:00:00:0a"),
        ("a.example_resolved_to_192.0.2.1", "Sub-Observable", "a.example"),
        ("a.example_resolved_to_192.0.2.1", "Sub-Observable", "192.0.2.1"),
        ("printer_resolved_to_192.0.2.1", "Sub-Observable", "printer"),
        ("printer_resolved_to_192.0.2.1", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:443", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:443", "Sub-Observable", "443"),
        ("192.0.2.1:443", "Sub-Observable", "cpe:/a:nginx:nginx:1.22"),
        ("192.0.2.1", "Sub-Observable", "cpe:/o:linux:linux_kernel"),
        ("192.0.2.1:22", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:22", "Sub-Observable", "22"),
        ("192.0.2.1:22", "Sub-Observable", "cpe:::OpenSSH:9.2p1:::"),
        ("192.0.2.1:25", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:25", "Sub-Observable", "25"),
        ("192.0.2.1:53", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:53", "Sub-Observable", "53"),
        ("192.0.2.1", "Sub-Observable", "cpe:/o:linux:linux_kernel:5"),
    }
    https = vertex(found, "192.0.2.1:443").properties
    assert (https["tcpState"], https["service"], https["extraInfo"]) == ("open", "https", "x")
    assert https["scripts"] == ("ssl-cert: Subject: CN=a",)
    assert vertex(found, "192.0.2.1:25").properties["tcpState"] == "filtered"
    assert vertex(found, "192.0.2.1:53").properties["udpState"] == "open|filtered"
    host = vertex(found, "192.0.2.1").properties
    assert (host["hostState"], host["lastSeen"], host["scripts"]) == ("up", 1700000009000, ("clock-skew: 0s",))
    assert quoted(content, found, "192.0.2.1").decode() == HOST


def test_a_scan_of_a_network_says_which_hosts_are_in_it() -> None:
    four, six = read(Nmap(), scan(HOST), target="192.0.2.0/28"), read(Nmap(), scan(SIX), target="2001:db8::/64")

    assert ("192.0.2.1", "Contained_Within", "192.0.2.0 - 192.0.2.15") in relations(four)
    assert ("[2001:db8::1]:80", "Sub-Observable", "2001:db8::1") in relations(six)
    assert ("2001:db8::1", "Contained_Within", "2001:db8:: - 2001:db8::ffff:ffff:ffff:ffff") in relations(six)
    assert not read(Nmap(), scan(DOWN), target="192.0.2.0/28")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
def test_a_form_has_the_xml_beside_it(whole: bool) -> None:
    raw = scan(HOST, SIX).encode()
    output = raw if whole else raw[: raw.index(b"2001:DB8")]
    form = NmapParser().parse(raw).model_dump(mode="json")
    document = json.dumps({"parser": "nmap/1", "result": form, "output": base64.b64encode(output).decode()})

    found = read(Nmap(), document)

    assert vertex(found, "192.0.2.1:443").position.label == "host 192.0.2.1"
    assert vertex(found, "192.0.2.1:443").position.start is None
    assert ("2001:db8::1" in kinds(found)) is whole
    assert found.skipped == (0 if whole else 1)


def test_a_scan_that_was_broken_off_gives_what_came_before() -> None:
    content = scan(HOST, SIX)
    found = read(Nmap(), content[: content.index("2001:DB8")])

    assert "192.0.2.1" in kinds(found)
    assert found.skipped == 1


def test_nmap_that_did_not_run_states_nothing() -> None:
    assert not read(Nmap(), b"", exit_code=127)
    with pytest.raises(ExtractionError, match="empty"):
        read(Nmap(), b"", exit_code=0)


def test_what_is_odd_costs_itself_alone() -> None:
    long = "x" * (2 * MAX_OUTPUT)
    odd = (
        '<host><status state="up"/><address addr="nowhere"/></host>'
        '<host><address addr="192.0.2.3"/><hostnames><hostname name="a b"/><hostname/></hostnames><ports>'
        '<port protocol="tcp" portid="99999"/><port protocol="pigeon" portid="1"/>'
        f'<port portid="1"><script id="s" output="{long}"/><service><cpe/><cpe> </cpe></service></port></ports>'
        '<os><osmatch accuracy="very"><osclass/></osmatch></os></host>'
    )
    found = read(Nmap(), scan(odd, HOST))

    assert {"192.0.2.1", "192.0.2.3:1"} <= set(kinds(found))
    assert len(str(vertex(found, "192.0.2.3:1").properties["scripts"])) < MAX_OUTPUT + 10
    assert reasons(found) == [
        "host nowhere: 'nowhere' is no IP address",
        "host 192.0.2.3: 'a b' is no host",
        "host 192.0.2.3: '99999' is no port",
        "host 192.0.2.3: 'pigeon' is no protocol of ports",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<nmap/>",
        "nmap: command not found",
        "[]",
        '{"parser": "nmap/1", "result": {}}',
        '{"output": "not Base64!"}',
        scan(HOST, doctype='<!DOCTYPE nmaprun [<!ENTITY a "b">]>'),
        scan(HOST, doctype='<!DOCTYPE nmaprun SYSTEM "file:///etc/passwd">'),
        scan(HOST, doctype="<!DOCTYPE other>"),
    ],
)
def test_what_is_no_scan_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        read(Nmap(), content)
