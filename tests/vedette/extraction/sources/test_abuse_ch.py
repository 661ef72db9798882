"""URLhaus and ThreatFox: CSV, dumps in JSON and answers of the API say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError, Extractor
from vedette.extraction.sources.threatfox import ThreatFox
from vedette.extraction.sources.urlhaus import UrlHaus

URL = "http://192.0.2.7:4455/i"
SHA256 = "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"
SEEN = 1795161662000

URLHAUS_CSV = (
    "########\n# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n#\n"
    f'"3","2026-11-20 08:01:02","{URL}","online","2026-11-21 08:01:02","malware_download","elf,Mozi",'
    '"https://urlhaus.example/url/3/","someone"\n'
)
URLHAUS_ENTRY: dict[str, Any] = {
    "dateadded": "2026-11-20 08:01:02 UTC",
    "url": URL,
    "url_status": "online",
    "last_online": "2026-11-21 08:01:02 UTC",
    "threat": "malware_download",
    "tags": ["elf", "Mozi"],
    "urlhaus_link": "https://urlhaus.example/url/3/",
    "reporter": "someone",
}
URLHAUS_ANSWER = {
    "date_added": URLHAUS_ENTRY["dateadded"],
    "urlhaus_reference": URLHAUS_ENTRY["urlhaus_link"],
    **{key: URLHAUS_ENTRY[key] for key in ("url", "url_status", "last_online", "threat", "tags", "reporter")},
}
THREATFOX_CSV = (
    '# "first_seen_utc","ioc_id"\n"2026-11-20 08:01:02", "1299", "192.0.2.7:443", "ip:port", "botnet_cc", '
    '"win.cobalt_strike", "Agentemis,BEACON", "Cobalt Strike", "", "75", "False", "None", "cs,c2", "0", "someone"\n'
)
THREATFOX_ENTRY: dict[str, Any] = {
    "ioc_value": "192.0.2.7:443",
    "ioc_type": "ip:port",
    "threat_type": "botnet_cc",
    "malware": "win.cobalt_strike",
    "malware_alias": "Agentemis,BEACON",
    "malware_printable": "Cobalt Strike",
    "first_seen_utc": "2026-11-20 08:01:02",
    "last_seen_utc": None,
    "confidence_level": 75,
    "reference": None,
    "tags": "cs,c2",
    "reporter": "someone",
}
THREATFOX_ANSWER = {
    "ioc": "192.0.2.7:443",
    "first_seen": "2026-11-20 08:01:02 UTC",
    **{key: THREATFOX_ENTRY[key] for key in ("threat_type", "malware", "malware_printable", "malware_alias")},
    "confidence_level": 75,
    "tags": ["cs", "c2"],
    "reporter": "someone",
}


@pytest.mark.parametrize(
    "content",
    [
        URLHAUS_CSV,
        json.dumps({"3": [URLHAUS_ENTRY]}),
        json.dumps([URLHAUS_ENTRY]),
        json.dumps({"query_status": "ok", "urls": [URLHAUS_ANSWER]}),
        json.dumps({"query_status": "ok", **URLHAUS_ANSWER}),
    ],
    ids=["csv", "dump", "array", "answer", "one"],
)
def test_a_url_says_what_it_serves(content: str) -> None:
    found = read(UrlHaus(), content)

    assert relations(found) == {
        ("malware_download", "Observable", URL),
        ("malware_download", "UsesIP", "192.0.2.7"),
        (URL, "Sub-Observable", "192.0.2.7"),
    }
    said = vertex(found, URL).properties
    assert (said["tags"], said["status"], said["firstSeen"]) == (("elf", "Mozi"), "online", SEEN)
    assert (said["references"], said["lastSeen"]) == (("https://urlhaus.example/url/3/",), SEEN + 86_400_000)
    assert b"192.0.2.7" in quoted(content, found, URL)
    assert not found.skipped


def test_payloads_are_files_of_the_malware_that_they_are() -> None:
    payload = {
        "firstseen": "2026-11-20",
        "filename": "a.elf",
        "file_type": "elf",
        "response_size": "99",
        "response_md5": "B5bcb300eb41207d0d945b79c364a0b5",
        "response_sha256": SHA256,
        "signature": "Mozi",
    }
    found = read(UrlHaus(), json.dumps({**URLHAUS_ANSWER, "payloads": [payload, {"signature": None}]}))

    assert {
        (URL, "Sub-Observable", SHA256),
        ("Mozi", "Observable", SHA256),
        ("Mozi", "Observable", URL),
    } <= relations(found)
    file = vertex(found, SHA256).properties
    assert (file["md5"], file["size"], file["fileName"]) == ("b5bcb300eb41207d0d945b79c364a0b5", 99, ("a.elf",))


@pytest.mark.parametrize(
    "content",
    [THREATFOX_CSV, json.dumps({"1299": [THREATFOX_ENTRY]}), json.dumps({"data": [THREATFOX_ANSWER]})],
    ids=["csv", "dump", "answer"],
)
def test_an_indicator_is_of_its_malware(content: str) -> None:
    found = read(ThreatFox(), content)

    assert ("Cobalt Strike", "Observable", "192.0.2.7:443") in relations(found)
    assert ("Cobalt Strike", "UsesIP", "192.0.2.7") in relations(found)
    assert vertex(found, "Cobalt Strike").properties["alias"] == ("win.cobalt_strike", "Agentemis", "BEACON")
    assert vertex(found, "192.0.2.7:443").properties["tags"] == ("cs", "c2")
    (edge,) = (edge for edge in found.edges if edge.relation == "UsesIP")
    assert edge.properties == {"firstSeen": SEEN, "threatType": "botnet_cc", "confidence": 0.75}
    assert not found.skipped


def test_of_unknown_malware_the_indicator_alone_is_stated() -> None:
    entry = THREATFOX_ENTRY | {
        "ioc_value": "evil[.]example",
        "malware": "unknown",
        "malware_printable": "Unknown malware",
    }
    found = read(ThreatFox(), json.dumps({"7": [entry]}))

    assert kinds(found) == {"evil.example": "Domain Name"}


@pytest.mark.parametrize(
    ("extractor", "entry"), [(UrlHaus(), URLHAUS_ENTRY), (ThreatFox(), THREATFOX_ENTRY)], ids=["urlhaus", "threatfox"]
)
def test_a_bad_entry_costs_itself_alone(extractor: Extractor, entry: dict[str, Any]) -> None:
    wrong = {**entry, "url": ["x"], "ioc_value": {"a": 1}, "tags": 7, "reporter": {}, "confidence_level": "much"}
    found = read(extractor, json.dumps({"1": [wrong], "2": [entry], "3": 4, "5": []}))

    assert "192.0.2.7" in kinds(found)
    assert "entry 3: is no object" in reasons(found)
    assert any(reason.startswith("entry 1: ") for reason in reasons(found))


def test_a_dump_that_is_cut_off_gives_what_came_before() -> None:
    content = json.dumps({"3": [URLHAUS_ENTRY], "4": [URLHAUS_ENTRY | {"url": "http://b.example/"}]})

    found = read(UrlHaus(), content[:-40])

    assert URL in kinds(found)
    assert found.skipped == 1


@pytest.mark.parametrize("extractor", [UrlHaus(), ThreatFox()], ids=["urlhaus", "threatfox"])
@pytest.mark.parametrize("content", ['{"query_status": "no_results"}', "[1, 2]", '{"1": ', '"a'])
def test_what_says_nothing_is_refused_with_the_reason(extractor: Extractor, content: str) -> None:
    with pytest.raises(ExtractionError):
        read(extractor, content)


def test_a_list_with_a_header_alone_states_nothing() -> None:
    assert not read(UrlHaus(), "# id,dateadded,url\n#\n")
    assert not read(ThreatFox(), '"first_seen_utc","ioc_id","ioc_value","ioc_type"\n')
