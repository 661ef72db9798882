"""`bugtraq`: SecurityFocus' pages."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.bugtraq import Bugtraq


def _page(kind: str, body: str, number: int = 77) -> str:
    tabs = "".join(
        f'<li{" class=here" if name == kind else ""}><a href="/bid/{number}/{name}">{name}</a></li>'
        for name in ("info", "discussion", "exploit", "solution", "references")
    )
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"
"http://www.w3.org/TR/html4/loose.dtd">
<html><head><title>Anvil Vulnerability</title></head><body><div id="tabs"><ul>{tabs}</ul></div>
<div id="vulnerability"><span class="title">ACME Anvil Falling Vulnerability</span><br/><br/>{body}
</div></body></html>
"""


def info(cve: str) -> str:
    cells = {
        "Bugtraq ID": "77",
        "Class": "Design Error",
        "CVE": cve,
        "Remote": "No",
        "Local": "Yes",
        "Published": "Jan 16 2031 12:00AM",
        "Updated": "Feb 30 2031 12:00AM",
        "Credit": "Wile E. &lt;wile@acme.example&gt;",
        "Vulnerable": """ACME Anvil 1.2 <br/><span class="related">
            - ACME Desert 1 <br/></span><span class="related">- ACME Desert 2<br/></span>
            ACME Anvil  1.1<br/>""",
        "Not Vulnerable": "ACME Anvil 1.3<br/>ACME Feather<br/>",
    }
    rows = "".join(
        f'<tr><td><span class="label">{label}:</span></td><td>{text}</td></tr>' for label, text in cells.items()
    )
    return _page("info", f"<table>{rows}</table>")


def test_the_first_page_has_the_facts() -> None:
    subgraph = read(Bugtraq, info("CVE-2031-0001<br/>"))
    said(
        named(subgraph, "CVE-2031-0001"),
        source=("Bugtraq",),
        alias=("BID-77",),
        bugtraqID="77",
        shortDescription=("ACME Anvil Falling Vulnerability",),
        description=None,
        **{"class": "Design Error"},
        remote="No",
        local="Yes",
        credit="Wile E. <wile@acme.example>",
        publishedDate=1926288000000,
        modifiedDate=None,
        notVulnerable=("ACME Anvil 1.3", "ACME Feather"),
    )
    edges = {subgraph.vertices[edge.in_id].name: edge.properties for edge in subgraph.edges}
    assert edges == {"ACME Anvil 1.2": {"platforms": ("ACME Desert 1", "ACME Desert 2")}, "ACME Anvil 1.1": {}}
    assert [problem.reason for problem in subgraph.problems] == ["updated: 'Feb 30 2031 12:00AM' is no date"]


def test_several_pages_are_one_vulnerability() -> None:
    content = (
        _page("references", '<b>References:</b><ul><li><a href="http://a.example/">Home</a> (ACME)</li></ul>')
        + _page("discussion", "An <b>anvil</b> falls.<br/>Twice.")
        + info("CVE-2031-0001")
        + _page("solution", "<b>Solution:</b><br/>Look up.")
        + _page("exploit", 'Drop it.<ul><li><a href="/data/anvil.c">/data/anvil.c</a></li></ul>')
    )
    subgraph = read(Bugtraq, content)
    said(
        named(subgraph, "CVE-2031-0001"),
        description=("ACME Anvil Falling Vulnerability An anvil falls. Twice.",),
        references=("http://a.example/",),
        exploitability="Drop it. /data/anvil.c",
    )
    said(
        named(subgraph, "Remedy of CVE-2031-0001"), vertexType="Course_Of_Action", description=("Solution: Look up.",)
    )
    assert relations(subgraph) == {
        ("CVE-2031-0001", "ExploitTargetRelatedObservable", "ACME Anvil 1.2"),
        ("CVE-2031-0001", "ExploitTargetRelatedObservable", "ACME Anvil 1.1"),
        ("CVE-2031-0001", "PotentialCOA", "Remedy of CVE-2031-0001"),
        ("/data/anvil.c", "Exploits", "CVE-2031-0001"),
    }


def test_a_page_alone_has_the_bugtraq_id_as_name() -> None:
    subgraph = read(Bugtraq, _page("discussion", "An anvil falls."))
    said(named(subgraph, "BID-77"), alias=None, bugtraqID="77")


def test_several_cves_are_no_other_names_of_each_other() -> None:
    subgraph = read(Bugtraq, info("CVE-2031-0001<br/>CVE-2031-0002"))
    said(named(subgraph, "BID-77"), alias=None)
    assert {edge for edge in relations(subgraph) if edge[1] == "RelatedExploitTarget"} == {
        ("BID-77", "RelatedExploitTarget", "CVE-2031-0001"),
        ("BID-77", "RelatedExploitTarget", "CVE-2031-0002"),
    }


@pytest.mark.parametrize(
    "content",
    [
        "",
        "words",
        "<html><body>Not found</body></html>",
        "<html><div id=vulnerability>x</div></html>",
        "<html><a href='/bid/x/info'>x</a><div id=vulnerability>x</div></html>",
        "<html><div id=vulnerability><table><tr><td>Bugtraq ID:</td><td>9 or 10</td></tr></table></div></html>",
    ],
)
def test_what_is_no_page_of_theirs_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        Bugtraq().extract(Document(content=content.encode()))


def test_a_page_of_another_kind_costs_itself() -> None:
    subgraph = read(Bugtraq, _page("discussion", "x") + "<html><body>Error 500</body></html>")
    assert named(subgraph, "BID-77")
    assert [problem.reason for problem in subgraph.problems] == [
        "no page on a vulnerability: a Bugtraq id and a text are expected"
    ]


@needs_cases()
def test_what_stucco_asserts_is_found() -> None:
    found = score("BugtraqExtractorTest", lambda case: read(Bugtraq, "".join(case.inputs.values())))
    assert not found.missing, found
