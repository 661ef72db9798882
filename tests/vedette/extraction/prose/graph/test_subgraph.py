"""Annotated documents as subgraphs: named and related as feeds do it, nothing that is denied or too unsure."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.vedette.extraction.prose.annotations import Stated, annotated
from vedette.extraction.interface import Document
from vedette.extraction.prose.annotated import AnnotatedDocument
from vedette.extraction.prose.graph.subgraph import subgraph_of, vertices_of
from vedette.extraction.prose.graph.telling import Telling
from vedette.extraction.sources.nvd import Nvd
from vedette.extraction.subgraph import Subgraph
from vedette.graph.ontology import ontology


def names(subgraph: Subgraph) -> list[str]:
    """Return what there is, in order."""
    return [f"{one.observable_type or one.type} {one.name}" for one in subgraph.vertices.values()]


def edges(subgraph: Subgraph) -> set[tuple[str, str, str]]:
    """Return the relations by the names of their ends."""
    of = subgraph.vertices
    return {(of[one.out_id].name, one.relation, of[one.in_id].name) for one in subgraph.edges}


WORD = "cpe:2.3:a:microsoft:word:{}:*:*:*:*:*:*:*"


@pytest.mark.parametrize(
    ("sentence", "says", "edge"),
    [
        ("[Emotet|MALWARE] uses [Mimikatz|TOOL]", (0, "uses", 1), ("Emotet", "RelatedTTP", "Mimikatz")),
        ("[FIN7|THREAT_ACTOR] uses [Carbanak|MALWARE]", (0, "uses", 1), ("FIN7", "RelatedTTP", "Carbanak")),
        ("[FIN7|THREAT_ACTOR] in [Acme|ORG]", (0, "targets", 1), ("FIN7", "targets", "Acme")),
        ("[FIN7|THREAT_ACTOR] hits [energy|SECTOR]", (0, "targets", 1), ("FIN7", "targets", "energy")),
        ("[FIN7|THREAT_ACTOR] of [Peru|LOC]", (0, "located-at", 1), ("FIN7", "located-at", "Peru")),
        (
            "[Op Sun|CAMPAIGN] by [FIN7|THREAT_ACTOR]",
            (0, "attributed-to", 1),
            ("Op Sun", "RelatedThreatActor", "FIN7"),
        ),
        (
            "[Emotet|MALWARE] uses [CVE-2020-1111|VULN_ID]",
            (0, "exploits", 1),
            ("Emotet", "Exploits", "CVE-2020-1111"),
        ),
        ("[Emotet|MALWARE] to [192.0.2.1|IPV4]", (0, "communicates-with", 1), ("Emotet", "UsesIP", "192.0.2.1")),
        (
            "[Emotet|MALWARE] to [a.example|DOMAIN]",
            (0, "communicates-with", 1),
            ("Emotet", "Observable", "a.example"),
        ),
        ("[Emotet|MALWARE] drops [evil.exe|FILE]", (0, "drops", 1), ("Emotet", "drops", "evil.exe")),
        ("[Emotet|MALWARE] does [phishing|ATTACK_PATTERN]", (0, "uses", 1), ("Emotet", "RelatedTTP", "phishing")),
    ],
)
def test_relations_are_those_of_feeds(sentence: str, says: Stated, edge: tuple[str, str, str]) -> None:
    found = subgraph_of(annotated(sentence, says=[says]))
    assert edges(found) == {edge}
    # Each has its place, and STIX a word for it
    (one,) = found.edges
    assert (one.position.label, one.properties["certainty"]) == ("sentence 1", 0.9)
    assert one.properties["sentence"] == annotated(sentence).text
    assert one.relation in ontology().relations


def test_what_is_denied_or_too_unsure_is_not_there() -> None:
    marked = "[Emotet|MALWARE] may use [Mimikatz|TOOL]"

    def said(**of: Any) -> set[tuple[str, str, str]]:
        return edges(subgraph_of(annotated(marked, says=[(0, "uses", 1, of)])))

    assert said()
    assert said(confidence=0.5)
    assert not said(negated=True)
    assert not said(confidence=0.49)
    # Who hedges has half the confidence, and half of it is asked for
    assert said(confidence=0.3, hedged=True)
    assert not said(confidence=0.2, hedged=True)
    assert said(confidence=0.1, origin="person")
    unsure = annotated(marked, says=[(0, "uses", 1)], sure=0.4)
    assert not subgraph_of(unsure)
    assert edges(subgraph_of(unsure, least_confidence=0.3))


def test_only_what_its_name_tells_apart_is_a_vertex_where_it_is_only_mentioned() -> None:
    found = subgraph_of(
        annotated(
            "[Acme|VENDOR] of [Peru|LOC] found [Emotet|MALWARE] in [a.txt|FILE], [id|PARAMETER], [192.0.2.1|IPV4].",
            "A [buffer overflow|VULNERABILITY], [CVE-2020-1111|VULN_ID], [Log4Shell|VULNERABILITY], [Foo|SOFTWARE].",
            "[" + "ab" * 16 + "|MD5] and [bc1q|BITCOIN]",
        )
    )
    assert names(found) == [
        "Malware Emotet",
        "Address 192.0.2.1",
        "Vulnerability CVE-2020-1111",
        "Vulnerability Log4Shell",
        "File " + "ab" * 16,
        "Cryptocurrency Address bc1q",
    ]


CVE = "[CVE-2020-1111|VULN_ID] is in [Microsoft|VENDOR] [Word|SOFTWARE] [2013|VERSION] and [2016|VERSION]"
CVE_SAYS: list[Stated] = [(0, "cve-of", 2), (1, "vendor-of", 2), (3, "version-of", 2), (4, "version-of", 2)]


def test_a_sentence_and_nvd_speak_of_the_same_product() -> None:
    feed = (
        b'<nvd xmlns="http://scap.nist.gov/schema/feed/vulnerability/2.0"><entry id="CVE-2020-1111"'
        b' xmlns:v="http://scap.nist.gov/schema/vulnerability/0.4"><v:vulnerable-software-list>'
        b"<v:product>cpe:/a:microsoft:word:2013</v:product></v:vulnerable-software-list></entry></nvd>"
    )

    def canonical(subgraph: Subgraph) -> set[tuple[str, str, str]]:
        of = {
            id: ontology().canonical(one.type, one.observable_type, one.name) for id, one in subgraph.vertices.items()
        }
        return {(of[one.out_id], one.relation, of[one.in_id]) for one in subgraph.edges}

    told = canonical(subgraph_of(annotated(CVE, says=CVE_SAYS)))
    assert told == {("CVE-2020-1111", "ExploitTargetRelatedObservable", WORD.format(v)) for v in ("2013", "2016")}
    (fed,) = canonical(Nvd().extract(Document(content=feed)))
    assert fed in told


def test_ranges_of_versions_stand_on_the_edge_to_the_product() -> None:
    marked = "[CVE-2020-1111|VULN_ID] in [Microsoft|VENDOR] [Word|SOFTWARE] [2.x|VERSION] before [2.4.1|VERSION]"
    says = [(0, "cve-of", 2), (1, "vendor-of", 2), (3, "version-of", 2), (4, "not-version", 2)]
    found = subgraph_of(annotated(marked, says=says))
    (edge,) = found.edges
    assert found.vertices[edge.in_id].name == WORD.format("*")
    assert (edge.properties["versionRanges"], edge.properties["notVulnerable"]) == ((">= 2, < 2.4.1",), ("2.4.1",))


def test_versions_of_another_vulnerability_are_not_taken_over() -> None:
    first = "[CVE-2020-1111|VULN_ID] is in [Acme|VENDOR] [Foo|SOFTWARE] [1.0|VERSION]."
    says: list[Stated] = [(0, "cve-of", 2), (1, "vendor-of", 2), (3, "version-of", 2), (4, "cve-of", 5)]
    found = subgraph_of(annotated(first, "[CVE-2020-2222|VULN_ID] is in [Foo|SOFTWARE].", says=says, same={5: 2}))
    foo = "cpe:2.3:a:acme:foo:{}:*:*:*:*:*:*:*"
    related = "ExploitTargetRelatedObservable"
    assert edges(found) == {
        ("CVE-2020-1111", related, foo.format("1.0")),
        ("CVE-2020-2222", related, foo.format("*")),
    }
    one = "The flaw [CVE-2020-1111|VULN_ID] is in [Foo|SOFTWARE]."
    alone = annotated(
        one, "[Foo|SOFTWARE] [1.0|VERSION] is old.", says=[(0, "cve-of", 1), (3, "version-of", 2)], same={2: 1}
    )
    assert edges(subgraph_of(alone)) == {("CVE-2020-1111", related, "Foo 1.0")}


@pytest.mark.parametrize(
    ("vendor", "software", "label", "version", "name"),
    [
        ("", "Foo Bar", "SOFTWARE", "1.2", "Foo Bar 1.2"),
        ("", "Windows", "OS", "10", "cpe:2.3:o:microsoft:windows_10:*:*:*:*:*:*:*:*"),
        ("Microsoft", "Windows Server", "OS", "2019", "cpe:2.3:o:microsoft:windows_server_2019:*:*:*:*:*:*:*:*"),
        ("", "Linux kernel", "OS", "5.10", "cpe:2.3:o:linux:linux_kernel:5.10:*:*:*:*:*:*:*"),
        ("Apache", "Apache HTTP Server", "SOFTWARE", "2.4.1", "cpe:2.3:a:apache:http_server:2.4.1:*:*:*:*:*:*:*"),
        ("Acme, Inc.", "C++ Tool", "SOFTWARE", "1", r"cpe:2.3:a:acme:c\+\+_tool:1:*:*:*:*:*:*:*"),
    ],
)
def test_products_are_named_as_nvd_names_them(
    vendor: str, software: str, label: str, version: str, name: str
) -> None:
    marked = f"[{vendor or 'x'}|VENDOR] [{software}|{label}] [{version}|VERSION]"
    says: list[Stated] = [(2, "version-of", 1), *([(0, "vendor-of", 1)] if vendor else [])]
    (vertex,) = subgraph_of(annotated(marked, says=says)).vertices.values()
    assert vertex.name == name


def test_vulnerabilities_without_an_id_are_what_their_words_say() -> None:
    related = "ExploitTargetRelatedObservable"
    words = "A [buffer overflow|VULNERABILITY] in [Foo|SOFTWARE]"
    of = [(0, "vulnerability-of", 1)]
    assert edges(subgraph_of(annotated(words, says=of))) == {("buffer overflow in Foo", related, "Foo")}
    with_id = annotated(f"{words}, [CVE-2020-1111|VULN_ID]", says=[*of, (2, "cve-of", 0)])
    found = subgraph_of(with_id)
    assert edges(found) == {("CVE-2020-1111", related, "Foo")}
    assert found.vertices[found.edges[0].out_id].properties["tags"] == ("buffer overflow",)


def test_names_of_one_thing_are_one_vertex_and_outright_aliases_are_kept() -> None:
    marked = ["[Qakbot|MALWARE], also called [Qbot|MALWARE], uses [Mimikatz|TOOL].", "[QBot|MALWARE] is back."]
    document = annotated(*marked, says=[(1, "same-as", 0), (1, "uses", 2)], same={1: 0, 3: 0})
    found = subgraph_of(document)
    assert names(found) == ["Malware Qakbot", "Tool Mimikatz"]
    assert next(iter(found.vertices.values())).properties["alias"] == ("Qbot",)
    assert vertices_of(document) == {number: ("Malware", "", "Qakbot") for number in (0, 1, 3)} | {
        2: ("Tool", "", "Mimikatz")
    }
    hedged = annotated(*marked, says=[(1, "same-as", 0, {"hedged": True})], same={1: 0})
    assert all("alias" not in one.properties for one in subgraph_of(hedged).vertices.values())


def test_a_technique_is_that_of_the_only_one_who_could_be_meant() -> None:
    told = {0: ("T1566", 0.9)}
    one = subgraph_of(annotated("[Emotet|MALWARE] comes by mail.", techniques=told))
    assert edges(one) == {("Emotet", "RelatedTTP", "T1566")}
    two = subgraph_of(annotated("[Emotet|MALWARE] and [Qbot|MALWARE] come by mail.", techniques=told))
    assert (edges(two), "TTP T1566" in names(two)) == (set(), True)


def test_places_are_the_sentences_bytes() -> None:
    document = annotated("[Emotet|MALWARE] is here.", "[Qbot|MALWARE] too.")
    found = subgraph_of(document, places=[(10, 30), None])
    assert [str(one.position) for one in found.vertices.values()] == ["sentence 1 [10-30]", "sentence 2"]


def test_a_document_that_was_not_read_states_nothing() -> None:
    assert not subgraph_of(AnnotatedDocument(text="Ein Satz.", language="de", read=False))


def test_the_versions_of_a_product_in_thousands_of_sentences_are_no_work_squared() -> None:
    def spent(times: int) -> float:
        document = annotated(
            *(f"[Foo|SOFTWARE] [{number}.0|VERSION] is bad." for number in range(times)),
            says=[(at + 1, "version-of", at) for at in range(0, 2 * times, 2)],
            same={2 * number: 0 for number in range(1, times)},
        )
        tries = []
        for _ in range(3):
            telling = Telling(document, least_confidence=0.5)
            begin = time.process_time()
            assert all(telling.versions(0, number).exact == [f"{number}.0"] for number in range(times))
            tries.append(time.process_time() - begin)
        return min(tries)

    assert spent(3_200) < 64 * max(spent(200), 0.001), "sixteen times as many"
