"""`fsecure`: threat descriptions."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.fsecure import FSecure

PAGE = """<html lang="en"></html><head><meta charset="UTF-8"><title>x</title></head><body>
<h3>Threat Description</h3><h1>Trojan:\u200bW32/Anvil</h1>
<table class="details-table"><tr><td><b><a href="/t">Aliases:</a></b></td>
  <td>Trojan:\u200bW32/Anvil, Trojan:?W32/Anvil.[variant],  Anvil</td></tr>
<tr><td>Category:</td><td>Malware<br></td></tr><tr><td>Type:</td><td>Trojan</td></tr>
<tr><td>Platform:</td><td> W32 <br></td></tr></table>
<div id="maincontent"><div><h2>Summary</h2><hr><p>An anvil
  <b>falls</b>.</p><h2>Removal</h2><h5>Automatic</h5><p>Look up.</p><h2>Technical Details</h2><hr>
  <p>It looks so:</p><img src="http://a.example/anvil.png"></div></div><h2>Scan your PC</h2></body>
"""


def test_a_description_is_read() -> None:
    subgraph = read(FSecure, PAGE)
    said(
        named(subgraph, "Trojan:W32/Anvil"),
        vertexType="Malware",
        source=("F-Secure",),
        description=("An anvil falls.", "It looks so: http://a.example/anvil.png"),
        alias=("Trojan:W32/Anvil.[variant]", "Anvil"),
        malwareType=("Malware", "Trojan"),
        platform=("W32",),
    )
    said(named(subgraph, "Remedy of Trojan:W32/Anvil"), description=("Automatic Look up.",))
    assert relations(subgraph) == {("Trojan:W32/Anvil", "SuggestedCOA", "Remedy of Trojan:W32/Anvil")}
    assert not subgraph.problems


def test_several_pages_are_several_malwares_and_an_error_page_none() -> None:
    error = "<!DOCTYPE html><html><body><h1>Not found</h1></body></html>"
    content = "<!DOCTYPE html>" + PAGE.replace("<html lang", "<html x") + error
    subgraph = read(FSecure, content)
    assert named(subgraph, "Trojan:W32/Anvil")
    assert [problem.reason[:21] for problem in subgraph.problems] == ["no threat description"]


@pytest.mark.parametrize("content", ["", "words", "<html><h1>404</h1></html>", "<html><body><h1></h1></body></html>"])
def test_what_is_no_description_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        FSecure().extract(Document(content=content.encode()))


def test_hostile_texts_are_text() -> None:
    hostile = PAGE.replace("Anvil", "<![CDATA[<script>alert(1)</script>]]>\0{{7*7}}")
    subgraph = FSecure().extract(Document(content=hostile.encode()))
    assert all("\0" not in str(vertex.properties) for vertex in subgraph.vertices.values())


@needs_cases()
def test_what_stucco_asserts_is_found() -> None:
    found = score("FSecureExtractorTest", lambda case: read(FSecure, "".join(case.inputs.values())))
    assert not found.missing, found
