"""Another program, ioc-finder, reads the same reports: what it finds rightly is found here, with fewer errors."""

from __future__ import annotations

from typing import Final

import pytest

from tests.vedette.extraction.prose.indicators.stated_texts import MD5, SHA1, SHA256
from vedette.extraction.prose.indicators.finding import find
from vedette.graph.canonical import canonical

Facts = set[tuple[str, str]]

REPORT: Final = f"""
Copper Jackal returned on 2026-11-02 at 12:30:45 with a loader (update.py, version 1.2.3.4) that talks to
hxxps[:]//cdn-stage[.]top/gate.php?id=7 and, if that fails, to 198.51.100[.]23:8443 or panel(dot)harbourmist(dot)net.
The mail came from billing[at]harbourmist[.]net. See https://research.example.org/blog/copper_(part_2).

It exploits CVE-2021-44228 (CWE-502) and MS17-010; Firmware 10.0.0.1 build 77 and earlier are affected. Section
2.3.4.5 of the vendor's guide says how ASP.NET and node.js services, e.g. System.Net.WebClient, are hardened.
The dropper writes C:\\Users\\Public\\Libraries\\svchost.exe, sets
HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run and calls os.system; item.id is logged to install.sh.
Technique T1059.001. Ransom: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2.

Hashes: {MD5}, {SHA1} and {SHA256}. Infrastructure: 203.0.113.0/24 in AS64500, 2001:db8:77::5, xn--bcher-kva.de.
Commit {SHA1[::-1]} repaired it, README.md says.
"""
WANTED: Final[Facts] = {
    ("url", "https://cdn-stage.top/gate.php?id=7"),
    ("url", "https://research.example.org/blog/copper_(part_2)"),
    ("ip", "198.51.100.23"),
    ("ip", "2001:db8:77::5"),
    ("domain", "panel.harbourmist.net"),
    ("domain", "xn--bcher-kva.de"),
    ("email", "billing@harbourmist.net"),
    ("cve", "CVE-2021-44228"),
    ("bulletin", "MS17-010"),
    ("weakness", "CWE-502"),
    ("technique", "T1059.001"),
    ("bitcoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ("hash", MD5),
    ("hash", SHA1),
    ("hash", SHA256),
    ("network", "203.0.113.0/24"),
    ("asn", "AS64500"),
    ("path", "C:\\Users\\Public\\Libraries\\svchost.exe"),
    ("key", "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"),
}
IMPLIED: Final[Facts] = {
    ("domain", "cdn-stage.top"),
    ("domain", "research.example.org"),
    ("domain", "harbourmist.net"),
    ("ip", "203.0.113.0"),
}
"""What is right, too, but said with a URL, an address or a network that it is a part of."""

OURS: Final = {
    **{"URL": "url", "IPV4": "ip", "IPV6": "ip", "DOMAIN": "domain", "EMAIL": "email", "MD5": "hash", "SHA1": "hash"},
    **{
        "SHA256": "hash",
        "CIDR": "network",
        "ASN": "asn",
        "PATH": "path",
        "REGISTRY_KEY": "key",
        "BITCOIN": "bitcoin",
    },
    **{"TECHNIQUE_ID": "technique", "WEAKNESS_ID": "weakness"},
}
THEIRS: Final = {
    **{"urls": "url", "ipv4s": "ip", "ipv6s": "ip", "domains": "domain", "email_addresses": "email", "md5s": "hash"},
    **{
        "sha1s": "hash",
        "sha256s": "hash",
        "ipv4_cidrs": "network",
        "asns": "asn",
        "file_paths": "path",
        "cves": "cve",
    },
    **{"registry_key_paths": "key", "bitcoin_addresses": "bitcoin"},
}


@pytest.fixture(scope="module")
def ours() -> Facts:
    found = {(OURS[one.label], one.value) for one in find(REPORT) if one.label in OURS}
    ids = {one.value for one in find(REPORT) if one.label == "VULN_ID"}
    return found | {("cve" if name.startswith("CVE") else "bulletin", name) for name in ids}


@pytest.fixture(scope="module")
def theirs() -> Facts:
    # Not above: who only collects the tests would make its grammars, too.
    from ioc_finder import find_iocs  # type: ignore[import-untyped]

    found = find_iocs(REPORT)
    facts = {(kind, _canonical(kind, value)) for key, kind in THEIRS.items() for value in found.get(key, [])}
    techniques = found.get("attack_techniques", {}).get("enterprise", [])
    return facts | {("technique", value) for value in techniques}


def _canonical(kind: str, value: str) -> str:
    if kind == "key":
        return value.replace("HKCU", "HKEY_CURRENT_USER")
    return canonical(kind, value) if kind in {"url", "ip", "domain", "email", "cve", "asn", "hash"} else value


def test_all_of_the_report_is_found_and_nothing_else(ours: Facts) -> None:
    assert ours == WANTED


def test_what_the_other_finds_rightly_is_found(ours: Facts, theirs: Facts) -> None:
    assert len(theirs & WANTED) >= 9, "the other program reads the report no longer: compare with another one"
    assert theirs & WANTED <= ours


def test_there_are_fewer_errors_than_the_others(ours: Facts, theirs: Facts) -> None:
    false = theirs - WANTED - IMPLIED
    assert len(ours - WANTED) < len(false), false
