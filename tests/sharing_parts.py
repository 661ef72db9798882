"""The parts of investigations that are made by hand: facts, edges, a scan, proofs, all of it always the same."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from vedette.canonical import canonical_json
from vedette.extraction.subgraph import Value
from vedette.graph.folding import fold, values
from vedette.graph.identity import vertex_id, vertex_uid
from vedette.graph.ontology import ontology
from vedette.graph.port import EdgeView, VertexView
from vedette.sharing.investigation import (
    Fact,
    Investigation,
    InvestigationKind,
    Pap,
    Proof,
    Scan,
    Service,
    Stamp,
    Tlp,
    Withheld,
)

INSTANCE = UUID("6d1f7d0e-3c1c-4a63-9a53-52c3a2f3b5d1")
"""Of the fleet that shares."""

AT = 1_795_305_600_123_456
"""When things were observed first: 2026-11-22T00:00:00.123456Z."""

HOUR = 3_600_000_000
"""Microseconds."""

ITEM = "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0001"
OTHER_ITEM = "4b7f0ac2-6a86-4a0f-8a4f-5b8f6f1f0002"
AGENT = "probe1@localhost"
SOURCE = "vedette.in.structured.nmap.probe1"
FEED = "vedette.in.structured.threatfox"

Edge = tuple[Fact, str, Fact]
"""From, relation, to."""

NMAP_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<nmaprun scanner="nmap" args="nmap -sV -oX - 192.0.2.7" start="1795305600" version="7.94" xmloutputversion="1.05">
<host endtime="1795305605"><status state="up" reason="syn-ack"/>
<address addr="192.0.2.7" addrtype="ipv4"/>
<hostnames><hostname name="www.example.org" type="user"/></hostnames>
<ports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/>
<service name="ssh" product="OpenSSH" version="9.2p1"><cpe>cpe:/a:openbsd:openssh:9.2p1</cpe></service></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/>
<service name="https" product="nginx" version="1.22.1"><cpe>cpe:/a:igor_sysoev:nginx:1.22.1</cpe></service></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/><service name="domain"/></port>
</ports></host>
<runstats><finished time="1795305606" exit="success" summary="1 IP address (1 host up) scanned"/></runstats>
</nmaprun>
"""
"""What the scan put out."""


def view(
    type: str, name: str, *, first: int = AT, last: int = AT + HOUR, mentions: int = 1, **properties: Value
) -> VertexView:
    """A vertex as the graph shows it; `Observable/Port` is both types."""
    vertex_type, _, observable_type = type.partition("/")
    kind = ontology().resolve(vertex_type, observable_type)
    canonical = ontology().canonical(vertex_type, observable_type, name)
    merged = values(fold({**properties, "name": name}, at=first, confidence=1.0, rule_of=kind.rule_of))
    return VertexView(
        id=vertex_id(kind.type, vertex_uid(kind.type, kind.observable_type, canonical)),
        type=kind.type,
        observable_type=kind.observable_type,
        name=name,
        properties=merged,
        first_seen=first,
        last_seen=last,
        mentions=mentions,
    )


def fact(
    type: str,
    name: str,
    *,
    malicious: bool = False,
    own: bool = False,
    warned: str = "",
    confidence: float = 1.0,
    reviewed: bool = False,
    items: Sequence[str] = (ITEM,),
    sources: Sequence[str] = (SOURCE,),
    **properties: Value,
) -> Fact:
    """A fact; what is not named here is a property of its vertex."""
    return Fact(
        vertex=view(type, name, **properties),
        malicious=malicious,
        own=own,
        warned=warned,
        confidence=confidence,
        reviewed=reviewed,
        items=tuple(items),
        sources=tuple(sources),
    )


def accused(type: str, name: str, **properties: Value) -> Fact:
    """A fact that a feed of threats names."""
    found = fact(type, name, **properties)
    return replace(found, malicious=True, confidence=0.75, items=(OTHER_ITEM,), sources=(FEED,))


def edge(out: Fact, relation: str, into: Fact, *, count: int = 1, confidence: float = 1.0) -> EdgeView:
    """An edge between two facts."""
    return EdgeView(
        out_id=out.vertex.id,
        in_id=into.vertex.id,
        relation=relation,
        count=count,
        first_seen=max(out.vertex.first_seen, into.vertex.first_seen),
        last_seen=min(out.vertex.last_seen, into.vertex.last_seen),
        confidence=confidence,
    )


def bundle(item: str) -> bytes:
    """A zip that looks as a bundle of a proof does; the same bytes each time."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name in ("payload.bin", "statement.json", "VERIFY.txt", "verify.sh", "SHA256SUMS"):
            archive.writestr(zipfile.ZipInfo(f"vedette-{item}/{name}"), f"{name} of {item}\n")
    return kept.getvalue()


def proof(item: str = ITEM, *, state: str = "strong", payload: bytes = NMAP_XML, with_bundle: bool = True) -> Proof:
    """The proof of an item."""
    digest = hashlib.sha256(payload).hexdigest()
    statement = canonical_json(
        {"engine": "aggregation@localhost", "kind": "item", "payload_sha256": digest, "uuid": item, "v": 1}
    )
    stamps = {
        "pending": (),
        "self-asserted": (Stamp(authority="local", gen_time=AT + 1_000_000, external=False),),
        "proved": (Stamp(authority="tsa.example", gen_time=AT + 2_000_000, external=True),),
        "strong": (
            Stamp(authority="tsa.example", gen_time=AT + 2_000_000, external=True),
            Stamp(authority="second.example", gen_time=AT + 3_500_000, external=True),
        ),
    }[state]
    return Proof(
        item=item,
        state=state,
        statement=statement,
        statement_sha256=hashlib.sha256(statement).hexdigest(),
        payload_sha256=digest,
        agent=AGENT,
        received_at=AT + 500_000,
        stamps=stamps,
        bundle=bundle(item) if with_bundle and stamps else None,
    )


def investigation(
    key: str,
    facts: Iterable[Fact] = (),
    edges: Iterable[Edge | EdgeView] = (),
    *,
    kind: InvestigationKind = "search",
    title: str = "",
    scans: Iterable[Scan] = (),
    proofs: Iterable[Proof] = (),
    withheld: Sequence[Withheld] = (),
    tlp: Tlp = Tlp.AMBER,
    pap: Pap | None = None,
    tags: Sequence[str] = (),
) -> Investigation:
    """An investigation of these parts, in the order in which a gathered one has them."""
    known = sorted(facts, key=lambda one: one.vertex.id)
    ran = sorted(scans, key=lambda one: (one.observed_at, one.item))
    lines = [one if isinstance(one, EdgeView) else edge(*one) for one in edges]
    times = [at for one in known for at in (one.vertex.first_seen, one.vertex.last_seen)]
    times += [one.observed_at for one in ran]
    return Investigation(
        instance=INSTANCE,
        key=key,
        kind=kind,
        title=title or key,
        organisation="Example CSIRT",
        tlp=tlp,
        pap=pap,
        tags=tuple(sorted(tags)),
        first_seen=min(times, default=0),
        last_seen=max(times, default=0),
        facts=known,
        edges=sorted(lines, key=lambda one: (one.out_id, one.in_id, one.relation)),
        scans=ran,
        proofs=sorted(proofs, key=lambda one: one.item),
        withheld=tuple(withheld),
    )


def scan(facts: Iterable[Fact] = ()) -> Scan:
    """What nmap put out of 192.0.2.7."""
    return Scan(
        item=ITEM,
        agent=AGENT,
        tool="nmap",
        target="192.0.2.7",
        command=("nmap", "-sV", "-oX", "-", "192.0.2.7"),
        exit_code=0,
        verdict="as expected",
        observed_at=AT,
        raw=NMAP_XML,
        sha256=hashlib.sha256(NMAP_XML).hexdigest(),
        size=len(NMAP_XML),
        content_type="application/xml",
        file_name=f"nmap-{ITEM}.xml",
        services=(
            _service(22, name="ssh", product="OpenSSH", version="9.2p1", cpe="cpe:/a:openbsd:openssh:9.2p1"),
            _service(53, protocol="udp", name="domain"),
            _service(443, name="https", product="nginx", version="1.22.1", cpe="cpe:/a:igor_sysoev:nginx:1.22.1"),
        ),
        vertices=tuple(sorted(one.vertex.id for one in facts)),
    )


def _service(
    port: int, *, protocol: str = "tcp", name: str = "", product: str = "", version: str = "", cpe: str = ""
) -> Service:
    return Service(
        address="192.0.2.7",
        port=port,
        protocol=protocol,
        name=name,
        product=product,
        version=version,
        cpe=cpe,
        hostname="www.example.org",
    )
