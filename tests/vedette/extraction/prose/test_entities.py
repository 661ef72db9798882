"""Entities merged of patterns, model and rules: each stretch of text once, by who knows best."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.prose_reader import ListedReader
from vedette.extraction.prose.annotated import Entity
from vedette.extraction.prose.annotating import annotate_all
from vedette.extraction.prose.text.texts import Text


def entities(text: str, names: dict[str, str] | None = None) -> list[Entity]:
    """Return what is found in a text, where the model knows some names."""
    (found,) = annotate_all([Text.plain(text)], reader=ListedReader(names or {}))
    return list(found.entities)


def said(text: str, names: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Return label, name and origin of what is found."""
    return [(one.label, one.name, one.origin) for one in entities(text, names)]


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        ("They use hxxp://evil[.]example/a here.", {}, [("URL", "http://evil.example/a", "indicator")]),
        # What only a pattern can know.
        (
            "They use CVE-2021-44228 here.",
            {"CVE-2021-44228": "MALWARE"},
            [("VULN_ID", "CVE-2021-44228", "indicator")],
        ),
        # A longer name of the model's wins over what looks like a domain.
        (
            "They paid Booking.com Holdings here.",
            {"Booking.com Holdings": "ORG"},
            [("ORG", "Booking.com Holdings", "model")],
        ),
        (
            "They saw Emotet on Linux here.",
            {"Emotet": "MALWARE"},
            [("MALWARE", "Emotet", "model"), ("OS", "Linux", "rule")],
        ),
        (
            "They run Foo CMS 2.4.1 and 3.x here.",
            {"Foo CMS": "SOFTWARE"},
            [("SOFTWARE", "Foo CMS", "model"), ("VERSION", "2.4.1", "rule"), ("VERSION", "3.x", "rule")],
        ),
        (
            "They see a SQL injection via the id parameter here.",
            {},
            [("VULNERABILITY", "SQL injection", "rule"), ("PARAMETER", "id", "rule")],
        ),
        ("They call parse_header() here.", {}, [("FUNCTION", "parse_header", "rule")]),
        ("They say nothing here.", {}, []),
        # A label that is none of ours says nothing.
        ("They saw Emotet here.", {"Emotet": "Malware"}, []),
    ],
)
def test_each_stretch_is_named_once(text: str, names: dict[str, str], wanted: list[tuple[str, str, str]]) -> None:
    assert said(text, names) == wanted


def test_who_agree_are_as_sure_as_the_surest() -> None:
    model_alone, agreed = (entities(f"It runs on {name} here.", {name: "OS"})[0] for name in ("Foonix", "Linux"))

    assert model_alone.confidence == 0.9
    assert (agreed.origin, agreed.confidence) == ("model", 0.9)


def test_a_name_in_two_lines_is_one() -> None:
    text = "The people of that small town have for all these years feared the Lazarus\nGroup and its friends."
    (found,) = entities(text, {"Lazarus Group": "THREAT_ACTOR"})

    assert (found.text, found.value) == ("Lazarus\nGroup", "Lazarus Group")


def test_tables_and_code_are_read_for_indicators_alone() -> None:
    text = "    GET /a HTTP/1.1\n    Host: evil.example.com\n    User-Agent: Emotet on Linux\n"

    assert {label for label, _, _ in said(text, {"Emotet": "MALWARE"})} <= {"DOMAIN", "PATH", "URL", "FILE"}


def test_entities_are_in_order_and_do_not_overlap() -> None:
    text = "Emotet uses evil.example.com. Lazarus exploits CVE-2021-1 in Windows 7 SP1 at 1.2.3.4, or Emotet does."

    found = entities(text, {"Emotet": "MALWARE", "Lazarus": "THREAT_ACTOR"})

    assert [one.id for one in found] == list(range(len(found)))
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(one.text == text[one.start : one.end] for one in found)
