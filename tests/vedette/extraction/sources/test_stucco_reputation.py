"""Stucco's cases of the lists of threats and of networks: what they assert is found."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stucco_cases import Case, Score, cases, judge, needs_cases
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.sources.address_lists import EmergingThreats, OneD4, ZeusTracker
from vedette.extraction.sources.caida import Caida
from vedette.extraction.sources.cleanmx import CleanMx
from vedette.extraction.sources.geoip import GeoIp
from vedette.extraction.sources.malwaredomainlist import MalwareDomainList
from vedette.extraction.subgraph import Subgraph

ASSERTED: dict[str, type[Extractor]] = {
    "CIF1d4ExtractorTest": OneD4,
    "CIFEmergingThreatsExtractorTest": EmergingThreats,
    "CIFZeusTrackerExtractorTest": ZeusTracker,
    "CaidaExtractorTest": Caida,
    "CleanMxVirusExtractorTest": CleanMx,
    "GeoIPExtractorTest": GeoIp,
    "MalwareDomainListExtractorTest": MalwareDomainList,
    "scala_CIF1d4ExtractorSuite": OneD4,
    "scala_CIFEmergingThreatsExtractorSuite": EmergingThreats,
    "scala_CIFZeusTrackerExtractorSuite": ZeusTracker,
    "scala_CleanMxVirusExtractorSuite": CleanMx,
    "scala_GeoIPExtractorSuite": GeoIp,
}

WRONG = {
    # Clean MX's entry has the URL http://xz.idba.cc:88/…; Stucco says port 80 of every entry.
    "CleanMxVirusExtractorTest": ("80", "115.47.55.160, port 80"),
    # Likewise. `CleanMx entry …` became `CleanMx(virus) entry …` in the later suite, which is what is said now.
    "scala_CleanMxVirusExtractorSuite": (
        "80",
        "115.47.55.160, port 80",
        "115.47.55.160:80",
        "CleanMx entry 22447134",
    ),
    # An organisation of which no system is listed is left out there; here it is stated, as the document does.
    "CaidaExtractorTest": ("nothing is stated",),
}
"""What is asserted, but not so: each with its reason."""


@needs_cases()
@pytest.mark.parametrize("suite", ASSERTED)
def test_what_stucco_asserts_is_found(suite: str) -> None:
    found = Score()
    for case in cases(suite):
        judge(case, _read(ASSERTED[suite](), case), found)

    left = [one for one in found.missing if not _is_wrong(suite, one)]
    assert found.asserted
    assert left == []


def _read(extractor: Extractor, case: Case) -> Subgraph:
    # Stucco gives CAIDA's two tables apart.
    content = "\n".join(case.inputs.values()).encode()
    if case.empty:
        try:
            return extractor.extract(Document(content=content))
        except ExtractionError:
            return Subgraph(vertices={})
    return extractor.extract(Document(content=content)) if content else Subgraph(vertices={})


def _is_wrong(suite: str, missing: str) -> bool:
    value = missing.partition(": ")[2]
    return any(
        value == wrong or f"{wrong} with" in value or f"with {wrong}" in value for wrong in WRONG.get(suite, ())
    )
