"""`sophos`: threat analyses."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from tests.vedette.extraction.stucco_cases import needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.sophos import Sophos

SHA1 = "0123456789abcdef0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef0123456789abcdef"
MD5 = "0123456789abcdef0123456789abcdef"


def _page(body: str, name: str = "Troj/Anvil-A") -> str:
    return f"""<!DOCTYPE html><html><body><h2>Sophos</h2>
<div class="marquee threatDetailMarquee"><div class="marqTitle"><h1>{name}</h1><table>
<tr><td><strong> Category: </strong></td><td>Viruses and Spyware</td>
    <td><strong>Protection available since:</strong></td><td>18 Aug 2031 20:16:07 (GMT)</td></tr>
<tr><td><strong>Type:</strong></td><td>Trojan</td><td><strong>Last Updated:</strong></td><td>soon</td></tr>
<tr><td><strong>Prevalence:</strong></td><td><img src="x.gif" title="Small Number of Reports"/></td></tr>
</table></div></div>
<div class="secondaryContent"><div class="threatDetail">{body}</div></div></body></html>
"""


SUMMARY = _page(
    """<h3> Aliases </h3><ul class="aliases"><li>TR/Anvil.1</li><li> W32/Anvil </li></ul>
<h3>Characteristics</h3><ul><li>Falls</li></ul>
<h3>Affected Operating Systems</h3><p><img alt="Windows"/><img alt="Mac"/></p>
<h3>Recovery Instructions:</h3><p>Look <a href="/up">up</a>.</p>"""
)
DETAILS = _page(
    f"""Examples:<h3>Example 1</h3><h4>File Information</h4><dl><dt>Size</dt><dd>5K</dd>
<dt>SHA-1</dt><dd>{SHA1.upper()}</dd>
<dt>MD5</dt><dd>{MD5}</dd><dt>File type</dt><dd>application/x-anvil</dd><dt>First seen</dt><dd>2031-08-18</dd></dl>
<h4>Other vendor detection</h4><dl><dt>Avira</dt><dd>TR/Anvil.1</dd></dl>
<h4>Runtime Analysis</h4>
<h5>Dropped Files</h5><ul><li>c:\\anvil.exe<dl><dt>SHA-1</dt><dd>{OTHER}</dd></dl></li>
<li>c:\\road.bat</li><li></li></ul>
<h5>Registry Keys Created</h5><ul><li>HKCU\\Software\\Anvil<dl><dt>x</dt><dd>y</dd></dl></li></ul>
<h5>Processes Created</h5><ul><li>c:\\cmd.exe</li></ul>
<h5>HTTP Requests</h5><ul><li>http://anvil.example:8080/gate.php</li><li>http://192.0.2.1/x</li><li>http://[</li></ul>
<h5>DNS Requests</h5><ul><li>drop.anvil.example</li></ul>
<h5>IP Connections</h5><ul><li>192.0.2.7:443</li></ul>
<h3>Example 2</h3><h4>File Information</h4><dl><dt>MD5</dt><dd>not a hash</dd></dl>"""
)


def test_the_summary_is_read() -> None:
    subgraph = read(Sophos, SUMMARY)
    said(
        named(subgraph, "Troj/Anvil-A"),
        vertexType="Malware",
        source=("Sophos",),
        description=("Troj/Anvil-A",),
        alias=("TR/Anvil.1", "W32/Anvil"),
        malwareType=("Trojan",),
        category="Viruses and Spyware",
        prevalence="Small Number of Reports",
        platform=("Windows", "Mac"),
        characteristics=("Falls",),
        discoveryDate=1944850567000,
        modifiedDate=None,
    )
    assert relations(subgraph) == {("Troj/Anvil-A", "SuggestedCOA", "Remedy of Troj/Anvil-A")}
    said(named(subgraph, "Remedy of Troj/Anvil-A"), description=("Look up.",))
    assert [problem.reason for problem in subgraph.problems] == ["updated: 'soon' is no date"]


def test_what_samples_do_is_read() -> None:
    subgraph = read(Sophos, DETAILS)
    said(
        named(subgraph, SHA1),
        observableType="File",
        sha1=SHA1,
        md5=MD5,
        size="5K",
        mimeType="application/x-anvil",
        firstSeen=1944777600000,
        detections=("Avira: TR/Anvil.1",),
    )
    said(named(subgraph, OTHER), path=("c:\\anvil.exe",), description=("c:\\anvil.exe",))
    said(named(subgraph, "anvil.example:8080"), description=("anvil.example, port 8080",))
    malware = "Troj/Anvil-A"
    observed = {into for out, relation, into in relations(subgraph) if (out, relation) == (malware, "Observable")}
    assert observed == {
        *(SHA1, OTHER, "c:\\road.bat", "HKCU\\Software\\Anvil", "c:\\cmd.exe"),
        *("http://anvil.example:8080/gate.php", "anvil.example:8080", "http://192.0.2.1/x", "drop.anvil.example"),
        "192.0.2.7:443",
    }
    assert {into for _, relation, into in relations(subgraph) if relation == "UsesIP"} == {"192.0.2.1", "192.0.2.7"}
    reasons = " / ".join(problem.reason for problem in subgraph.problems)
    assert "'not a hash' is no MD5" in reasons
    assert "'http://['" in reasons


def test_both_pages_are_one_malware() -> None:
    subgraph = read(Sophos, SUMMARY + DETAILS + _page("<p>An anvil<br>falls.</p><p>Twice.</p>", "Mal/Anvil-B"))
    malware = [vertex.name for vertex in subgraph.vertices.values() if vertex.type == "Malware"]
    assert malware == ["Troj/Anvil-A", "Mal/Anvil-B"]
    said(named(subgraph, "Mal/Anvil-B"), description=("Mal/Anvil-B", "An anvil falls. Twice."))


@pytest.mark.parametrize(
    "content", ["", "words", "<html><h1>404</h1></html>", "<html><div class=threatDetail>x</div></html>"]
)
def test_what_is_no_analysis_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        Sophos().extract(Document(content=content.encode()))


@needs_cases()
def test_what_stucco_asserts_is_found() -> None:
    found = score("SophosExtractorTest", lambda case: read(Sophos, "".join(case.inputs.values())))
    assert not found.missing, found
