"""Who accuses whom: lists of threats, analyses and indicators do, scans and sentences never."""

from __future__ import annotations

import pytest

from tests.sharing_parts import fact
from vedette.sharing.investigation import Fact
from vedette.sharing.verdicts import ANALYSES, LISTS, Stated, malicious_of

MALWARE = fact("Malware", "Emotet")
IP = fact("IP", "203.0.114.66")
DOMAIN = fact("Observable/Domain Name", "c2.evil.test")
URL = fact("Observable/URI", "http://c2.evil.test/gate")
HASH = fact("Observable/File", "ab" * 32, sha256="ab" * 32)
NAME = fact("Observable/File", "svchost.exe")


def accused(*edges: tuple[Fact, str, Fact, str]) -> set[str]:
    facts = {one.vertex.id: one.vertex for edge in edges for one in (edge[0], edge[2])}
    stated = [
        Stated(out_id=out.vertex.id, relation=relation, in_id=into.vertex.id, extractors=frozenset({who}))
        for out, relation, into, who in edges
    ]
    found = malicious_of(facts, stated)
    assert malicious_of(facts, reversed(stated)) == found
    return {facts[id].name for id in found}


@pytest.mark.parametrize("who", sorted(LISTS))
def test_a_list_accuses_what_it_relates_a_malware_to(who: str) -> None:
    found = accused(
        (MALWARE, "UsesIP", IP, who), (MALWARE, "Observable", URL, who), (URL, "Sub-Observable", DOMAIN, who)
    )

    assert found == {"Emotet", "203.0.114.66", "http://c2.evil.test/gate"}


@pytest.mark.parametrize("who", sorted(ANALYSES))
def test_an_analysis_accuses_files_by_hash_only(who: str) -> None:
    edges = [(MALWARE, "Observable", one, who) for one in (HASH, NAME, URL)]

    assert accused(*edges, (MALWARE, "UsesIP", IP, who)) == {"Emotet", "ab" * 32}


@pytest.mark.parametrize("who", ["nmap", "stix", "text", "argus", "tcp-connect", "situ"])
def test_nobody_else_does(who: str) -> None:
    assert accused((MALWARE, "UsesIP", IP, who), (MALWARE, "Observable", HASH, who)) == {"Emotet"}


def test_an_indicator_accuses_what_it_is_made_of_if_it_says_malicious() -> None:
    def indicator(**said: tuple[str, ...]) -> Fact:
        return fact("Indicator", "Gate", **said)

    bad = indicator(indicatorTypes=("malicious-activity",))
    old = indicator(labels=("Malicious-Activity",))
    other = indicator(indicatorTypes=("anomalous-activity",))

    assert accused((bad, "Observable", IP, "stix")) == {"Gate", "203.0.114.66"}
    assert accused((old, "based-on", DOMAIN, "stix")) == {"Gate", "c2.evil.test"}
    assert accused((bad, "IndicatedTTP", MALWARE, "stix"), (bad, "RelatedObservable", IP, "stix")) == {
        "Gate",
        "Emotet",
    }
    assert accused((other, "Observable", IP, "stix")) == set()


def test_what_says_so_itself_is_believed() -> None:
    sure, unsure = fact("IP", "203.0.114.67", to_ids="true"), fact("IP", "203.0.114.68", to_ids="false")

    assert accused((sure, "related-to", unsure, "misp")) == {"203.0.114.67"}


def test_an_edge_to_what_is_not_there_counts_for_nothing() -> None:
    stated = Stated(out_id=MALWARE.vertex.id, relation="UsesIP", in_id="gone", extractors=frozenset(LISTS))

    assert malicious_of({}, [stated]) == frozenset()
