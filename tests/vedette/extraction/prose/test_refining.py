"""What the model's spans become: versions apart, systems called so, nothing that is no name."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.ports import Span
from vedette.extraction.prose.refining import refined


@pytest.mark.parametrize(
    ("label", "text", "wanted"),
    [
        (
            "SOFTWARE",
            "Apache Log4j 2.0 through 2.14.1",
            [("SOFTWARE", "Apache Log4j"), ("VERSION", "2.0"), ("VERSION", "2.14.1")],
        ),
        ("SOFTWARE", "Windows 10", [("OS", "Windows"), ("VERSION", "10")]),
        ("SOFTWARE", "Windows 7 SP1", [("OS", "Windows"), ("VERSION", "7"), ("UPDATE", "SP1")]),
        ("OS", "Windows XP Service Pack 2", [("OS", "Windows XP"), ("UPDATE", "Service Pack 2")]),
        ("SOFTWARE", "Windows Media Player", [("SOFTWARE", "Windows Media Player")]),
        # The model calls many programs a system.
        ("OS", "Internet Explorer", [("SOFTWARE", "Internet Explorer")]),
        ("OS", "StarOS", [("OS", "StarOS")]),
        ("OS", "Foo firmware", [("OS", "Foo firmware")]),
        # What something is is not its name.
        ("MALWARE", "ransomware", []),
        ("THREAT_ACTOR", "the group", []),
        ("VULNERABILITY", "former", []),
        ("PARAMETER", "data", []),
        ("PARAMETER", "user_id", [("PARAMETER", "user_id")]),
        ("ATTACK_PATTERN", "ransomware", [("ATTACK_PATTERN", "ransomware")]),
        ("SOFTWARE", "Microsoft Office 365", [("SOFTWARE", "Microsoft Office 365")]),
        ("SOFTWARE", "the Foo Server", [("SOFTWARE", "Foo Server")]),
        ("SOFTWARE", "Foo version 3 and earlier", [("SOFTWARE", "Foo"), ("VERSION", "3")]),
        ("SOFTWARE", "7", []),
        ("VERSION", "before 2.4.1", [("VERSION", "2.4.1")]),
        ("VERSION", "1.0 through 1.4", [("VERSION", "1.0"), ("VERSION", "1.4")]),
        ("VERSION", "Service Pack 1", [("UPDATE", "Service Pack 1")]),
        ("VERSION", "earlier", []),
        ("VULN_ID", "the advisory", []),
        ("MALWARE", "( Emotet )", [("MALWARE", "Emotet")]),
        ("MALWARE", ", .", []),
        ("ORG", "Acme ( Germany )", [("ORG", "Acme ( Germany )")]),
        ("ORG", "Acme 's", [("ORG", "Acme")]),
    ],
)
def test_spans_become_what_fits(label: str, text: str, wanted: list[tuple[str, str]]) -> None:
    words = text.split(" ")
    span = Span(start=0, end=len(words), label=label, confidence=0.9)

    found = [(one.label, " ".join(words[one.start : one.end])) for one in refined([span], words)]

    assert found == wanted


def test_what_is_not_sure_enough_is_left_out() -> None:
    assert list(refined([Span(start=0, end=1, label="MALWARE", confidence=0.29)], ["Emotet"])) == []


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("SOFTWARE", "SOFTWARE"), [("SOFTWARE", "Foo Uploader")]),
        (("OS", "SOFTWARE"), [("SOFTWARE", "Foo Uploader")]),
        (("VENDOR", "SOFTWARE"), [("VENDOR", "Foo"), ("SOFTWARE", "Uploader")]),
    ],
)
def test_a_product_that_was_cut_is_one(labels: tuple[Label, Label], wanted: list[tuple[str, str]]) -> None:
    words = ["Foo", "Uploader", "2.0"]
    spans = [Span(start=at, end=at + 1, label=label, confidence=0.9) for at, label in enumerate(labels)]

    assert [(one.label, " ".join(words[one.start : one.end])) for one in refined(spans, words)] == wanted


@pytest.mark.parametrize(
    ("name", "labels", "wanted"),
    [
        ("Linux kernel", ("VENDOR", "OS"), [("OS", "Linux kernel")]),
        ("Windows RT", ("OS", "SOFTWARE"), [("OS", "Windows RT")]),
        ("Linux Foo", ("OS", "SOFTWARE"), [("OS", "Linux"), ("SOFTWARE", "Foo")]),
        ("Oracle Solaris", ("VENDOR", "OS"), [("VENDOR", "Oracle"), ("OS", "Solaris")]),
    ],
)
def test_a_system_that_was_cut_is_one(name: str, labels: tuple[Label, Label], wanted: list[tuple[str, str]]) -> None:
    words = name.split()
    spans = [Span(start=at, end=at + 1, label=label, confidence=0.9) for at, label in enumerate(labels)]

    assert [(one.label, " ".join(words[one.start : one.end])) for one in refined(spans, words)] == wanted


def test_a_score_is_no_version() -> None:
    words = ["CVE-2024-1709", "(", "CVSS", "score", "of", "9.8", ")", "in", "2.0"]
    spans = [Span(start=at, end=at + 1, label="VERSION", confidence=0.9) for at in (5, 8)]

    assert [words[one.start] for one in refined(spans, words)] == ["2.0"]
