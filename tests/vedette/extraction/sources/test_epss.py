"""`epss`: the daily CSV, and the API's JSON."""

from __future__ import annotations

import json

import pytest

from tests.vedette.extraction.graphs import named, read, said
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.epss import Epss

CSV = """#model_version:v2031.03.01,score_date:2031-03-01T00:00:00+0000
cve,epss,percentile
CVE-2031-0001,0.97432,0.99995
CVE-2031-0002,0.00043,0.08141
"""


def test_the_days_file_is_read() -> None:
    subgraph = read(Epss, CSV)
    said(
        named(subgraph, "CVE-2031-0001"),
        source=("EPSS",),
        description=None,
        epssScore=0.97432,
        epssPercentile=0.99995,
        epssDate=1930089600000,
        epssModel="v2031.03.01",
    )
    assert named(subgraph, "CVE-2031-0002").position.label == "row 4"
    assert len(subgraph.vertices) == 2
    assert not subgraph.problems


def test_the_apis_answer_is_read() -> None:
    data = [
        {"cve": "CVE-2031-0001", "epss": "0.974320000", "percentile": "0.999950000", "date": "2031-03-01"},
        {"cve": "CVE-2031-0002", "epss": 0.5, "percentile": None},
    ]
    subgraph = read(Epss, json.dumps({"status": "OK", "total": 2, "data": data}))
    said(named(subgraph, "CVE-2031-0001"), epssScore=0.97432, epssPercentile=0.99995, epssDate=1930089600000)
    said(named(subgraph, "CVE-2031-0002"), epssScore=0.5, epssPercentile=None, epssDate=None)
    assert not subgraph.problems


def test_rows_that_are_wrong_cost_themselves() -> None:
    rows = "CVE-2031-0003,NaN,0.1\nCVE-2031-0004,1.5,0.1\nx,0.1,0.1\n,,\nCVE-2031-0005,0.5\n"
    subgraph = read(Epss, CSV.replace("2031-03-01T00:00:00+0000", "soon") + rows)
    said(named(subgraph, "CVE-2031-0005"), epssScore=0.5, epssPercentile=None, epssDate=None)
    assert [problem.reason for problem in subgraph.problems] == [
        "score_date: 'soon' is no date",
        "epss: 'NaN' is no probability",
        "epss: '1.5' is no probability",
        "'x' is no CVE id",
    ]


def test_without_comment_or_header_it_is_still_read() -> None:
    subgraph = read(Epss, "CVE-2031-0001,0.5,0.6\n")
    said(named(subgraph, "CVE-2031-0001"), epssScore=0.5, epssModel=None)


@pytest.mark.parametrize("content", ["words\n", "<x/>", '{"data": [[]]}', "{"])
def test_what_is_no_scores_is_refused(content: str) -> None:
    with pytest.raises(ExtractionError):
        Epss().extract(Document(content=content.encode()))
