"""nmap's XML as a standard form; hostile XML is refused."""

from __future__ import annotations

import pytest

from vedette.tools.interface import ParseError
from vedette.tools.parsers.nmap import Address, NmapParser, Script

SCAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX - -sV -- a.example" start="1700000000" version="7.93" xmloutputversion="1.05">
<host><status state="up" reason="syn-ack"/>
<address addr="192.0.2.1" addrtype="ipv4"/><address addr="02:00:00:00:00:01" addrtype="mac"/>
<hostnames><hostname name="a.example" type="user"/><hostname name="b.example" type="PTR"/></hostnames>
<ports><extraports state="closed" count="998"/>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/>
<service name="https" product="nginx" version="1.22" extrainfo="x"><cpe>cpe:/a:nginx:nginx:1.22</cpe></service>
<script id="ssl-cert" output="Subject: CN=a"/></port>
<port protocol="udp" portid="53"><state state="open|filtered"/></port></ports>
<hostscript><script id="clock-skew" output="0s"/></hostscript></host>
<runstats><finished time="1700000010" exit="success" summary="Nmap done"/></runstats></nmaprun>
"""


def test_a_scan_is_read() -> None:
    form = NmapParser().parse(SCAN)
    assert (form.version, form.started, form.exit, form.summary) == ("7.93", 1700000000, "success", "Nmap done")
    (host,) = form.hosts
    assert host.hostnames == ("a.example", "b.example")
    assert host.addresses[1] == Address(address="02:00:00:00:00:01", type="mac")
    https, domain = host.ports
    assert (https.port, https.protocol, https.state, https.service) == (443, "tcp", "open", "https")
    assert (https.product, https.version, https.cpe) == ("nginx", "1.22", ("cpe:/a:nginx:nginx:1.22",))
    assert https.scripts == (Script(id="ssl-cert", output="Subject: CN=a"),)
    assert (domain.state, domain.service) == ("open|filtered", None)
    assert host.scripts[0].id == "clock-skew"


def test_a_scan_without_hosts_is_one() -> None:
    assert NmapParser().parse(b"<nmaprun/>").hosts == ()


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><nmaprun args="&b;"/>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun>&a;</nmaprun>'


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not well-formed"),
        (SCAN[:-50], "not well-formed"),
        (b"Starting Nmap", "not well-formed"),
        (b"<html/>", "begins with <html>; run nmap with -oX -"),
        (BOMB, "refused"),
        (EXTERNAL, "refused"),
        (b'<nmaprun start="soon"/>', "not nmap's XML"),
        (b'<nmaprun><host><ports><port portid="x"/></ports></host></nmaprun>', "not nmap's XML"),
        (b'<nmaprun><host><address addr="a" addrtype="ipx"/></host></nmaprun>', "not nmap's XML"),
        (b'<?xml version="1.0" encoding="no-such"?><nmaprun/>', "XML"),
        (b"<nmaprun>" + b"<a>" * 100_000, "not well-formed"),
    ],
)
def test_anything_else_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        NmapParser().parse(raw)
