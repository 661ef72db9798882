"""Which extractor reads an item."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.choosing import choose, find
from vedette.extraction.interface import ExtractorCatalogue

KNOWN = (
    *("1d4", "argus", "attack", "bugtraq", "caida", "cleanmx", "cpe", "cve", "dns", "dnsrecord", "fsecure", "geoip"),
    *("hone", "http", "http-headers", "installed_package", "kev", "login_events", "malwaredomainlist", "nmap", "nvd"),
    *("servicelist", "stix", "tcp-connect", "urlhaus", "zeustracker"),
)


@pytest.mark.parametrize(
    ("meta", "extractor"),
    [
        ({"source": "stucco.in.structured.argus"}, "argus"),
        ({"source": "stucco.in.structured.argus.sensor1"}, "argus"),
        ({"source": "a.b.in.structured.argus.sensor1.room.3"}, "argus"),
        ({"source": "stucco.in.structured.maxmind"}, "geoip"),
        ({"source": "stucco.in.structured.caida.as2org"}, "caida"),
        ({"source": "stucco.in.structured.nvd-xml"}, "nvd"),
        ({"source": "stucco.in.structured.NVD"}, "nvd"),
        ({"source": "stucco.in.structured.login-events.host7"}, "login_events"),
        ({"source": "stucco.in.structured.feeds.urlhaus"}, "urlhaus"),
        ({"source": "stucco.in.structured.feeds.abuse.urlhaus"}, "urlhaus"),
        ({"source": "vedette.in.structured.nmap-xml.probe1", "agent": "probe1@localhost"}, "nmap"),
        ({"source": "vedette.in.structured.http-headers.probe1", "format": "http-headers/1"}, "http-headers"),
        ({"source": "vedette.in.structured.router.west", "format": "tcp-connect/1"}, "tcp-connect"),
        ({"source": "vedette.in.structured.office", "format": "hone/1"}, "hone"),
        ({"source": "vedette.in.structured.office", "format": "lines", "collector": "NETFLOW"}, "argus"),
        ({"source": "vedette.in.structured.office", "format": "services-changes/1"}, "servicelist"),
        ({"source": "vedette.in.structured.office", "content_type": "application/stix+json;version=2.1"}, "stix"),
        ({"format": "nmap-xml", "type": "scan"}, "nmap"),
        ({"format": "scan", "type": "nmap-scan"}, "nmap"),
        ({"source": "no key at all", "format": "dns/1"}, "dns"),
    ],
)
def test_the_first_word_that_names_an_extractor_decides(meta: dict[str, Any], extractor: str) -> None:
    assert choose(meta, known=KNOWN).extractor == extractor


def test_the_source_name_comes_before_the_data_name() -> None:
    assert choose({"source": "x.in.structured.argus.nvd"}, known=KNOWN).extractor == "argus"


def test_a_probes_own_name_does_not_decide() -> None:
    meta = {"source": "vedette.in.structured.lines.dns", "agent": "dns@localhost", "format": "lines", "type": "dns"}
    choice = choose(meta, known=KNOWN)
    assert choice.extractor is None
    assert "'lines'" in choice.reason


@pytest.mark.parametrize("media", ["", "text/plain; charset=utf-8", "text/html", "application/pdf", 7])
def test_whatever_is_unstructured_is_prose(media: object) -> None:
    meta = {"source": "vedette.in.unstructured.nvd", "content_type": media}
    choice = choose(meta, known=[*KNOWN, "prose"])
    assert (choice.extractor, "unstructured" in choice.reason) == ("prose", True)


@pytest.mark.parametrize("media", ["image/png", "Video/mp4; codecs=x", "application/zip"])
def test_what_has_no_sentences_is_not(media: str) -> None:
    choice = choose({"source": "v.in.unstructured.x", "content_type": media}, known=["prose"])
    assert choice.extractor is None
    assert "has no sentences" in choice.reason


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"source": "vedette.in.unstructured.nvd"}, "unstructured"),
        ({"source": "vedette.in.structured.weather", "format": "document"}, "no extractor for source name 'weather'"),
        ({"format": "document", "type": "page"}, "no extractor for format 'document', type 'page'"),
        ({}, "does not say"),
        ({"source": 7, "format": ["nmap"], "type": None, "agent": 3}, "does not say"),
        ({"source": f"v.in.structured.{'x' * 300}"}, "does not say"),
    ],
)
def test_without_an_extractor_the_reason_says_why(meta: dict[str, Any], reason: str) -> None:
    choice = choose(meta, known=KNOWN)
    assert choice.extractor is None
    assert reason in choice.reason


def test_an_extractor_of_that_very_name_comes_before_another_name_for_it() -> None:
    assert choose({"source": "v.in.structured.packages"}, known=KNOWN).extractor == "installed_package"
    assert choose({"source": "v.in.structured.packages"}, known=[*KNOWN, "packages"]).extractor == "packages"


@pytest.mark.parametrize(
    ("word", "extractor"),
    [
        ("nmap-xml", "nmap"),
        ("dns/1", "dns"),
        ("http-headers/1", "http-headers"),
        ("tcp-connect/1", "tcp-connect"),
        ("tls-certificate/1", "tls-certificate"),
        ("packages/1", "installed_package"),
        ("packages-changes/1", "installed_package"),
        ("services/1", "servicelist"),
        ("services-changes/1", "servicelist"),
        ("logins/1", "login_events"),
        ("hone/1", "hone"),
        ("syslog/1", "syslog"),
        ("maxmind", "geoip"),
        ("mitre-attack", "attack"),
        ("cisa-kev", "kev"),
        ("f-secure", "fsecure"),
        ("taxii", "stix"),
    ],
)
def test_what_our_agents_send_is_read_by_an_extractor_that_is_there(word: str, extractor: str) -> None:
    catalogue = ExtractorCatalogue()

    assert choose({"format": word}).extractor == extractor
    assert catalogue.extractor(extractor).name == extractor


def test_a_word_alone_is_found_too() -> None:
    assert find("GeoLite2-CSV", KNOWN) == "geoip"
    assert find("weather", KNOWN) is None


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["source", "agent", "format", "type", "collector", "content_type"]),
        st.none() | st.integers() | st.text(max_size=40) | st.lists(st.text(), max_size=2),
    )
)
def test_whatever_an_item_says_there_is_an_answer(meta: dict[str, Any]) -> None:
    choice = choose(meta, known=KNOWN)
    assert choice.reason
    assert choice.extractor is None or choice.extractor in KNOWN
