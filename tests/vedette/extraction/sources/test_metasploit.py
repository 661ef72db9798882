"""`metasploit`: modules as a table and as JSON."""

from __future__ import annotations

import json

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.metasploit import Metasploit

HEADER = (
    '"id","mtime","file","mtype","refname","fullname","name","rank","description","license","privileged",'
    '"disclosure_date","default_target","default_action","stance","ready","ref_names","author_names"\n'
)


def test_rows_are_exploits_of_vulnerabilities() -> None:
    content = (
        HEADER
        + '7,"2030-05-07 00:25:41","/m/anvil.rb","exploit","acme/anvil","exploit/acme/anvil",'
        + '"ACME Anvil Drop",500,'
        + '"Drops an ""anvil"".\nTwice.","BSD","f","2030-01-02 00:00:00",0,,"aggressive","t",'
        + '"BID-1, CVE-2030-0001, cve-2030-0002, CVE-2030-0001, URL-http://a.example/?x=1",'
        + '"Wile, E. <e@acme.example>"\n'
        + '8,,,"auxiliary",,"auxiliary/x",,,,,,"soon",,,,,,\n'
        + "9,,,,,,,,,,,,,,,,,\n"
        + "10,too,few\n"
    )
    subgraph = read(Metasploit, content)
    said(
        named(subgraph, "exploit/acme/anvil"),
        vertexType="Exploit",
        source=("Metasploit",),
        description=('Drops an "anvil".\nTwice.',),
        shortDescription=("ACME Anvil Drop",),
        exploitType="exploit",
        rank="500",
        discoveryDate=1893542400000,
        references=("BID-1", "CVE-2030-0001", "cve-2030-0002", "URL-http://a.example/?x=1"),
    )
    assert relations(subgraph) == {
        ("exploit/acme/anvil", "Exploits", "CVE-2030-0001"),
        ("exploit/acme/anvil", "Exploits", "CVE-2030-0002"),
    }
    said(named(subgraph, "CVE-2030-0001"), vertexType="Vulnerability", description=("CVE-2030-0001",))
    assert str(named(subgraph, "exploit/acme/anvil").position).startswith("row 2 [")
    assert [problem.reason for problem in subgraph.problems] == [
        "disclosure_date: 'soon' is no date",
        "a module without a full name",
        "a module without a full name",
    ]


def test_the_module_list_says_the_same() -> None:
    module = {
        "name": "ACME Anvil Drop",
        "fullname": "exploit/acme/anvil",
        "aliases": ["exploit/acme/old_anvil"],
        "rank": 500,
        "disclosure_date": "2030-01-02",
        "type": "exploit",
        "author": ["Wile E."],
        "description": "Drops\n  an anvil.",
        "references": ["CVE-2030-0001", "URL-http://a.example/"],
        "platform": "Linux,Windows",
        "targets": ["Automatic"],
        "mod_time": "2030-05-07 06:26:21 +0100",
        "path": "/modules/exploits/acme/anvil.rb",
    }
    content = json.dumps({"exploit_acme/anvil": module, "broken": [], "x": {"fullname": None}})
    subgraph = read(Metasploit, content)
    exploit = named(subgraph, "exploit/acme/anvil")
    said(
        exploit,
        description=("Drops an anvil.",),
        platforms=("Linux", "Windows"),
        targets=("Automatic",),
        authors=("Wile E.",),
        alias=("exploit/acme/old_anvil",),
        modifiedDate=1904361981000,
        discoveryDate=1893542400000,
    )
    assert json.loads(content[exploit.position.start : exploit.position.end]) == module
    assert relations(subgraph) == {("exploit/acme/anvil", "Exploits", "CVE-2030-0001")}
    assert len(subgraph.problems) == 3


def test_nothing_and_nonsense() -> None:
    assert not read(Metasploit, "")
    assert not read(Metasploit, HEADER)
    assert not read(Metasploit, "{}")
    for wrong in ("[1]", '{"a": 1}', '{"a"', "just words\n"):
        with pytest.raises(ExtractionError):
            Metasploit().extract(Document(content=wrong.encode()))


@needs_cases()
@pytest.mark.parametrize("suite", ["MetasploitExtractorTest", "scala_MetasploitExtractorSuite"])
def test_what_stucco_asserts_is_found(suite: str) -> None:
    found = score(suite, lambda case: read(Metasploit, "".join(case.inputs.values())))
    assert not found.missing, found
