"""Investigations made by hand, to test what exports them: small and large, ordinary and hostile, always the same.

Vertices have the ids and the merged properties that the graph would give them; nothing here needs a store.

`scanned()` is one nmap scan with its output, services, facts, edges and proof; `everything()` has a fact of each type
that is shared in a form of its own; `hostile()` has names that break out of formats, and values that platforms
refuse; `large(number)` is as large as it is told to be; `empty()` has nothing. `dataclasses.replace` makes variants.
"""

from __future__ import annotations

from dataclasses import replace

from tests.sharing_parts import OTHER_ITEM, Edge, accused, edge, fact, investigation, proof, scan
from vedette.sharing.investigation import Fact, Investigation, Pap, Tlp, Withheld


def empty() -> Investigation:
    """Nothing is known of it, or nothing may be shared."""
    return investigation("target:198.51.100.99", kind="target", title="198.51.100.99")


def scanned() -> Investigation:
    """A scan of one host of ours, as the graph and the store have it."""
    ip = fact("IP", "192.0.2.7", own=True, description=("192.0.2.7",), hostState="up", ipInt=3221225991)
    name = fact("Observable/Domain Name", "www.example.org", own=True, description=("www.example.org",))
    record = fact("Observable/DNS Record", "www.example.org_resolved_to_192.0.2.7")
    sockets = {
        22: fact("Observable/Socket Address", "192.0.2.7:22", own=True, service="ssh", tcpState="open"),
        443: fact("Observable/Socket Address", "192.0.2.7:443", own=True, service="https", tcpState="open"),
        53: fact("Observable/Socket Address", "192.0.2.7:53", own=True, service="domain", udpState="open"),
    }
    ports = {number: fact("Observable/Port", str(number)) for number in sockets}
    openssh = fact("Observable/Product", "cpe:/a:openbsd:openssh:9.2p1", product="OpenSSH", version="9.2p1")
    nginx = fact("Observable/Product", "cpe:/a:igor_sysoev:nginx:1.22.1", product="nginx", version="1.22.1")
    edges: list[Edge] = [(record, "Sub-Observable", name), (record, "Sub-Observable", ip)]
    for number, socket in sockets.items():
        edges += [(socket, "Sub-Observable", ip), (socket, "Sub-Observable", ports[number])]
    edges += [(sockets[22], "Sub-Observable", openssh), (sockets[443], "Sub-Observable", nginx)]
    facts = [ip, name, record, *sockets.values(), *ports.values(), openssh, nginx]
    return investigation(
        "target:192.0.2.7",
        facts,
        edges,
        kind="target",
        title="192.0.2.7",
        scans=[scan(facts)],
        proofs=[proof()],
        tags=["vedette:probe"],
    )


def everything() -> Investigation:
    """A fact of each type that is shared in a form of its own, with edges between them, a scan and two proofs."""
    facts = _network() | _files_and_hosts() | _threats()
    of = facts.__getitem__
    edges: list[Edge] = [
        (of("record"), "Sub-Observable", of("domain")),
        (of("record"), "Sub-Observable", of("bad-ip")),
        (of("bad-ip"), "Contained_Within", of("range")),
        (of("range"), "Contained_Within", of("as")),
        (of("ip"), "Located_At", of("country")),
        (of("socket"), "Sub-Observable", of("bad-ip")),
        (of("socket"), "Sub-Observable", of("port")),
        (of("socket"), "Sub-Observable", of("product")),
        (of("flow"), "Sub-Observable", of("socket")),
        (of("url"), "Sub-Observable", of("domain")),
        (of("host"), "Sub-Observable", of("ip")),
        (of("account"), "Sub-Observable", of("host")),
        (of("certificate"), "Sub-Observable", of("domain")),
        (of("cve"), "ExploitTargetRelatedObservable", of("product")),
        (of("exploit"), "Exploits", of("cve")),
        (of("malware"), "UsesIP", of("bad-ip")),
        (of("malware"), "Observable", of("url")),
        (of("malware"), "Observable", of("file")),
        (of("malware"), "ExploitTarget", of("cve")),
        (of("malware"), "RelatedTTP", of("technique")),
        (of("indicator"), "IndicatedTTP", of("malware")),
        (of("indicator"), "Observable", of("domain")),
        (of("actor"), "RelatedTTP", of("malware")),
        (of("actor"), "ObservedTTP", of("technique")),
        (of("campaign"), "RelatedThreatActor", of("actor")),
        (of("cve"), "PotentialCOA", of("remedy")),
        (of("cve"), "RelatedWeakness", of("weakness")),
        (of("report"), "RelatedMalware", of("malware")),
    ]
    return investigation(
        "search:everything",
        facts.values(),
        edges,
        title="Everything that is known",
        scans=[scan([of("ip"), of("name"), of("product")])],
        proofs=[proof(), proof(OTHER_ITEM, state="self-asserted", payload=b"ip\n", with_bundle=False)],
        withheld=[Withheld(what="1 vertex of type Observable/User Account", reason="accounts are shared on request")],
        tlp=Tlp.GREEN,
        pap=Pap.AMBER,
        tags=['workflow:state="complete"', "vedette:probe"],
    )


def _network() -> dict[str, Fact]:
    return {
        "ip": fact("IP", "192.0.2.7", own=True, ipInt=3221225991),
        "bad-ip": accused("IP", "203.0.113.66", tags=("botnet",), references=("https://threats.example/66",)),
        "ipv6": accused("IP", "2001:db8::bad"),
        "resolver": replace(accused("IP", "198.51.100.53"), warned="List of known public DNS resolvers"),
        "range": accused("AddressRange", "203.0.113.0 - 203.0.113.255", startIP="203.0.113.0", endIP="203.0.113.255"),
        "odd-range": fact("AddressRange", "198.51.100.3 - 198.51.100.9"),
        "as": fact("Observable/AS", "64500", asName="EXAMPLE-AS"),
        "country": fact("Location", "DE", country="DE", countryName="Germany"),
        "domain": accused("Observable/Domain Name", "c2.evil.example", tags=("c2", "tlp:green")),
        "idn": accused("Observable/Domain Name", "bücher.example"),
        "name": fact("Observable/Domain Name", "www.example.org", own=True),
        "record": fact("Observable/DNS Record", "c2.evil.example_resolved_to_203.0.113.66", ttl=60),
        "url": accused("Observable/URI", "http://c2.evil.example:8080/gate.php?id=1&x=%20", status="online"),
        "email": accused("Observable/Email Address", "billing@evil.example"),
        "mac": fact("Observable/MAC Address", "02:00:5e:10:00:01", vendor="Example"),
        "port": fact("Observable/Port", "8080"),
        "socket": accused("Observable/Socket Address", "203.0.113.66:8080"),
        "socket6": accused("Observable/Socket Address", "[2001:db8::bad]:443"),
        "flow": fact(
            "Observable/Network Flow",
            "192.0.2.7:50412_through_203.0.113.66:8080",
            proto="tcp",
            startTime=1795305600000,
            lastTime=1795305660000,
            totalPkts=12,
            totalBytes=9182,
            flags="e",
            state="FIN",
        ),
        "session": fact(
            "Observable/HTTP Session", "c2.evil.example/gate.php", method=("POST",), userAgent=("Mozilla/5.0",)
        ),
        "certificate": fact(
            "Observable/X509 Certificate",
            "ab" * 32,
            sha256="ab" * 32,
            subject="CN=c2.evil.example",
            issuer="CN=Example CA",
            serialNumber="4660",
            notBefore=1790000000000,
            notAfter=1800000000000,
        ),
    }


def _files_and_hosts() -> dict[str, Fact]:
    return {
        "host": fact("Observable/Hostname", "workstation7", own=True),
        "host-name": fact("Observable/Hostname", "mail.example.org", own=True),
        "account": fact("Observable/User Account", "alice", userName="alice", uid="1000"),
        "process": fact("Observable/Process", "gate.exe", processPid=("4711",), processArgs=("gate.exe -q",)),
        "product": fact(
            "Observable/Product",
            "cpe:2.3:a:apache:http_server:2.4.49:*:*:*:*:*:*:*",
            vendor="apache",
            product="http_server",
            version="2.4.49",
        ),
        "plain-product": fact("Observable/Product", "cpe::Example Org:Frobnicator:1.0:::", product="Frobnicator"),
        "file": accused(
            "Observable/File",
            "invoice.exe",
            md5="9e107d9d372bb6826bd81d3542a419d6",
            sha1="2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            sha256="d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
            size=71680,
            fileType="exe",
        ),
        "hash": accused("Observable/File", "c0" * 32, sha256="c0" * 32),
        "file-hash": accused("Observable/File Hash", "E4D909C290D0FB1CA068FFADDF22CBD0"),
        "registry-key": fact("Observable/Windows Registry Key", "HKLM\\Software\\Example\\Run"),
        "mutex": fact("Observable/Mutex", "Global\\evil-4711"),
    }


def _threats() -> dict[str, Fact]:
    return {
        "cve": fact(
            "Vulnerability",
            "CVE-2021-41773",
            description=("A path traversal in Apache HTTP Server 2.4.49.",),
            cvss3Score=7.5,
            cvss3Vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
            publishedDate=1633392000000,
            knownExploited="true",
            references=("https://httpd.example/security/CVE-2021-41773",),
        ),
        "other-vulnerability": fact(
            "Vulnerability", "BID-12345", references=("https://bugs.example/12345",), description=("An overflow.",)
        ),
        "weakness": fact("Weakness", "CWE-22", description=("Path Traversal",)),
        "exploit": fact("Exploit", "exploit/multi/http/apache_normalize_path_rce", rank="excellent"),
        "malware": accused("Malware", "Emotet", alias=("Geodo", "Heodo"), description=("A loader.",)),
        "indicator": accused(
            "Indicator",
            "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
            title="Gate of Emotet",
            pattern="[domain-name:value = 'c2.evil.example']",
            patternType="stix",
            indicatorTypes=("malicious-activity",),
        ),
        "actor": fact("Threat_Actor", "APT28", alias=("Fancy Bear", "Sofacy")),
        "unknown-actor": fact("Threat_Actor", "Nobody's Own Spiders"),
        "campaign": fact("Campaign", "Operation Example", description=("Invoices in autumn.",)),
        "technique": fact(
            "TTP", "Exploit Public-Facing Application", externalIds=("T1190",), killChainPhases=("initial-access",)
        ),
        "unknown-technique": fact("TTP", "Knocks three times"),
        "tool": fact("Tool", "Mimikatz"),
        "remedy": fact("Course_Of_Action", "Update Apache HTTP Server to 2.4.51", description=("Update.",)),
        "incident": fact("Incident", "Break-in of November"),
        "organization": fact("Identity", "Example Bank", identityClass="organization", sectors=("finance",)),
        "report": fact("Report", "Emotet returns", description=("It does.",)),
        "other": fact("Data_Source", "Application Log"),
        "unheard-of": fact("Weather", "Rain", amount=3),
    }


HOSTILE_NAMES = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(1+1)",
    "<script>alert(1)</script>",
    "'; DROP TABLE event; --",
    'a"b,c\r\nd',
    "\u202egnp.exe",
    "../../etc/passwd",
    "%00%0d%0a",
    "{{7*7}}",
    "nul\ufffdl",
    "zero\u200bwidth",
    "\U0001f600",
    "x" * 5_000,
    "[domain-name:value = 'a'] OR [x",
    "[click](javascript:alert(1))",
    "line\nfeed",
    "\x1b[31mred",
    "   ",
)
"""Names that break out of spreadsheets, pages, queries, lines, files, patterns and terminals."""


def hostile() -> Investigation:
    """Names that break out of formats, of every kind of type, and values that other platforms refuse."""
    types = ("Malware", "Vulnerability", "Observable/File", "Observable/Domain Name", "Observable/URI", "Weather")
    texts = [fact(type, name, description=(name,)) for type in types for name in HOSTILE_NAMES]
    wrong = [
        fact("IP", "999.1.1.1"),
        fact("IP", "fe80::1%eth0"),
        fact("IP", "0.0.0.0"),
        accused("IP", "::ffff:203.0.113.9"),
        accused("Observable/Domain Name", "localhost"),
        accused("Observable/Domain Name", "evil.example."),
        accused("Observable/Domain Name", "EVIL2.Example"),
        accused("Observable/Domain Name", "-.example"),
        accused("Observable/Domain Name", ".".join(["a" * 60] * 5)),
        accused("Observable/URI", "/only/a/path"),
        accused("Observable/URI", "javascript:alert(1)"),
        accused("Observable/File", "not a hash", sha256="zz" * 32, md5="12"),
        fact("Observable/Port", "70000"),
        fact("Observable/Port", "https"),
        fact("Observable/Socket Address", "203.0.113.9:0"),
        fact("Observable/Network Flow", "half_through_"),
        fact("Observable/AS", "AS99999999999"),
        fact("AddressRange", "203.0.113.9 - 203.0.113.2"),
        fact("AddressRange", "2001:db8::/32"),
        fact("Observable/MAC Address", "02-00-5E-10-00-0G"),
        fact("Observable/Email Address", "nobody at example"),
        fact("Vulnerability", "CVE-2021-1"),
        fact("Vulnerability", "cve-2022-0001"),
        fact("Malware", "Long", description=("y" * 70_000,)),
        fact("Observable/DNS Record", "a_resolved_to_"),
        fact("Observable/User Account", "root", userName="root"),
    ]
    known = {one.vertex.id: one for one in [*texts, *wrong]}
    first, *others = known.values()
    return investigation(
        "search:hostile",
        known.values(),
        [(first, "related <b>\n", other) for other in others[:40]],
        title='</title><script>alert("title")</script>\r\nX-Header: 1',
        withheld=[Withheld(what="vertex <b>\n", reason="=1+1")],
    )


def large(number: int, *, edges: bool = True) -> Investigation:
    """An investigation of so many facts, half of them malicious, each tied to one of a hundred malwares if wanted."""
    families = [accused("Malware", f"Family {one}") for one in range(min(100, max(number // 10, 1)))]
    makers = (
        lambda one: accused("IP", f"10.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}"),
        lambda one: fact("Observable/Domain Name", f"host{one}.example.net"),
        lambda one: accused("Observable/File", (f"{one:064x}"), sha256=f"{one:064x}"),
        lambda one: fact("Observable/URI", f"https://host{one}.example.net/{one}"),
    )
    things = [makers[one % 4](one) for one in range(max(number - len(families), 0))]
    lines = [edge(families[one % len(families)], "Observable", thing) for one, thing in enumerate(things)]
    return investigation(f"search:large {number}", [*families, *things], lines if edges else ())


CASES = {"empty": empty, "scanned": scanned, "everything": everything, "hostile": hostile}
"""All small ones by name, for tests of every form."""
