"""A picture of all that prose can say: every kind of entity that becomes a vertex, and every relation."""

from __future__ import annotations

from typing import Any

from tests.vedette.extraction.prose.annotations import annotated
from vedette.extraction.prose.graph.subgraph import subgraph_of
from vedette.graph.port import EdgeView, Picture, VertexView

AT = 1_795_305_600_000_000

SENTENCES = (
    "[Emotet|MALWARE] of [TA542|THREAT_ACTOR] uses [Mimikatz|TOOL] against [Acme|ORG], [Peru|LOC], [energy|SECTOR].",
    "It connects to [203.0.113.7|IPV4], [2001:db8::1|IPV6], [a.example|DOMAIN], [http://b.example/x|URL].",
    "[Emotet|MALWARE] drops [evil.exe|FILE] in [C:\\Temp\\evil.exe|PATH], [" + "ab" * 32 + "|SHA256] and "
    "[HKLM\\Software\\Evil|REGISTRY_KEY], [x@b.example|EMAIL], [bc1qar0srrr7xfkvy5|BITCOIN].",
    "[CVE-2020-1111|VULN_ID], [heap overflow|VULNERABILITY] in [Microsoft|VENDOR] [Word|SOFTWARE] [2013|VERSION].",
    "[Op Sun|CAMPAIGN] does [phishing|ATTACK_PATTERN] ([T1566|TECHNIQUE_ID]), [AS64500|ASN], [192.0.2.0/24|CIDR].",
    "A [race condition|VULNERABILITY] ([CWE-362|WEAKNESS_ID]) in the [Linux kernel|OS] is exploited.",
)
SAYS: list[Any] = [
    (0, "attributed-to", 1),
    (0, "uses", 2),
    (1, "targets", 3),
    (1, "located-at", 4),
    (1, "targets", 5),
    *((0, "communicates-with", number) for number in (6, 7, 8, 9)),
    *((10, "drops", number) for number in (11, 12, 13)),
    (10, "exploits", 17),
    (17, "cve-of", 18),
    (17, "cve-of", 20),
    (18, "vulnerability-of", 20),
    (19, "vendor-of", 20),
    (21, "version-of", 20),
    (22, "uses", 23),
    (22, "attributed-to", 1),
    (27, "vulnerability-of", 29),
    (0, "exploits", 27),
]


def picture() -> Picture:
    """Return all that prose can say as the graph has it."""
    found = subgraph_of(annotated(*SENTENCES, says=SAYS, same={10: 0}, techniques={0: ("T1003", 0.9)}))
    own = {"vertexType", "observableType", "name"}
    return Picture(
        vertices=tuple(
            VertexView(
                id=one.id,
                type=one.type,
                observable_type=one.observable_type,
                name=one.name,
                properties={name: value for name, value in one.properties.items() if name not in own},
                first_seen=AT,
                last_seen=AT,
                mentions=1,
            )
            for one in found.vertices.values()
        ),
        edges=tuple(
            EdgeView(
                out_id=one.out_id,
                in_id=one.in_id,
                relation=one.relation,
                count=1,
                first_seen=AT,
                last_seen=AT,
                confidence=float(str(one.properties.get("certainty", 1.0))),
            )
            for one in found.edges
        ),
    )
