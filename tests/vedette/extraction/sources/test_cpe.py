"""`cpe`: dictionaries in XML and JSON, and lists of names."""

from __future__ import annotations

import json

import pytest

from tests.vedette.extraction.graphs import named, read, said
from tests.vedette.extraction.stucco_cases import Case, needs_cases, score
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.cpe import Cpe
from vedette.extraction.subgraph import Subgraph

XML = """<?xml version='1.0' encoding='UTF-8'?>
<cpe-list xmlns="http://cpe.mitre.org/dictionary/2.0" xmlns:meta="http://scap.nist.gov/schema/cpe-dictionary-metadata/0.2"
          xmlns:cpe-23="http://scap.nist.gov/schema/cpe-extension/2.3">
  <generator><product_name>National Vulnerability Database (NVD)</product_name></generator>
  <cpe-item name="cpe:/a:acme:anvil:1.0">
    <title xml:lang="en-US">ACME  Anvil 1.0</title>
    <references><reference href="https://acme.example/">Vendor</reference></references>
    <meta:item-metadata modification-date="2030-01-02T00:00:00.000Z" status="FINAL" nvd-id="77"/>
  </cpe-item>
  <cpe-item name="cpe:/a:acme:anvill:1.0" deprecated="true" deprecation_date="2030-01-02T00:00:00.000Z">
    <title xml:lang="en-US">ACME Anvill</title>
    <cpe-23:cpe23-item name="cpe:2.3:a:acme:anvill:1.0:*:*:*:*:*:*:*">
      <cpe-23:deprecation>
        <cpe-23:deprecated-by name="cpe:2.3:a:acme:anvil:1.0:*:*:*:*:*:*:*" type="NAME_CORRECTION"/>
      </cpe-23:deprecation>
    </cpe-23:cpe23-item>
  </cpe-item>
  <cpe-item name="anvil"/><cpe-item/>
</cpe-list>
"""


def test_items_are_read() -> None:
    subgraph = read(Cpe, XML)
    said(
        named(subgraph, "cpe:/a:acme:anvil:1.0"),
        observableType="Product",
        source=("CPE",),
        description=("ACME Anvil 1.0", "acme anvil version 1.0"),
        part="/a",
        vendor="acme",
        product="anvil",
        version="1.0",
        update=None,
        references=("https://acme.example/",),
        status="FINAL",
        nvdId="77",
        modifiedDate=1893542400000,
    )
    said(
        named(subgraph, "cpe:/a:acme:anvill:1.0"),
        status="deprecated",
        alias=("cpe:2.3:a:acme:anvill:1.0:*:*:*:*:*:*:*",),
        deprecatedBy=("cpe:2.3:a:acme:anvil:1.0:*:*:*:*:*:*:*",),
    )
    assert len(subgraph.vertices) == 2
    assert len(subgraph.problems) == 2


def test_the_apis_products_are_read() -> None:
    name = r"cpe:2.3:a:acme:anvil\+\+:1.0:*:*:*:lite:android:*:*"
    cpe = {
        "deprecated": False,
        "cpeName": name,
        "cpeNameId": "0-0",
        "lastModified": "2030-01-02T00:00:00.000",
        "created": "2030-01-01T00:00:00.000",
        "titles": [{"title": "ACME Anvil++", "lang": "en"}, {"title": "Enclume", "lang": "fr"}],
        "refs": [{"ref": "https://acme.example/", "type": "Vendor"}],
    }
    subgraph = read(Cpe, json.dumps({"products": [{"cpe": cpe}, {"cpe": {"cpeName": 3}}, 4]}))
    said(
        named(subgraph, name),
        description=("ACME Anvil++", "acme anvil++ version 1.0"),
        product="anvil++",
        sw_edition="lite",
        target_sw="android",
        createdDate=1893456000000,
        references=("https://acme.example/",),
        status=None,
    )
    assert len(subgraph.problems) == 3


def test_lists_of_names_are_read_line_by_line() -> None:
    content = "# names\ncpe:/o:acme:os:1\r\n\n  cpe:2.3:h:acme:hammer  \nno name\n" + "cpe:/a:x:" + "y" * 20_000
    subgraph = read(Cpe, content)
    assert [vertex.name for vertex in subgraph.vertices.values()] == ["cpe:/o:acme:os:1", "cpe:2.3:h:acme:hammer"]
    assert [problem.reason[:30] for problem in subgraph.problems] == [
        "'no name' is no CPE name: it b",
        "a CPE name of 8000 characters;",
    ]
    assert not read(Cpe, "")
    assert not read(Cpe, "# nothing\n")


@pytest.mark.parametrize("content", ["<nvd/>", "one\ntwo\n", '{"cpe": {}}', "\0\0\xff"])
def test_what_is_no_dictionary_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        Cpe().extract(Document(content=content.encode()))


@needs_cases()
@pytest.mark.parametrize("suite", ["CpeExtractorTest", "scala_CpeExtractorSuite"])
def test_what_stucco_asserts_is_found(suite: str) -> None:
    def extract(case: Case) -> Subgraph:
        try:
            return read(Cpe, "".join(case.inputs.values()))
        except ExtractionError:
            return Subgraph(vertices={})

    found = score(suite, extract)
    assert not found.missing, found
