"""docs/extraction.md is true: its commands run, its tables name what there is, its plug-ins work."""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vedette.cli.main import build
from vedette.extraction.interface import EXTRACTORS, Document, Extractor, ExtractorCatalogue
from vedette.extraction.sources.epss import Epss
from vedette.extraction.sources.kev import Kev
from vedette.extraction.sources.nvd import Nvd

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extraction.md").read_text()
NVD = {
    "id": "CVE-2031-0001",
    "published": "2031-01-01T00:00:00",
    "vulnStatus": "Analyzed",
    "cveTags": [{"tags": ["disputed"]}],
    "metrics": {
        "cvssMetricV40": [
            {"cvssData": {"version": "4.0", "baseScore": 9, "vectorString": "x", "baseSeverity": "HIGH"}}
        ]
    },
    "references": [{"url": "https://a.example/"}],
    "configurations": [
        {
            "nodes": [
                {
                    "cpeMatch": [
                        {"vulnerable": True, "criteria": "cpe:2.3:a:x:y", "versionEndExcluding": "2"},
                        {"vulnerable": False, "criteria": "cpe:2.3:o:x:z"},
                    ]
                }
            ]
        }
    ],
}
KEV = """cveID,product,dateAdded,dueDate,requiredAction,knownRansomwareCampaignUse
CVE-2031-0001,Anvil,2031-01-01,2031-01-02,Look,Known
"""
FILES = {
    "nvd.json": json.dumps({"vulnerabilities": [{"cve": NVD}]}),
    "kev.csv": KEV,
    "packages.csv": "hostname,package,version\nweb1,anvil,1.0\n",
}
RECORD = json.dumps({"cveMetadata": {"cveId": "CVE-2031-0001", "state": "PUBLISHED"}})


def _blocks(language: str, name: str = "") -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [block for block in found if block.startswith(f"# {name}")] if name else found


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        _, *words = shlex.split(line)
        done = CliRunner().invoke(build(words), words, input=RECORD)
        assert done.exit_code == 0, (line, done.output)
        assert json.loads(done.stdout)["vertices"], line


def test_the_table_names_all_sources_in_order() -> None:
    table = PAGE.partition("## Sources\n")[2].partition("###")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert rows == ExtractorCatalogue().names


def test_the_properties_of_vulnerabilities_are_those_that_are_made() -> None:
    table = PAGE.partition("### What is said of vulnerabilities\n")[2].partition("\nEdges:")[0]
    said = {
        name: re.findall(r"`(\w+)`", cells.rpartition("|")[2])
        for names, cells in re.findall(r"^\| (`.*?`) \| (.*) \|$", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert len(said) > 20
    documents: list[tuple[Extractor, str]] = [
        (Nvd(), FILES["nvd.json"]),
        (Kev(), KEV),
        (Epss(), "#model_version:v,score_date:2031-01-01\nCVE-2031-0001,0.1,0.2\n"),
    ]
    for extractor, content in documents:
        vertices = extractor.extract(Document(content=content.encode())).vertices.values()
        [vulnerability] = [vertex for vertex in vertices if vertex.type == "Vulnerability"]
        made = set(vulnerability.properties) - {"vertexType", "name", "source", "description"}
        assert made <= set(said)
        assert all(extractor.name in said[name] for name in made), made


@pytest.mark.parametrize(
    ("module", "value", "document", "name"),
    [
        (
            "acme_reports",
            "Reports",
            "time,address,name,cve,note\n2031-01-01,192.0.2.1,a.example,CVE-2031-0001,x\n2031-01-02,no address,,,\n",
            "CVE-2031-0001 on 192.0.2.1",
        ),
        ("acme_lines", "Lines", "a.example 192.0.2.1\nb.example nonsense\n", "a.example_resolved_to_192.0.2.1"),
    ],
)
def test_the_plug_ins_of_the_page_work(
    module: str, value: str, document: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, language in ((f"{module}.py", "python"), ("reports.yml", "text")):
        [text] = _blocks(language, file)
        (tmp_path / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint(name=module.replace("_", "-"), value=f"{module}:{value}", group=EXTRACTORS)
    try:
        extractor = ExtractorCatalogue([point]).extractor(point.name)
    finally:
        sys.modules.pop(module, None)
    subgraph = extractor.extract(Document(content=document.encode()))
    assert name in {vertex.name for vertex in subgraph.vertices.values()}
    assert len(subgraph.problems) == 1
